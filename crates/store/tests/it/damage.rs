//! Copies of the files cut and flipped by chance, a disk that fills up, a server that goes away: nothing acknowledged is
//! lost, nothing is applied twice, and what is damaged is told.

use crate::ledger::{Ledger, Move, TABLES};
use sqlx::Row;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::{Duration, Instant};
use xiangyun_store::backend::Store;
use xiangyun_store::error::StoreError;
use xiangyun_store::event::Event;
use xiangyun_store::writer::{Undone, Writer, WriterHandle};
use xiangyun_store::{log, rebuild, verify};

const COUNTY: &str = "410421";
/// Copies of each kind that are spoiled.
const COPIES: u64 = 250;

fn block_on<F: Future>(body: F) -> F::Output {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap().block_on(body)
}

/// Numbers by chance, the same every time.
struct Chance(u64);

impl Chance {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }
}

async fn open(dir: &Path) -> Result<Store, StoreError> {
    Store::open(&format!("sqlite://{}", dir.join("county.db").display())).await
}

async fn serve(store: &Store) -> (WriterHandle<Ledger>, tokio::task::JoinHandle<Result<(), StoreError>>) {
    store.define(TABLES).await.unwrap();
    let (writer, handle) = Writer::<Ledger>::recover(store, COUNTY, &()).await.unwrap();
    (handle, tokio::spawn(writer.run()))
}

fn give(n: i64) -> Move {
    Move { account: format!("a{}", n % 7), amount: n }
}

async fn all(store: &Store) -> Result<Vec<Event>, StoreError> {
    log::read(store, COUNTY, 0, log::READ_MAX).await
}

async fn balances(store: &Store) -> Result<BTreeMap<String, i64>, sqlx::Error> {
    let rows = sqlx::query("SELECT account, amount FROM balance").fetch_all(store.readers()).await?;
    rows.iter().map(|r| Ok((r.try_get("account")?, r.try_get("amount")?))).collect()
}

/// The balances that a log comes to.
async fn folded(store: &Store) -> Result<BTreeMap<String, i64>, StoreError> {
    let (writer, _) = Writer::<Ledger>::recover(store, COUNTY, &()).await?;
    Ok(writer.machine().balances.clone())
}

#[test]
fn a_log_cut_or_flipped_anywhere_opens_to_what_was_committed_before_or_is_refused() {
    block_on(async {
        let dir = tempfile::tempdir().unwrap();
        let store = open(dir.path()).await.unwrap();
        let (handle, task) = serve(&store).await;
        for n in 0..120 {
            handle.send(give(n)).await.unwrap();
        }
        let whole = all(&store).await.unwrap();
        let db = std::fs::read(dir.path().join("county.db")).unwrap();
        let wal = std::fs::read(dir.path().join("county.db-wal")).unwrap();
        assert!(wal.len() > 100 * 4_096, "the log of SQLite holds most of it");
        let mut chance = Chance(7);
        let (mut shorter, mut equal, mut refused) = (0, 0, 0);
        for n in 0..COPIES {
            let copy = tempfile::tempdir().unwrap();
            let at = chance.below(wal.len() as u64) as usize;
            let mut spoiled = wal.clone();
            if n % 2 == 0 {
                spoiled.truncate(at);
            } else {
                spoiled[at] ^= 1 << chance.below(8);
            }
            std::fs::write(copy.path().join("county.db"), &db).unwrap();
            std::fs::write(copy.path().join("county.db-wal"), &spoiled).unwrap();
            let found = async {
                let store = open(copy.path()).await?;
                store.define(TABLES).await?;
                let found = verify::county(&store, COUNTY).await?;
                let events = all(&store).await?;
                assert_eq!(found.events as usize, events.len());
                assert_eq!(events, whole[..events.len()], "copy {n}: a prefix without a hole");
                assert_eq!(folded(&store).await?, balances(&store).await?, "copy {n}: as of the same commit");
                store.close().await;
                Ok::<_, StoreError>(events.len())
            };
            match found.await {
                Ok(events) if events < whole.len() => shorter += 1,
                Ok(_) => equal += 1,
                Err(_) => refused += 1,
            }
        }
        println!(
            "of {COPIES} copies {shorter} ended earlier, {equal} held everything, {refused} were refused"
        );
        assert!(shorter > COPIES / 2, "{shorter} {equal} {refused}");
        drop(handle);
        task.await.unwrap().unwrap();
    });
}

