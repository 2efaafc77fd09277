//! The daemon killed with -9 under write load, again and again: nothing acknowledged is lost, nothing is applied twice, the
//! chain holds, and it is ready again at once. `XIANGYUN_KILLS` asks for more than the usual 20.

use crate::daemon::{Load, config, nothing_lost_or_doubled, start};
use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::Duration;

#[test]
fn twenty_kills_under_write_load_lose_nothing() {
    let kills: u64 = std::env::var("XIANGYUN_KILLS").ok().and_then(|k| k.parse().ok()).unwrap_or(20);
    let dir = tempfile::tempdir().unwrap();
    let config = config(dir.path(), Path::new("data"));
    let mut daemon = start(&config, true, &[]);
    let load = Load::begin(&daemon, &daemon.dispatcher_key());
    let mut slowest = Duration::ZERO;
    let mut wait = 0x9E37_79B9_7F4A_7C15u64;
    for _ in 0..kills {
        // Instants spread over a batch, a commit and a start: 20 to 275 ms.
        wait = wait.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        std::thread::sleep(Duration::from_millis(20 + (wait >> 56)));
        daemon.child.kill().unwrap();
        daemon.child.wait().unwrap();
        daemon = start(&config, false, &[]);
        slowest = slowest.max(daemon.ready);
        load.turn_to(&daemon);
    }
    std::thread::sleep(Duration::from_millis(300));
    let repeats = load.repeats.load(Ordering::Relaxed);
    let acknowledged = load.end();
    // In order now, so that everything written is looked at.
    assert_eq!(daemon.terminate().0, Some(0));
    nothing_lost_or_doubled(dir.path(), &config, &acknowledged);
    println!(
        "{kills} kills: {} acknowledged, none lost or doubled, {repeats} sent again, ready within {} ms",
        acknowledged.len(),
        slowest.as_millis()
    );
    assert!(acknowledged.len() as u64 > kills, "hardly any load");
}
