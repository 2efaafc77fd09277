//! Changes of read models: statements with values, run in the transaction that appends their event. The statement
//! is a constant of the program, never text made from input.

use sqlx::any::AnyArguments;
use sqlx::query::Query;
use sqlx::{Any, AnyConnection, AssertSqlSafe};
use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use crate::backend::Kind;
use crate::error::StoreError;

/// A value bound to a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// A whole number.
    Int(i64),
    /// A whole number or nothing.
    MaybeInt(Option<i64>),
    /// Text.
    Text(String),
    /// Text or nothing.
    MaybeText(Option<String>),
    /// Bytes.
    Bytes(Vec<u8>),
}

/// One statement with its values, `$1`, `$2`, … in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Op {
    /// The statement, the same text for both databases.
    pub sql: &'static str,
    /// Its values.
    pub values: Vec<Value>,
}

impl Op {
    /// A statement with its values.
    #[must_use]
    pub fn new(sql: &'static str, values: Vec<Value>) -> Self {
        Self { sql, values }
    }
}

/// Most statements that go to the database at once.
const JOINED_MAX: usize = 64;
/// Longest sequence of statements whose repetition is looked for: what one command leads to.
const PERIOD_MAX: usize = 4;
/// Texts of joined statements that are kept. There are as many as there are kinds of command, times a few powers of two.
const JOINED_KEPT_MAX: usize = 1_024;
/// Texts of joined statements, by the sequence and how often it comes.
static JOINED: LazyLock<Mutex<HashMap<Sequence, Arc<str>>>> = LazyLock::new(Mutex::default);

/// A sequence of statements and how often it comes.
type Sequence = (Vec<&'static str>, usize);

/// Runs changes one after the other inside the caller's transaction.
///
/// SQLite takes several statements as one text, so that the way to its thread and back is gone once for all of them. Only
/// sequences that repeat are joined, so that few texts are to be prepared.
pub(crate) async fn run(kind: Kind, conn: &mut AnyConnection, ops: &[Op]) -> Result<(), StoreError> {
    let mut rest = ops;
    while !rest.is_empty() {
        let (period, times) = match kind {
            Kind::Sqlite => repeating(rest),
            Kind::Postgres => (1, 1),
        };
        let (now, later) = rest.split_at(period * times);
        rest = later;
        let query = match now {
            [one] => sqlx::query(one.sql),
            _ => sqlx::query(AssertSqlSafe(text(now, period, times))),
        };
        let query = now.iter().flat_map(|op| op.values.iter().cloned()).fold(query, bound);
        query.execute(&mut *conn).await.map_err(StoreError::from_write)?;
    }
    Ok(())
}

/// A statement with one more of its values.
pub(crate) fn bound(query: Query<'_, Any, AnyArguments>, value: Value) -> Query<'_, Any, AnyArguments> {
    match value {
        Value::Int(v) => query.bind(v),
        Value::MaybeInt(v) => query.bind(v),
        Value::Text(v) => query.bind(v),
        Value::MaybeText(v) => query.bind(v),
        Value::Bytes(v) => query.bind(v),
    }
}

/// Which sequence the first statements are over and over, as its length and how often it comes: a power of two.
fn repeating(ops: &[Op]) -> (usize, usize) {
    let again = |period: usize| {
        let same = (period..ops.len()).take_while(|&at| ops[at].sql == ops[at - period].sql).count();
        let times = (same / period + 1).min(JOINED_MAX / period);
        (period, 1 << times.ilog2())
    };
    let many = (1..=PERIOD_MAX.min(ops.len())).map(again).filter(|&(_, times)| times > 1);
    many.max_by_key(|&(period, times)| (period * times, times)).unwrap_or((1, 1))
}

/// The text of a sequence that comes again and again, written once.
fn text(ops: &[Op], period: usize, times: usize) -> Arc<str> {
    let sequence: Vec<&'static str> = ops[..period].iter().map(|op| op.sql).collect();
    let mut kept = JOINED.lock().unwrap_or_else(PoisonError::into_inner);
    if kept.len() >= JOINED_KEPT_MAX {
        kept.clear();
    }
    Arc::clone(kept.entry((sequence, times)).or_insert_with(|| joined(ops).into()))
}

/// Statements as one text, their values numbered through.
fn joined(ops: &[Op]) -> String {
    let (mut sql, mut before) = (String::new(), 0);
    for op in ops {
        let mut parts = op.sql.split('$');
        sql.push_str(parts.next().unwrap_or_default());
        for part in parts {
            let digits = part.len() - part.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            let (number, text) = part.split_at(digits);
            match number.parse::<usize>() {
                Ok(number) => _ = write!(sql, "${}{text}", number + before),
                Err(_) => _ = write!(sql, "${part}"),
            }
        }
        sql.push_str("; ");
        before += op.values.len();
    }
    sql
}

#[cfg(test)]
mod tests {
    use super::*;

    fn op(sql: &'static str, values: usize) -> Op {
        Op::new(sql, vec![Value::Int(0); values])
    }

    #[test]
    fn values_of_joined_statements_are_numbered_through() {
        let ops = [op("A $1, $2, $2", 2), op("B $2 = $1", 2), op("C", 0), op("D $10$1", 10)];
        assert_eq!(joined(&ops), "A $1, $2, $2; B $4 = $3; C; D $14$5; ");
    }

    #[test]
    fn sequences_that_repeat_are_found() {
        let of = |names: &[&'static str]| names.iter().map(|n| op(n, 1)).collect::<Vec<_>>();
        assert_eq!(repeating(&of(&["a"])), (1, 1));
        assert_eq!(repeating(&of(&["a", "b"])), (1, 1));
        assert_eq!(repeating(&of(&["a", "a", "a", "b"])), (1, 2));
        assert_eq!(repeating(&of(&["a", "b", "a", "b", "a", "b", "a"])), (2, 2));
        assert_eq!(repeating(&of(&["a", "b", "a", "b", "a", "b", "a", "b", "c"])), (2, 4));
        assert_eq!(repeating(&of(&["a"; 1_000])), (1, JOINED_MAX));
        assert_eq!(repeating(&of(&["a", "b", "c", "d", "e", "a", "b", "c", "d", "e"])), (1, 1));
    }

    #[test]
    fn a_text_is_that_of_its_sequence_and_times() {
        let ops = ["A $1", "B $1", "A $1", "B $1"].map(|sql| op(sql, 1));
        assert_eq!(&*text(&ops, 2, 2), "A $1; B $2; A $3; B $4; ");
        assert_eq!(&*text(&ops[..2], 2, 1), "A $1; B $2; ");
        assert_eq!(&*text(&[ops[1].clone(), ops[0].clone()], 2, 1), "B $1; A $2; ");
        assert!(Arc::ptr_eq(&text(&ops, 2, 2), &text(&ops, 2, 2)));
    }
}
