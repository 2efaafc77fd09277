//! A disk that fills up, an fsync that fails, SIGTERM under load: the daemon says so, loses nothing that it acknowledged,
//! and goes on when it can.

use crate::daemon::{Load, agent, config, nothing_lost_or_doubled, order, post, start};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// Longest wait for what must come.
const WAIT: Duration = Duration::from_secs(60);
/// Exit code when the store failed.
const STORE_FAILED: i32 = 74;

/// An fsync that fails while a file is there.
const SHIM: &str = r#"
#include <errno.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>
static int fails(void) {
    const char *mark = getenv("XIANGYUN_TEST_FSYNC_FAILS");
    return mark && access(mark, F_OK) == 0;
}
int fsync(int fd) {
    if (fails()) { errno = EIO; return -1; }
    return (int)syscall(SYS_fsync, fd);
}
int fdatasync(int fd) {
    if (fails()) { errno = EIO; return -1; }
    return (int)syscall(SYS_fdatasync, fd);
}
"#;

fn shim(dir: &Path) -> Option<PathBuf> {
    let (source, made) = (dir.join("shim.c"), dir.join("shim.so"));
    std::fs::write(&source, SHIM).unwrap();
    let built = Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&made).arg(&source).status();
    built.is_ok_and(|s| s.success()).then_some(made)
}

#[test]
fn a_failed_fsync_ends_the_process_and_the_next_start_has_everything() {
    let dir = tempfile::tempdir().unwrap();
    let Some(shim) = shim(dir.path()) else {
        eprintln!("a failed fsync was not tried: there is no C compiler to make one with");
        return;
    };
    let mark = dir.path().join("fails");
    let config = config(dir.path(), Path::new("data"));
    let mut daemon = start(
        &config,
        true,
        &[("LD_PRELOAD", shim.as_path()), ("XIANGYUN_TEST_FSYNC_FAILS", mark.as_path())],
    );
    let load = Load::begin(&daemon, &daemon.dispatcher_key());
    load.wait_for(30);
    let before = load.acknowledged();
    std::fs::write(&mark, "").unwrap();
    let began = Instant::now();
    let code = loop {
        if let Some(status) = daemon.child.try_wait().unwrap() {
            break status.code();
        }
        assert!(began.elapsed() < WAIT, "it lives on without fsync");
        std::thread::sleep(Duration::from_millis(20));
    };
    assert_eq!(code, Some(STORE_FAILED));
    std::fs::remove_file(&mark).unwrap();
    let mut daemon = start(&config, false, &[]);
    load.turn_to(&daemon);
    load.wait_for(before + 30);
    let acknowledged = load.end();
    assert_eq!(daemon.terminate().0, Some(0));
    nothing_lost_or_doubled(dir.path(), &config, &acknowledged);
}

/// A file system of its own that can be filled, gone at the end.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn of(dir: &Path) -> Option<Self> {
        let at = dir.join("small");
        std::fs::create_dir_all(&at).unwrap();
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", "size=64m", "tmpfs"]).arg(&at).output();
        mounted.is_ok_and(|m| m.status.success()).then_some(Self(at))
    }

    fn fill(&self) {
        use std::io::Write;
        let mut ballast = std::fs::File::create(self.0.join("ballast")).unwrap();
        for size in [1 << 20, 4_096, 1] {
            while ballast.write_all(&vec![0; size]).is_ok() {}
        }
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
fn a_full_disk_is_refused_with_507_while_reading_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let Some(disk) = SmallDisk::of(dir.path()) else {
        eprintln!("a full disk was not tried: no file system of a fixed size can be mounted here");
        return;
    };
    let config = config(dir.path(), &disk.0.join("data"));
    let mut daemon = start(&config, true, &[]);
    let key = daemon.dispatcher_key();
    let load = Load::begin(&daemon, &key);
    load.wait_for(30);
    let mut slowest = Duration::ZERO;
    let bearer = format!("Bearer {key}");
    let headers = [("authorization", bearer.as_str())];
    let orders = format!("{}/api/v1/orders", daemon.url);
    for round in 0..10 {
        disk.fill();
        let until = Instant::now() + WAIT;
        let refused = (0..).find_map(|n| {
            assert!(Instant::now() < until, "round {round}: a full disk is not noticed");
            let (status, body, _) = post(&agent(), &orders, &headers, &order(&format!("F{round}-{n}")))?;
            (status != 201).then_some((status, body))
        });
        let (status, body) = refused.unwrap();
        assert_eq!(status, 507, "{body}");
        assert!(body.contains("S404"), "{body}");
        let read = agent().get(&orders).header("authorization", &bearer).call().unwrap();
        assert_eq!(read.status(), 200, "reading goes on");
        let before = load.acknowledged();
        std::fs::remove_file(disk.0.join("ballast")).unwrap();
        let began = Instant::now();
        load.wait_for(before + 6);
        slowest = slowest.max(began.elapsed());
    }
    println!("writing resumed within {} ms of there being room", slowest.as_millis());
    let acknowledged = load.end();
    assert_eq!(daemon.terminate().0, Some(0));
    nothing_lost_or_doubled(dir.path(), &config, &acknowledged);
}

#[test]
fn sigterm_under_load_ends_in_time_with_nothing_lost() {
    let dir = tempfile::tempdir().unwrap();
    let config = config(dir.path(), Path::new("data"));
    let mut daemon = start(&config, true, &[]);
    let load = Load::begin(&daemon, &daemon.dispatcher_key());
    for round in 1..=10 {
        load.wait_for(round * 12);
        // Clients hear 503 or nothing meanwhile; any other refusal is a panic of theirs.
        let (code, took) = daemon.terminate();
        assert_eq!(code, Some(0));
        assert!(took < Duration::from_secs(15), "{took:?}");
        daemon = start(&config, false, &[]);
        load.turn_to(&daemon);
    }
    let acknowledged = load.end();
    assert_eq!(daemon.terminate().0, Some(0));
    nothing_lost_or_doubled(dir.path(), &config, &acknowledged);
}
