//! Each test runs on SQLite, and on PostgreSQL where `XIANGYUN_PG_URL` names a server that may create databases.

use crate::ledger::{Ledger, Move, TABLES};
use sqlx::{AssertSqlSafe, Connection, Row};
use std::future::Future;
use std::path::{Path, PathBuf};
use xiangyun_store::backend::Store;
use xiangyun_store::error::StoreError;
use xiangyun_store::personal::{MasterKey, Record, Vault};
use xiangyun_store::writer::{Undone, Writer, WriterHandle};
use xiangyun_store::{backup, log, outbox, rebuild, verify};

const COUNTY: &str = "410421";

/// A fresh store on each backend, the test body run on each.
fn on_both<F, Fut>(name: &str, body: F)
where
    F: Fn(Store, PathBuf) -> Fut,
    Fut: Future<Output = ()>,
{
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let dir = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", dir.path().join("county.db").display());
        body(Store::open(&url).await.unwrap(), dir.path().to_owned()).await;
        match std::env::var("XIANGYUN_PG_URL") {
            Err(_) => eprintln!("{name}: PostgreSQL not run, XIANGYUN_PG_URL is not set"),
            Ok(server) => {
                let url = fresh_database(&server, name).await;
                let dir = tempfile::tempdir().unwrap();
                body(Store::open(&url).await.unwrap(), dir.path().to_owned()).await;
            }
        }
    });
}

/// Creates an empty database on the server and gives its URL.
async fn fresh_database(server: &str, name: &str) -> String {
    sqlx::any::install_default_drivers();
    let database = format!("xy_{name}_{}", std::process::id());
    let mut conn = sqlx::AnyConnection::connect(server).await.unwrap();
    for sql in [format!("DROP DATABASE IF EXISTS {database}"), format!("CREATE DATABASE {database}")] {
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut conn).await.unwrap();
    }
    let base = server.rsplit_once('/').unwrap().0;
    format!("{base}/{database}")
}

struct Running {
    handle: WriterHandle<Ledger>,
    task: tokio::task::JoinHandle<Result<(), StoreError>>,
}

async fn start(store: &Store) -> Running {
    store.define(TABLES).await.unwrap();
    let (writer, handle) = Writer::<Ledger>::recover(store, COUNTY, &()).await.unwrap();
    Running { handle, task: tokio::spawn(writer.run()) }
}

async fn stop(running: Running) {
    drop(running.handle);
    running.task.await.unwrap().unwrap();
}

fn gives(account: &str, amount: i64) -> Move {
    Move { account: account.into(), amount }
}

async fn balances(store: &Store) -> Vec<(String, i64, i64)> {
    sqlx::query("SELECT account, amount, moves FROM balance ORDER BY account")
        .fetch_all(store.readers())
        .await
        .unwrap()
        .iter()
        .map(|r| (r.get("account"), r.get("amount"), r.get("moves")))
        .collect()
}

#[test]
fn a_reply_is_durable_and_survives_restart() {
    on_both("restart", |store, _dir| async move {
        let running = start(&store).await;
        let (balance, seq) = running.handle.send(gives("a", 5)).await.unwrap();
        assert_eq!((balance, seq), (5, 1));
        let refused = running.handle.send(gives("a", -6)).await;
        assert!(matches!(refused, Err(Undone::Refused(text)) if text.contains("has 5 only")));
        stop(running).await;

        let running = start(&store).await;
        let (balance, seq) = running.handle.send(gives("a", -2)).await.unwrap();
        assert_eq!((balance, seq), (3, 2), "state comes back from snapshot and log");
        assert_eq!(balances(&store).await, [("a".to_owned(), 3, 2)]);
        let stream = log::read_stream(&store, COUNTY, "account/a").await.unwrap();
        assert_eq!(stream.iter().map(|e| e.version).collect::<Vec<_>>(), [1, 2]);
        stop(running).await;
    });
}

#[test]
fn many_senders_share_commits_and_leave_no_gap() {
    on_both("many", |store, _dir| async move {
        let running = start(&store).await;
        let mut tasks = Vec::new();
        for sender in 0..16 {
            let handle = running.handle.clone();
            tasks.push(tokio::spawn(async move {
                for i in 0..50 {
                    handle.send(gives(&format!("acc{}", (sender + i) % 7), 1)).await.unwrap();
                }
            }));
        }
        for task in tasks {
            task.await.unwrap();
        }
        stop(running).await;
        let found = verify::county(&store, COUNTY).await.unwrap();
        assert_eq!(found.events, 800);
        assert_eq!(balances(&store).await.iter().map(|b| b.1).sum::<i64>(), 800);
    });
}

