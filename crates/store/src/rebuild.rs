//! Read models made anew from the log: they are folds over it, so they can always be thrown away.

use crate::backend::Store;
use crate::error::StoreError;
use crate::event::GENESIS;
use crate::log::{self, Head};
use crate::op;
use crate::verify;
use crate::writer::Machine;

/// Empties the read models with `clear` (one statement a table) and projects every event of the county again, in one
/// transaction a page of the log. No writer may serve the county meanwhile. Gives the number of events folded.
///
/// # Errors
/// A broken chain, or the database's faults; a fault leaves the pages already folded, and a new run starts over.
pub async fn read_models<M: Machine>(
    store: &Store,
    county: &str,
    env: &M::Env,
    clear: &[&'static str],
) -> Result<i64, StoreError> {
    let mut conn = store.connect_writer().await?;
    let mut machine = M::fresh(env);
    let mut head = Head { seq: 0, hash: GENESIS };
    store.begin(&mut conn).await?;
    for statement in clear {
        sqlx::query(*statement).execute(&mut conn).await.map_err(StoreError::from_write)?;
    }
    loop {
        let events = log::read_on(&mut conn, county, head.seq, log::READ_MAX).await?;
        let mut ops = Vec::new();
        for event in &events {
            verify::follows(&head, event)?;
            let said = M::say(event);
            machine.apply(event, &said);
            ops.extend(machine.project(event, &said));
            head = Head { seq: event.seq, hash: event.hash };
        }
        op::run(store.kind(), &mut conn, &ops).await?;
        sqlx::raw_sql("COMMIT").execute(&mut conn).await.map_err(StoreError::from_write)?;
        if (events.len() as i64) < log::READ_MAX {
            return Ok(head.seq);
        }
        store.begin(&mut conn).await?;
    }
}
