//! Everything as files that any tool reads: the log as JSON lines, each read model as CSV.

use crate::live::told;
use sqlx::{AssertSqlSafe, Column, Row};
use std::io::Write;
use std::path::Path;
use xiangyun_store::backend::Store;
use xiangyun_store::error::StoreError;
use xiangyun_store::event::Event;
use xiangyun_store::log;

/// Read models that are exported, by table.
pub const TABLES: &[&str] = &[
    "orders",
    "trace",
    "stops",
    "handovers",
    "exceptions",
    "repairs",
    "cash",
    "claims",
    "plans",
    "messages",
    "notices",
    "users",
    "audit",
    "alarms",
    "segments",
];

/// One event as a line of JSON. The body as MessagePack is there in hex, so that the hash can be reckoned again.
#[must_use]
pub fn line(event: &Event) -> String {
    let hex = |bytes: &[u8]| bytes.iter().map(|b| format!("{b:02x}")).collect::<String>();
    serde_json::json!({
        "county": event.county, "seq": event.seq, "stream": event.stream, "version": event.version,
        "at": crate::api::instant(event.at_ms), "at_ms": event.at_ms, "kind": event.kind, "schema": event.schema,
        "data": told(event).data, "body": hex(&event.body), "prev_hash": hex(&event.prev_hash), "hash": hex(&event.hash),
    })
    .to_string()
}

/// Writes the log and the read models of a county into a folder; gives the events written.
///
/// # Errors
/// The database's faults, or what the file system says.
pub async fn write(store: &Store, county: &str, dir: &Path) -> Result<i64, StoreError> {
    let file = |path: &Path, source| StoreError::File { file: path.display().to_string(), source };
    std::fs::create_dir_all(dir).map_err(|e| file(dir, e))?;
    let path = dir.join("events.ndjson");
    let mut out = std::io::BufWriter::new(std::fs::File::create(&path).map_err(|e| file(&path, e))?);
    let mut at = 0;
    loop {
        let events = log::read(store, county, at, log::READ_MAX).await?;
        for event in &events {
            writeln!(out, "{}", line(event)).map_err(|e| file(&path, e))?;
            at = event.seq;
        }
        if (events.len() as i64) < log::READ_MAX {
            break;
        }
    }
    out.flush().map_err(|e| file(&path, e))?;
    for table in TABLES {
        let path = dir.join(format!("{table}.csv"));
        let rows = sqlx::query(AssertSqlSafe(format!("SELECT * FROM {table} WHERE county = $1")))
            .bind(county.to_owned())
            .fetch_all(store.readers())
            .await?;
        let mut csv = csv::Writer::from_path(&path).map_err(|e| file(&path, std::io::Error::other(e)))?;
        if let Some(first) = rows.first() {
            let names: Vec<&str> = first.columns().iter().map(Column::name).collect();
            csv.write_record(&names).map_err(|e| file(&path, std::io::Error::other(e)))?;
        }
        for row in &rows {
            let cells: Vec<String> = (0..row.columns().len()).map(|i| cell(row, i)).collect();
            csv.write_record(&cells).map_err(|e| file(&path, std::io::Error::other(e)))?;
        }
        csv.flush().map_err(|e| file(&path, e))?;
    }
    Ok(at)
}

fn cell(row: &sqlx::any::AnyRow, index: usize) -> String {
    if let Ok(text) = row.try_get::<Option<String>, _>(index) {
        return text.unwrap_or_default();
    }
    row.try_get::<Option<i64>, _>(index).ok().flatten().map_or_else(String::new, |n| n.to_string())
}
