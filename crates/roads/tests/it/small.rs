//! A hand-made map of a few streets.

use std::path::Path;
use xiangyun_model::geo::LonLat;
use xiangyun_roads::{CellFault, Network, Profiles};

/// Three parallel lines of streets with a restriction, a one-way and an island out of reach.
const MAP: &str = r#"<?xml version="1.0"?><osm version="0.6">
<node id="1" lon="113.00" lat="33.80"/><node id="2" lon="113.01" lat="33.80"/><node id="3" lon="113.02" lat="33.80"/>
<node id="4" lon="113.00" lat="33.81"/><node id="5" lon="113.01" lat="33.81"/><node id="6" lon="113.02" lat="33.81"/>
<node id="7" lon="113.05" lat="33.82"/><node id="8" lon="113.06" lat="33.82"/>
<way id="10"><nd ref="1"/><nd ref="2"/><nd ref="3"/><tag k="highway" v="tertiary"/><tag k="name" v="南街"/></way>
<way id="11"><nd ref="4"/><nd ref="5"/><nd ref="6"/><tag k="highway" v="tertiary"/></way>
<way id="12"><nd ref="1"/><nd ref="4"/><tag k="highway" v="tertiary"/></way>
<way id="13"><nd ref="2"/><nd ref="5"/><tag k="highway" v="tertiary"/></way>
<way id="14"><nd ref="3"/><nd ref="6"/><tag k="highway" v="tertiary"/><tag k="oneway" v="yes"/></way>
<way id="15"><nd ref="7"/><nd ref="8"/><tag k="highway" v="tertiary"/></way>
<relation id="20"><member type="way" ref="10" role="from"/><member type="node" ref="2" role="via"/>
<member type="way" ref="13" role="to"/><tag k="type" v="restriction"/><tag k="restriction" v="no_left_turn"/></relation>
</osm>"#;

fn network() -> Network {
    let (net, problems) =
        Network::build_from(Path::new("map.osm"), MAP.as_bytes(), &Profiles::default()).expect("a sound map");
    assert!(problems.is_empty(), "{:?}", problems.list());
    net
}

fn at(lon: f64, lat: f64) -> LonLat {
    LonLat { lon, lat }
}

#[test]
fn a_route_equals_its_table_and_the_plain_search() {
    let net = network();
    let van = net.profile("van").expect("van");
    let band = net.band("all").expect("all");
    let points = [
        at(113.002, 33.8001),
        at(113.018, 33.8001),
        at(113.008, 33.8099),
        at(113.02, 33.805),
        at(113.01, 33.805),
    ];
    let matrix = net.matrix(van, band, &points).expect("a matrix");
    for i in 0..points.len() {
        for j in 0..points.len() {
            let cell = matrix.cell(i, j).expect("reachable");
            let route = net.route(van, band, &[points[i], points[j]]).expect("a route");
            assert_eq!(cell, (route.seconds, route.metres), "{i} {j}");
            assert_eq!(net.plain_cell(van, band, points[i], points[j]).expect("a cell"), Some(cell));
        }
    }
}

#[test]
fn an_island_is_not_snapped_to() {
    let net = network();
    let van = net.profile("van").expect("van");
    let band = net.band("all").expect("all");
    let err = net.snap(van, at(113.06, 33.95)).expect_err("far from everything");
    assert_eq!(err.code(), "R014");
    // Beside the island, whose roads lead nowhere, the main network is 3 km away and within the last radius.
    let snap = net.snap(van, at(113.05, 33.8201)).expect("the main network");
    assert!(snap.passed_over && snap.moved_m > 2_000.0, "{snap:?}");
    let matrix = net.matrix(van, band, &[at(113.0, 33.8), at(100.0, 10.0)]).expect("a matrix");
    assert!(matches!(matrix.cell(0, 1), Err(CellFault::Target(_))));
    assert!(matches!(matrix.cell(1, 0), Err(CellFault::Source(_))));
}

#[test]
fn a_closed_road_is_avoided_and_comes_back() {
    let net = network();
    let van = net.profile("van").expect("van");
    let band = net.band("all").expect("all");
    let (a, b) = (at(113.002, 33.8001), at(113.018, 33.8001));
    let before = net.matrix(van, band, &[a, b]).expect("a matrix");
    let middle = net.snap(van, at(113.0095, 33.8001)).expect("on the south street").segment;
    let other = net.snap(van, at(113.0105, 33.8001)).expect("on the south street").segment;
    net.close(&[other]).expect("closed");
    // b itself lies on the closed road now.
    assert!(matches!(
        net.matrix(van, band, &[a, b]).expect("a matrix").cell(0, 1),
        Err(CellFault::Unreachable)
    ));
    net.reopen(&[other]).expect("open again");
    assert_eq!(net.matrix(van, band, &[a, b]).expect("a matrix"), before);
    net.close(&[middle]).expect("closed");
    assert!(net.matrix(van, band, &[a, b]).expect("a matrix").cell(0, 1).is_err(), "a lies on it");
    net.reopen(&[middle]).expect("open again");
    assert!(net.close(&[xiangyun_roads::SegmentId(9_999)]).is_err());
}

#[test]
fn a_prepared_file_answers_the_same() {
    let net = network();
    let dir = std::env::temp_dir().join(format!("xiangyun-roads-{}", std::process::id()));
    std::fs::create_dir_all(&dir).expect("a directory");
    let path = dir.join("small.roads");
    net.save(&path).expect("saved");
    let opened = Network::open(&path).expect("opened");
    opened.verify().expect("sound");
    let van = net.profile("van").expect("van");
    let band = net.band("all").expect("all");
    let points = [at(113.002, 33.8001), at(113.018, 33.8001), at(113.008, 33.8099)];
    assert_eq!(
        net.matrix(van, band, &points).expect("a matrix"),
        opened.matrix(van, band, &points).expect("a matrix")
    );
    // Foreign, cut off, rotten.
    let bytes = std::fs::read(&path).expect("the file");
    let write = |name: &str, bytes: &[u8]| {
        let p = dir.join(name);
        std::fs::write(&p, bytes).expect("written");
        p
    };
    let code = |p: std::path::PathBuf| Network::open(&p).map(|_| ()).expect_err("refused").code();
    assert_eq!(
        code(write("foreign", b"not a road file, but long enough to have a header of 64 bytes ......")),
        "R009"
    );
    assert_eq!(code(write("short", &bytes[..bytes.len() / 2])), "R012");
    assert_eq!(code(write("tiny", &bytes[..20])), "R009");
    let mut rotten = bytes.clone();
    rotten[40] ^= 1;
    assert_eq!(code(write("rotten-header", &rotten)), "R011");
    let mut newer = bytes.clone();
    newer[8] = 9;
    assert_eq!(code(write("newer", &newer)), "R010");
    let mut rotten = bytes.clone();
    let last = rotten.windows(6).position(|w| w == "南街".as_bytes()).expect("a street name in the file");
    rotten[last] ^= 1;
    let opened = Network::open(&write("rotten-body", &rotten)).expect("bodies are not read at opening");
    assert_eq!(opened.verify().expect_err("damaged").code(), "R011");
    std::fs::remove_dir_all(&dir).expect("removed");
}
