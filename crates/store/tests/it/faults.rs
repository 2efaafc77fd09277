//! Damaged files and bad URLs: refused by name, never half applied.

use crate::ledger::{Ledger, Move, TABLES};
use xiangyun_store::backend::Store;
use xiangyun_store::error::StoreError;
use xiangyun_store::writer::Writer;
use xiangyun_store::{backup, verify};

const COUNTY: &str = "410421";

fn block_on<F: Future>(body: F) -> F::Output {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap().block_on(body)
}

async fn filled(dir: &std::path::Path) -> Store {
    let store = Store::open(&format!("sqlite://{}", dir.join("county.db").display())).await.unwrap();
    store.define(TABLES).await.unwrap();
    let (writer, handle) = Writer::<Ledger>::recover(&store, COUNTY, &()).await.unwrap();
    let task = tokio::spawn(writer.run());
    for i in 0..20 {
        handle.send(Move { account: "a".into(), amount: i }).await.unwrap();
    }
    drop(handle);
    task.await.unwrap().unwrap();
    store
}

#[test]
fn urls_that_are_no_store_are_refused() {
    block_on(async {
        for url in ["mysql://x/y", "county.db", "sqlite::memory:", ""] {
            assert!(matches!(Store::open(url).await, Err(StoreError::UnknownBackend { .. })), "{url}");
        }
    });
}

#[test]
fn a_database_of_a_newer_program_is_refused() {
    block_on(async {
        let dir = tempfile::tempdir().unwrap();
        let store = filled(dir.path()).await;
        let url = store.url().to_owned();
        {
            use sqlx::Connection;
            let mut conn = sqlx::AnyConnection::connect(&url).await.unwrap();
            sqlx::query("UPDATE meta SET value = '99' WHERE name = 'schema'")
                .execute(&mut conn)
                .await
                .unwrap();
        }
        let again = Store::open(&format!("sqlite://{}", dir.path().join("county.db").display())).await;
        assert!(matches!(again, Err(StoreError::NewerSchema { found: 99, .. })));
    });
}

#[test]
fn a_backup_with_any_byte_changed_or_cut_is_refused_before_anything_is_restored() {
    block_on(async {
        let dir = tempfile::tempdir().unwrap();
        let store = filled(dir.path()).await;
        let file = dir.path().join("day.backup");
        backup::write(&store, &file).await.unwrap();
        let good = std::fs::read(&file).unwrap();
        let bad = dir.path().join("bad.backup");
        let target =
            Store::open(&format!("sqlite://{}", dir.path().join("other.db").display())).await.unwrap();
        let mut tried = 0;
        for at in (0..good.len()).step_by(7) {
            let mut flipped = good.clone();
            flipped[at] ^= 0x20;
            std::fs::write(&bad, &flipped).unwrap();
            assert!(backup::restore(&target, &bad).await.is_err(), "flip at {at}");
            std::fs::write(&bad, &good[..at]).unwrap();
            assert!(backup::restore(&target, &bad).await.is_err(), "cut at {at}");
            tried += 2;
        }
        assert!(tried > 400);
        assert_eq!(verify::county(&target, COUNTY).await.unwrap().events, 0, "nothing was half restored");
        backup::restore(&target, &file).await.unwrap();
        assert_eq!(verify::county(&target, COUNTY).await.unwrap().events, 20);
    });
}
