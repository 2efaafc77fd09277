//! Changes of read models: statements with values, run in the transaction that appends their event. The statement
//! is a constant of the program, never text made from input.

use sqlx::AnyConnection;

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

/// Runs changes one after the other inside the caller's transaction.
pub(crate) async fn run(conn: &mut AnyConnection, ops: &[Op]) -> Result<(), StoreError> {
    for op in ops {
        let mut query = sqlx::query(op.sql);
        for value in &op.values {
            query = match value {
                Value::Int(v) => query.bind(*v),
                Value::MaybeInt(v) => query.bind(*v),
                Value::Text(v) => query.bind(v.clone()),
                Value::MaybeText(v) => query.bind(v.clone()),
                Value::Bytes(v) => query.bind(v.clone()),
            };
        }
        query.execute(&mut *conn).await.map_err(StoreError::from_write)?;
    }
    Ok(())
}