#[test]
fn versions_of_many_streams_go_on_after_a_restart() {
    on_both("versions", |store, _dir| async move {
        // More streams in a batch than are asked for at once, some twice, some for the first time only later.
        for round in 1..=3 {
            let running = start(&store).await;
            let mut tasks = Vec::new();
            for account in 0..300 * round {
                let handle = running.handle.clone();
                let account = format!("acc{}", account % (200 * round));
                tasks.push(tokio::spawn(async move { handle.send(gives(&account, 1)).await.unwrap() }));
            }
            for task in tasks {
                task.await.unwrap();
            }
            stop(running).await;
        }
        assert_eq!(verify::county(&store, COUNTY).await.unwrap().events, 1_800);
        for (account, many) in [("acc0", 6), ("acc150", 5), ("acc250", 3), ("acc550", 1)] {
            let stream = log::read_stream(&store, COUNTY, &format!("account/{account}")).await.unwrap();
            let versions: Vec<i64> = stream.iter().map(|e| e.version).collect();
            assert_eq!(versions, (1..=many).collect::<Vec<i64>>(), "{account}");
        }
    });
}

#[test]
fn who_listens_hears_every_event_once_or_that_it_lagged() {
    on_both("news", |store, _dir| async move {
        let running = start(&store).await;
        let (mut news, mut idle) = (running.handle.news(), running.handle.news());
        let mut heard = Vec::new();
        for n in 1..=40 {
            let (_, seq) = running.handle.send(gives("a", n)).await.unwrap();
            let batch = news.recv().await.unwrap();
            heard.extend(batch.iter().map(|e| (e.seq, e.version, e.hash == e.expected_hash())));
            assert_eq!(heard.last(), Some(&(seq, n, true)));
        }
        assert_eq!(heard.iter().map(|h| h.0).collect::<Vec<_>>(), (1..=40).collect::<Vec<i64>>());
        let lagged = idle.recv().await;
        assert!(matches!(lagged, Err(tokio::sync::broadcast::error::RecvError::Lagged(_))), "{lagged:?}");
        drop(running.handle);
        running.task.await.unwrap().unwrap();
    });
}

#[test]
fn a_writer_on_a_thread_of_its_own_ends_with_its_last_handle() {
    on_both("thread", |store, _dir| async move {
        store.define(TABLES).await.unwrap();
        let (writer, handle) = Writer::<Ledger>::recover(&store, COUNTY, &()).await.unwrap();
        let ended = writer.spawn().unwrap();
        assert_eq!(handle.send(gives("a", 5)).await.unwrap(), (5, 1));
        drop(handle);
        ended.await.unwrap().unwrap();
        assert_eq!(balances(&store).await, [("a".to_owned(), 5, 1)]);
    });
}

#[test]
fn of_racers_for_one_balance_one_wins() {
    on_both("race", |store, _dir| async move {
        let running = start(&store).await;
        running.handle.send(gives("van", 1)).await.unwrap();
        let mut tasks = Vec::new();
        for _ in 0..32 {
            let handle = running.handle.clone();
            tasks.push(tokio::spawn(async move { handle.send(gives("van", -1)).await.is_ok() }));
        }
        let mut won = 0;
        for task in tasks {
            won += usize::from(task.await.unwrap());
        }
        assert_eq!(won, 1);
        stop(running).await;
    });
}

#[test]
fn read_models_are_folds_and_can_be_rebuilt() {
    on_both("rebuild", |store, _dir| async move {
        let running = start(&store).await;
        for i in 0..40 {
            running.handle.send(gives(["x", "y", "z"][i % 3], i as i64)).await.unwrap();
        }
        stop(running).await;
        let before = balances(&store).await;
        let folded =
            rebuild::read_models::<Ledger>(&store, COUNTY, &(), &["DELETE FROM balance"]).await.unwrap();
        assert_eq!(folded, 40);
        assert_eq!(balances(&store).await, before);
    });
}

#[test]
fn outbox_items_wait_until_received_and_back_off() {
    on_both("outbox", |store, _dir| async move {
        let running = start(&store).await;
        running.handle.send(gives("a", 10)).await.unwrap();
        running.handle.send(gives("a", 5_000)).await.unwrap();
        stop(running).await;
        let due = outbox::due(&store, COUNTY, 100).await.unwrap();
        assert_eq!(due.len(), 1);
        assert_eq!((due[0].seq, due[0].item, due[0].target.as_str()), (2, 0, "large"));
        let mut relay = outbox::Relay::open(&store).await.unwrap();
        relay.failed(&due[0], "connection refused", 100).await.unwrap();
        assert!(outbox::due(&store, COUNTY, 1_099).await.unwrap().is_empty());
        let again = outbox::due(&store, COUNTY, 1_100).await.unwrap();
        assert_eq!(again[0].attempts, 1);
        relay.done(&again[0], 1_200).await.unwrap();
        assert!(outbox::due(&store, COUNTY, i64::MAX / 2).await.unwrap().is_empty());
    });
}