#[test]
fn a_flipped_bit_in_the_file_is_told_or_changes_nothing_that_counts() {
    block_on(async {
        let dir = tempfile::tempdir().unwrap();
        let store = open(dir.path()).await.unwrap();
        let (handle, task) = serve(&store).await;
        for n in 0..400 {
            handle.send(give(n)).await.unwrap();
        }
        drop(handle);
        task.await.unwrap().unwrap();
        let whole = all(&store).await.unwrap();
        let right = balances(&store).await.unwrap();
        store.close().await;
        let db = std::fs::read(dir.path().join("county.db")).unwrap();
        let mut chance = Chance(11);
        let (mut told, mut harmless, mut read_models) = (0, 0, 0);
        for n in 0..COPIES {
            let copy = tempfile::tempdir().unwrap();
            let mut spoiled = db.clone();
            let at = chance.below(db.len() as u64) as usize;
            spoiled[at] ^= 1 << chance.below(8);
            std::fs::write(copy.path().join("county.db"), &spoiled).unwrap();
            let found = async {
                let store = open(copy.path()).await?;
                verify::county(&store, COUNTY).await?;
                assert_eq!(all(&store).await?, whole, "copy {n}: bit at {at} was not noticed");
                assert_eq!(folded(&store).await?, right, "copy {n}: a damaged snapshot is passed over");
                let same = balances(&store).await.is_ok_and(|b| b == right);
                if !same {
                    // A read model is a fold and no truth: it is made anew.
                    rebuild::read_models::<Ledger>(&store, COUNTY, &(), &["DELETE FROM balance"]).await?;
                    assert_eq!(balances(&store).await?, right, "copy {n}");
                }
                store.close().await;
                Ok::<_, StoreError>(same)
            };
            match found.await {
                Ok(true) => harmless += 1,
                Ok(false) => read_models += 1,
                Err(_) => told += 1,
            }
        }
        println!(
            "of {COPIES} copies {told} were told, {harmless} changed nothing, {read_models} a read model that was made anew"
        );
        assert!(told > COPIES / 4, "{told} {harmless} {read_models}");
    });
}

