//! Changes of read models: statements with values, run in the transaction that appends their event. The statement
//! is a constant of the program, never text made from input.

use sqlx::any::AnyArguments;
use sqlx::query::Query;
use sqlx::{Any, AnyConnection, AssertSqlSafe};
use std::fmt::Write as _;

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

/// Runs changes one after the other inside the caller's transaction.
///
/// SQLite takes several statements as one text, so that the way to its thread and back is gone once for all of them. Only
/// sequences that repeat are joined, so that few texts are to be prepared.
pub(crate) async fn run(kind: Kind, conn: &mut AnyConnection, ops: &[Op]) -> Result<(), StoreError> {
    let mut rest = ops;
    while !rest.is_empty() {
        let many = match kind {
            Kind::Sqlite => repeating(rest),
            Kind::Postgres => 1,
        };
        let (now, later) = rest.split_at(many);
        rest = later;
        let query = match now {
            [one] => sqlx::query(one.sql),
            _ => sqlx::query(AssertSqlSafe(joined(now))),
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

/// How many of the first statements are a short sequence over and over: a power of two of it.
fn repeating(ops: &[Op]) -> usize {
    let again = |period: usize| {
        let same = (period..ops.len()).take_while(|&at| ops[at].sql == ops[at - period].sql).count();
        let times = (same / period + 1).min(JOINED_MAX / period);
        if times < 2 { 0 } else { period << times.ilog2() }
    };
    (1..=PERIOD_MAX.min(ops.len())).map(again).max().unwrap_or(0).max(1)
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
        assert_eq!(repeating(&of(&["a"])), 1);
        assert_eq!(repeating(&of(&["a", "b"])), 1);
        assert_eq!(repeating(&of(&["a", "a", "a", "b"])), 2);
        assert_eq!(repeating(&of(&["a", "b", "a", "b", "a", "b", "a"])), 4);
        assert_eq!(repeating(&of(&["a", "b", "a", "b", "a", "b", "a", "b", "c"])), 8);
        assert_eq!(repeating(&of(&["a"; 1_000])), JOINED_MAX);
        assert_eq!(repeating(&of(&["a", "b", "c", "d", "e", "a", "b", "c", "d", "e"])), 1);
    }
}
