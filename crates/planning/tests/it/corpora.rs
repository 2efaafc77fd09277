//! The corpora of the fuzz targets, replayed.

#[path = "../../../../fuzz/src/planning.rs"]
mod planning;
#[path = "../../../../fuzz/src/replay.rs"]
mod replay;

use replay::replay;

#[test]
fn orders_csv() {
    replay("orders_csv", 5, planning::orders_csv);
}

#[test]
fn orders_xlsx() {
    replay("orders_xlsx", 3, planning::orders_xlsx);
}

#[test]
fn address() {
    replay("address", 5, planning::address);
}
