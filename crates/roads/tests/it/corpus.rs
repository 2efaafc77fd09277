//! The corpora of the fuzz targets, replayed.

#[path = "../../../../fuzz/src/replay.rs"]
mod replay;
#[path = "../../../../fuzz/src/roads.rs"]
mod roads;

use replay::replay;

#[test]
fn osm_pbf() {
    replay("osm_pbf", 5, roads::osm_pbf);
}

#[test]
fn osm_tags() {
    replay("osm_tags", 5, roads::osm_tags);
}

#[test]
fn roads_file() {
    replay("roads_file", 10, roads::roads_file);
}