#[test]
fn an_erased_person_is_unreadable_and_nothing_else_changes() {
    on_both("erase", |store, dir| async move {
        let running = start(&store).await;
        running.handle.send(gives("a", 1)).await.unwrap();
        stop(running).await;
        let master = MasterKey::generate();
        let mut vault = Vault::open(&store, master.clone()).await.unwrap();
        let record = |person: i64, name: &str| Record {
            person,
            owner: "yunda".into(),
            expires_ms: 50,
            content: name.as_bytes().to_vec(),
        };
        vault.put(COUNTY, &record(7, "张三 13800000000")).await.unwrap();
        vault.put(COUNTY, &record(8, "李四")).await.unwrap();
        vault.put(COUNTY, &record(7, "张三 13900000000")).await.unwrap();
        assert_eq!(vault.get(COUNTY, 7).await.unwrap().content, "张三 13900000000".as_bytes());
        assert_eq!(vault.expired(COUNTY, 50).await.unwrap(), [7, 8]);

        let mut stranger = Vault::open(&store, MasterKey::generate()).await.unwrap();
        assert!(matches!(stranger.get(COUNTY, 7).await, Err(StoreError::Unsealed { person: 7 })));

        let old = dir.join("old.backup");
        backup::write(&store, &old).await.unwrap();
        vault.erase(COUNTY, 7).await.unwrap();
        assert!(matches!(vault.get(COUNTY, 7).await, Err(StoreError::NoPerson { person: 7 })));
        assert_eq!(vault.get(COUNTY, 8).await.unwrap().content, "李四".as_bytes());
        assert_eq!(verify::county(&store, COUNTY).await.unwrap().events, 1);

        // The old backup with the renewed key file: valid, and the erased person stays unreadable.
        let new = dir.join("new.backup");
        backup::write(&store, &new).await.unwrap();
        std::fs::copy(backup::key_file(&new), backup::key_file(&old)).unwrap();
        let other = empty_beside(&dir).await;
        backup::restore(&other, &old).await.unwrap();
        let mut vault = Vault::open(&other, master).await.unwrap();
        assert!(matches!(vault.get(COUNTY, 7).await, Err(StoreError::NoPerson { .. })));
        assert_eq!(vault.get(COUNTY, 8).await.unwrap().content, "李四".as_bytes());
    });
}

async fn empty_beside(dir: &Path) -> Store {
    let url = format!("sqlite://{}", dir.join("restored.db").display());
    Store::open(&url).await.unwrap()
}

#[test]
fn a_backup_taken_under_writes_restores_to_an_equal_log() {
    on_both("backup", |store, dir| async move {
        let running = start(&store).await;
        for i in 0..300 {
            running.handle.send(gives(&format!("a{}", i % 5), 2_000)).await.unwrap();
        }
        let handle = running.handle.clone();
        let noise = tokio::spawn(async move {
            for _ in 0..200 {
                handle.send(gives("noise", 1)).await.unwrap();
            }
        });
        let file = dir.join("day.backup");
        let moved = backup::write(&store, &file).await.unwrap();
        noise.await.unwrap();
        stop(running).await;
        assert!(moved.events >= 300);
        assert!(matches!(backup::restore(&store, &file).await, Err(StoreError::NotEmpty { .. })));

        let other = empty_beside(&dir).await;
        assert_eq!(backup::restore(&other, &file).await.unwrap(), moved);
        let mut after = 0;
        loop {
            let ours = log::read(&other, COUNTY, after, 100).await.unwrap();
            let theirs = log::read(&store, COUNTY, after, ours.len() as i64).await.unwrap();
            assert_eq!(ours, theirs);
            match ours.last() {
                Some(last) => after = last.seq,
                None => break,
            }
        }
        assert_eq!(after, moved.events);
        assert_eq!(outbox::due(&other, COUNTY, 0).await.unwrap().len(), 256, "undelivered items come along");
    });
}

#[test]
fn every_kind_of_tampering_is_found() {
    on_both("tamper", |store, _dir| async move {
        let running = start(&store).await;
        for i in 0..30 {
            running.handle.send(gives("a", i)).await.unwrap();
        }
        stop(running).await;
        let mut conn = sqlx::AnyConnection::connect(&url_of(&store)).await.unwrap();
        let spoil = [
            (
                "UPDATE event SET at_ms = at_ms + 1 WHERE seq = 11",
                "UPDATE event SET at_ms = at_ms - 1 WHERE seq = 11",
            ),
            (
                "UPDATE event SET kind = 'Other' WHERE seq = 3",
                "UPDATE event SET kind = 'Moved' WHERE seq = 3",
            ),
            ("UPDATE event SET seq = 99 WHERE seq = 7", "UPDATE event SET seq = 7 WHERE seq = 99"),
            ("UPDATE event SET schema = 2 WHERE seq = 30", "UPDATE event SET schema = 1 WHERE seq = 30"),
        ];
        for (harm, heal) in spoil {
            sqlx::query(harm).execute(&mut conn).await.unwrap();
            let found = verify::county(&store, COUNTY).await;
            assert!(matches!(found, Err(StoreError::Tampered { .. })), "{harm}: {found:?}");
            sqlx::query(heal).execute(&mut conn).await.unwrap();
            assert_eq!(verify::county(&store, COUNTY).await.unwrap().events, 30);
        }
    });
}

fn url_of(store: &Store) -> String {
    store.url().to_owned()
}