/// A file system of its own that can be filled, gone at the end.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn of(dir: &Path, megabytes: u32) -> Option<Self> {
        let at = dir.join("small");
        std::fs::create_dir_all(&at).unwrap();
        let size = format!("size={megabytes}m");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(&at).output();
        mounted.is_ok_and(|m| m.status.success()).then_some(Self(at))
    }

    /// Takes all the room there is.
    fn fill(&self) {
        use std::io::Write;
        let mut ballast = std::fs::File::create(self.0.join("ballast")).unwrap();
        for size in [1 << 20, 4_096, 1] {
            while ballast.write_all(&vec![0; size]).is_ok() {}
        }
    }

    fn free(&self) {
        std::fs::remove_file(self.0.join("ballast")).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
fn a_full_disk_is_refused_by_name_and_writing_goes_on_when_there_is_room() {
    let dir = tempfile::tempdir().unwrap();
    let Some(disk) = SmallDisk::of(dir.path(), 16) else {
        eprintln!("a full disk was not tried: no file system of a fixed size can be mounted here");
        return;
    };
    block_on(async {
        let store = open(&disk.0).await.unwrap();
        let (handle, task) = serve(&store).await;
        let (mut given, mut acknowledged, mut refusals) = (0, BTreeMap::new(), 0);
        for round in 0..10 {
            for _ in 0..20 {
                given += 1;
                let Move { account, amount } = give(given);
                handle.send(give(given)).await.unwrap();
                *acknowledged.entry(account).or_insert(0) += amount;
            }
            disk.fill();
            let mut full = 0;
            while full < 3 {
                given += 1;
                let Move { account, amount } = give(given);
                match handle.send(give(given)).await {
                    Ok(_) => *acknowledged.entry(account).or_insert(0) += amount,
                    Err(Undone::Store(StoreError::DiskFull)) => full += 1,
                    Err(other) => panic!("round {round}: {other:?}"),
                }
            }
            refusals += full;
            assert_eq!(balances(&store).await.unwrap(), acknowledged, "reading goes on");
            disk.free();
            let began = Instant::now();
            given += 1;
            let Move { account, amount } = give(given);
            handle.send(give(given)).await.expect("there is room again");
            *acknowledged.entry(account).or_insert(0) += amount;
            assert!(began.elapsed() < Duration::from_secs(10));
        }
        drop(handle);
        task.await.unwrap().unwrap();
        verify::county(&store, COUNTY).await.unwrap();
        assert_eq!(balances(&store).await.unwrap(), acknowledged);
        assert_eq!(folded(&store).await.unwrap(), acknowledged);
        println!("{refusals} refusals on a full disk, {given} tried");
        store.close().await;
    });
}

/// A PostgreSQL server of its own, to be stopped at will.
struct Cluster {
    dir: tempfile::TempDir,
    bin: PathBuf,
    port: u16,
    root: bool,
}

impl Cluster {
    fn new() -> Option<Self> {
        let mut found: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
            .into_iter()
            .flatten()
            .flatten()
            .map(|e| e.path().join("bin"))
            .filter(|b| b.join("initdb").exists())
            .collect();
        found.sort();
        let bin = found.pop()?;
        let dir = tempfile::tempdir().unwrap();
        let root = Command::new("id").arg("-u").output().is_ok_and(|o| o.stdout == b"0\n");
        if root && !Command::new("chown").arg("postgres").arg(dir.path()).status().is_ok_and(|s| s.success())
        {
            return None;
        }
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let cluster = Self { dir, bin, port, root };
        let made = cluster
            .run("initdb", &["-U", "xiangyun", "--auth=trust", "-E", "UTF8", "--no-sync"])
            .status()
            .is_ok_and(|s| s.success());
        (made && cluster.control(&["start", "-w"])).then_some(cluster)
    }

    /// The server refuses to run as root.
    fn run(&self, program: &str, args: &[&str]) -> Command {
        let program = self.bin.join(program);
        let mut command = if self.root {
            let mut command = Command::new("runuser");
            command.args(["-u", "postgres", "--"]).arg(program);
            command
        } else {
            Command::new(program)
        };
        command.arg("-D").arg(self.dir.path().join("db")).args(args);
        command.stdout(Stdio::null()).stderr(Stdio::null()).current_dir("/");
        command
    }

    fn control(&self, args: &[&str]) -> bool {
        let log = self.dir.path().join("log");
        let options = format!(
            "-p {} -c listen_addresses=127.0.0.1 -c unix_socket_directories={}",
            self.port,
            self.dir.path().display()
        );
        let mut command = self.run("pg_ctl", args);
        command.arg("-l").arg(log).arg("-o").arg(options);
        command.status().is_ok_and(|s| s.success())
    }

    fn url(&self) -> String {
        format!("postgres://xiangyun@127.0.0.1:{}/postgres", self.port)
    }

    async fn terminate_backends(&self) {
        use sqlx::Connection;
        let Ok(mut conn) = sqlx::AnyConnection::connect(&self.url()).await else { return };
        let sql = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
                   WHERE pid <> pg_backend_pid() AND datname = current_database()";
        let _ = sqlx::query(sql).execute(&mut conn).await;
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.control(&["stop", "-m", "immediate"]);
    }
}

#[test]
fn a_server_restarted_and_its_backends_terminated_lose_and_double_nothing() {
    let Some(cluster) = Cluster::new() else {
        eprintln!("PostgreSQL was not restarted: there is no server to start here");
        return;
    };
    block_on(async {
        let store = Store::open(&cluster.url()).await.unwrap();
        let (handle, task) = serve(&store).await;
        let stop = Arc::new(AtomicBool::new(false));
        let acknowledged: Arc<Vec<AtomicI64>> = Arc::new((0..8).map(|_| AtomicI64::new(0)).collect());
        let unknown: Arc<Vec<AtomicI64>> = Arc::new((0..8).map(|_| AtomicI64::new(0)).collect());
        let senders: Vec<_> = (0..8)
            .map(|n| {
                let (handle, stop) = (handle.clone(), Arc::clone(&stop));
                let (acknowledged, unknown) = (Arc::clone(&acknowledged), Arc::clone(&unknown));
                tokio::spawn(async move {
                    while !stop.load(Ordering::Relaxed) {
                        let count = match handle.send(Move { account: format!("s{n}"), amount: 1 }).await {
                            Ok(_) => &acknowledged[n],
                            Err(_) => &unknown[n],
                        };
                        count.fetch_add(1, Ordering::Relaxed);
                    }
                })
            })
            .collect();
        let total = || acknowledged.iter().map(|a| a.load(Ordering::Relaxed)).sum::<i64>();
        let mut slowest = Duration::ZERO;
        let mut writes_again = async |what: &str| {
            let (before, began) = (total(), Instant::now());
            while total() < before + 16 {
                assert!(began.elapsed() < Duration::from_secs(10), "{what}: nothing is written");
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            slowest = slowest.max(began.elapsed());
        };
        writes_again("the start").await;
        for _ in 0..6 {
            assert!(cluster.control(&["restart", "-m", "immediate", "-w"]));
            writes_again("a restart").await;
        }
        for _ in 0..15 {
            cluster.terminate_backends().await;
            tokio::time::sleep(Duration::from_millis(120)).await;
        }
        writes_again("backends terminated").await;
        stop.store(true, Ordering::Relaxed);
        for sender in senders {
            sender.await.unwrap();
        }
        drop(handle);
        task.await.unwrap().expect("the writer lives through all of it");
        let kept = balances(&store).await.unwrap();
        for n in 0..8 {
            let (least, more) = (acknowledged[n].load(Ordering::Relaxed), unknown[n].load(Ordering::Relaxed));
            let there = kept[&format!("s{n}")];
            assert!(
                (least..=least + more).contains(&there),
                "{least} acknowledged, {more} unknown, {there} kept"
            );
        }
        let found = verify::county(&store, COUNTY).await.unwrap();
        assert_eq!(found.events, kept.values().sum::<i64>());
        println!(
            "{} acknowledged over 6 restarts and 15 terminations, writing again within {} ms",
            total(),
            slowest.as_millis()
        );
        store.close().await;
    });
}
