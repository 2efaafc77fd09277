//! The generator against an independent reader of its files, and against what the planner needs of a network.

use super::*;
use osmpbf::{Element, ElementReader, RelMemberType};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet, HashMap};

const SITES: &str = "id,kind,name_zh,name_en,lon,lat,parent\n\
    HUB,hub,县中心,Hub,110.00,30.00,\n\
    S1,station,东镇,East,110.06,30.01,HUB\n\
    S2,station,西镇,West,109.93,29.98,HUB\n\
    V1,village,甲村,Jia,110.07,30.03,S1\n\
    V2,village,乙村,Yi,110.09,30.00,S1\n\
    V3,village,丙村,Bing,110.05,29.98,S1\n\
    V4,village,丁村,Ding,109.92,30.01,S2\n\
    V5,village,戊村,Wu,109.90,29.96,S2\n\
    V6,village,己社区,Ji,110.004,30.003,HUB\n\
    P1,park,园区,Park,110.03,29.99,HUB\n\
    G1,gateway,市,City,110.40,30.20,\n";

const CORRIDORS: &str = "id,name_zh,ref,road_class,status_2018,polyline_lon_lat\n\
    R1,甲乙高速,G99,expressway,open (2006),\"109.86,30.05 110.02,30.02 110.13,29.95\"\n\
    R2,国道,G999,national,open,\"109.87,29.97 109.93,29.98 110.00,30.00 110.06,30.01 110.12,30.03\"\n\
    R3,县道,,county,open,\"110.00,30.00 110.01,30.03 110.03,30.07\"\n\
    R4,新高速,,expressway,not open,\"109.90,30.06 109.95,29.93\"\n\
    R5,东镇—丙村,,inferred_link,assumed,\"110.06,30.01 110.05,29.98\"\n\
    R6,快速路,,fast_link,open,\"110.00,30.00 110.04,29.97 110.09,29.95\"\n";

fn county(sites: &str, corridors: &str) -> Result<CountyFacts, xiangyun_model::problem::Problems> {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("county.toml"), "code = \"999999\"\n[synthesis]\nstreams = 2\n").unwrap();
    std::fs::write(dir.path().join("sites.csv"), sites).unwrap();
    if !corridors.is_empty() {
        std::fs::write(dir.path().join("corridors.csv"), corridors).unwrap();
    }
    CountyFacts::read(dir.path())
}

fn bytes_of(synthesis: &Synthesis) -> Vec<u8> {
    let mut out = Vec::new();
    synthesis.write_pbf(&mut out).unwrap();
    out
}

type Tagged = BTreeMap<String, String>;

#[derive(Default)]
struct Read {
    nodes: BTreeMap<i64, (f64, f64, Tagged)>,
    ways: BTreeMap<i64, (Vec<i64>, Tagged)>,
    bans: Vec<(i64, i64, i64, Tagged)>,
}

/// Reads the file back with the osmpbf crate, which shares nothing with our writer.
fn read_back(bytes: &[u8]) -> Read {
    let mut read = Read::default();
    let own = |tags: &mut dyn Iterator<Item = (&str, &str)>| {
        tags.map(|(k, v)| (k.to_owned(), v.to_owned())).collect()
    };
    ElementReader::new(bytes)
        .for_each(|element| match element {
            Element::DenseNode(n) => {
                read.nodes.insert(n.id(), (n.lon(), n.lat(), own(&mut n.tags())));
            }
            Element::Way(w) => {
                read.ways.insert(w.id(), (w.refs().collect(), own(&mut w.tags())));
            }
            Element::Relation(r) => {
                let member = |role: &str, kind: RelMemberType| {
                    r.members()
                        .find(|m| m.role().unwrap() == role && m.member_type == kind)
                        .unwrap()
                        .member_id
                };
                let (from, to) = (member("from", RelMemberType::Way), member("to", RelMemberType::Way));
                read.bans.push((from, member("via", RelMemberType::Node), to, own(&mut r.tags())));
            }
            Element::Node(_) => panic!("our nodes are dense"),
        })
        .unwrap();
    read
}

/// Nodes that are both reached from and lead to the node, by driving the ways as tagged.
fn core_of(read: &Read, start: i64) -> BTreeSet<i64> {
    let mut there: HashMap<i64, Vec<i64>> = HashMap::new();
    let mut back: HashMap<i64, Vec<i64>> = HashMap::new();
    for (refs, tags) in read.ways.values() {
        if !tags.contains_key("highway") || tags["highway"] == "construction" {
            continue;
        }
        for w in refs.windows(2) {
            there.entry(w[0]).or_default().push(w[1]);
            back.entry(w[1]).or_default().push(w[0]);
            if !tags.contains_key("oneway") {
                there.entry(w[1]).or_default().push(w[0]);
                back.entry(w[0]).or_default().push(w[1]);
            }
        }
    }
    let flood = |arcs: &HashMap<i64, Vec<i64>>| {
        let mut seen = BTreeSet::from([start]);
        let mut open = vec![start];
        while let Some(v) = open.pop() {
            for u in arcs.get(&v).into_iter().flatten() {
                if seen.insert(*u) {
                    open.push(*u);
                }
            }
        }
        seen
    };
    flood(&there).intersection(&flood(&back)).copied().collect()
}

fn nearest(read: &Read, among: &BTreeSet<i64>, place: LonLat) -> (i64, f64) {
    among
        .iter()
        .map(|id| (*id, place.metres_to(LonLat { lon: read.nodes[id].0, lat: read.nodes[id].1 })))
        .min_by(|a, b| a.1.total_cmp(&b.1))
        .unwrap()
}

#[test]
fn an_independent_reader_finds_a_whole_network() {
    let facts = county(SITES, CORRIDORS).unwrap();
    let synthesis = synthesize(&facts, 5);
    let read = read_back(&bytes_of(&synthesis));
    assert_eq!(read.nodes.len() as u64, synthesis.report().nodes);
    assert_eq!(read.ways.len() as u64, synthesis.report().ways);
    assert_eq!(read.bans.len() as u64, synthesis.report().restrictions);
    for (id, (refs, tags)) in &read.ways {
        assert!(refs.len() >= 2, "way {id}");
        assert!(refs.iter().all(|n| read.nodes.contains_key(n)), "way {id} knows its nodes");
        assert!(refs.windows(2).all(|w| w[0] != w[1]), "way {id} stands still");
        assert_eq!(tags["source"], "synthetic");
        assert!(tags["note"].contains("not surveyed"));
    }
    let values: BTreeSet<&str> =
        read.ways.values().filter_map(|w| w.1.get("highway")).map(String::as_str).collect();
    for class in [
        "motorway",
        "motorway_link",
        "trunk",
        "secondary",
        "tertiary",
        "unclassified",
        "residential",
        "service",
        "track",
        "construction",
    ] {
        assert!(values.contains(class), "no {class} in {values:?}");
    }
}

#[test]
fn every_site_is_on_the_network_and_can_be_left_again() {
    let facts = county(SITES, CORRIDORS).unwrap();
    let read = read_back(&bytes_of(&synthesize(&facts, 5)));
    let all: BTreeSet<i64> =
        read.ways.values().filter(|w| w.1.contains_key("highway")).flat_map(|w| w.0.clone()).collect();
    let core = core_of(&read, nearest(&read, &all, facts.sites[0].place).0);
    assert!(core.len() as f64 > 0.97 * all.len() as f64, "{} of {}", core.len(), all.len());
    for site in &facts.sites {
        let (_, metres) = nearest(&read, &core, site.place);
        assert!(metres < 150.0, "{} is {metres:.0} m from the network's core", site.id);
    }
}

#[test]
fn banned_turns_join_ways_at_their_node() {
    let facts = county(SITES, CORRIDORS).unwrap();
    let read = read_back(&bytes_of(&synthesize(&facts, 5)));
    assert!(!read.bans.is_empty());
    for (from, via, to, tags) in &read.bans {
        for way in [from, to] {
            let refs = &read.ways[way].0;
            assert!(refs[0] == *via || refs[refs.len() - 1] == *via, "{way} does not end at {via}: {tags:?}");
        }
    }
}

#[test]
fn limits_and_barriers_have_values_that_can_be_read() {
    let facts = county(SITES, CORRIDORS).unwrap();
    let read = read_back(&bytes_of(&synthesize(&facts, 5)));
    let mut limits = 0;
    for tags in read.ways.values().map(|w| &w.1).chain(read.nodes.values().map(|n| &n.2)) {
        for key in ["maxweight", "maxheight", "maxspeed", "width", "maxwidth:physical"] {
            if let Some(value) = tags.get(key) {
                let number: f64 = value.parse().unwrap_or_else(|_| panic!("{key}={value}"));
                assert!(number > 0.0);
                limits += usize::from(key == "maxweight" || key == "maxheight");
            }
        }
    }
    assert!(limits > 5, "{limits}");
    assert!(read.nodes.values().any(|n| n.2.contains_key("barrier")));
}

#[test]
fn the_road_that_is_being_built_carries_nobody() {
    let facts = county(SITES, CORRIDORS).unwrap();
    let read = read_back(&bytes_of(&synthesize(&facts, 5)));
    let open: BTreeSet<i64> = read
        .ways
        .values()
        .filter(|w| w.1.get("highway").is_some_and(|h| h != "construction"))
        .flat_map(|w| w.0.clone())
        .collect();
    let built = read.ways.values().filter(|w| w.1.get("highway").is_some_and(|h| h == "construction"));
    let nodes: Vec<i64> = built.flat_map(|w| w.0.clone()).collect();
    assert!(!nodes.is_empty() && nodes.iter().all(|n| !open.contains(n)));
}

#[test]
fn same_facts_and_seed_same_bytes() {
    let facts = county(SITES, CORRIDORS).unwrap();
    let first = bytes_of(&synthesize(&facts, 1));
    assert!(first == bytes_of(&synthesize(&facts, 1)));
    assert!(first != bytes_of(&synthesize(&facts, 2)));
    let text = String::from_utf8_lossy(&first);
    assert!(!text.contains("G999"), "blobs are compressed");
}

#[test]
fn a_county_without_corridors_is_still_joined() {
    let facts = county(SITES, "").unwrap();
    let read = read_back(&bytes_of(&synthesize(&facts, 3)));
    let all: BTreeSet<i64> =
        read.ways.values().filter(|w| w.1.contains_key("highway")).flat_map(|w| w.0.clone()).collect();
    let core = core_of(&read, nearest(&read, &all, facts.sites[0].place).0);
    for site in &facts.sites {
        assert!(nearest(&read, &core, site.place).1 < 150.0, "{}", site.id);
    }
}

#[test]
fn every_problem_of_the_facts_is_named_at_once() {
    let sites = "id,kind,lon,lat\nA,hub,1,2\nB,castle,1,2\nC,village,abc,2\nD,hub,200,2\n";
    let corridors =
        "id,road_class,polyline_lon_lat\nR1,path,\"1,2 3,4\"\nR2,county,\"1,2\"\nR3,county,\"1;2 3,4\"\n";
    let problems = county(sites, corridors).unwrap_err();
    let found: Vec<String> =
        problems.list().iter().map(|p| format!("{} {}:{}:{}", p.code, p.file, p.row, p.column)).collect();
    assert_eq!(
        found,
        [
            "R073 sites.csv:3:kind",
            "R072 sites.csv:4:lon",
            "R072 sites.csv:5:lon",
            "R073 corridors.csv:2:road_class",
            "R072 corridors.csv:3:polyline_lon_lat",
            "R072 corridors.csv:4:polyline_lon_lat",
        ]
    );
    let codes = |sites: &str| -> Vec<&'static str> {
        county(sites, "").unwrap_err().list().iter().map(|p| p.code).collect()
    };
    assert_eq!(codes("id,kind,lon\nA,hub,1\n"), ["R071"]);
    assert_eq!(codes("id,kind,lon,lat\nA,village,1,2\n"), ["R074"]);
    assert_eq!(codes("id,kind,lon,lat\nA,hub,1,2\nB,village,90,2\n"), ["R075"]);
    assert_eq!(codes("id,kind,lon,lat\nA,hub,1\n"), ["R071"], "a row with too few cells");
    let missing = CountyFacts::read(std::path::Path::new("no such county")).unwrap_err();
    assert_eq!(missing.list().iter().map(|p| p.code).collect::<Vec<_>>(), ["R070", "R070"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Any handful of places, however they lie, becomes one network that reaches all of them.
    #[test]
    fn any_places_become_one_network(
        spots in prop::collection::vec((109.9..110.1f64, 29.9..30.1f64), 1..9),
        crowd in any::<bool>(),
        seed in any::<u64>(),
    ) {
        let mut sites = String::from("id,kind,lon,lat,parent\n");
        for (i, (lon, lat)) in spots.iter().enumerate() {
            let kind = if i == 0 { "hub" } else if i % 3 == 1 { "station" } else { "village" };
            // A crowd shares one spot: the hardest case for junctions.
            let (lon, lat) = if crowd && i % 2 == 1 { spots[0] } else { (*lon, *lat) };
            sites.push_str(&format!("S{i},{kind},{lon},{lat},S0\n"));
        }
        let facts = county(&sites, "").unwrap();
        let read = read_back(&bytes_of(&synthesize(&facts, seed)));
        let all: BTreeSet<i64> =
            read.ways.values().filter(|w| w.1.contains_key("highway")).flat_map(|w| w.0.clone()).collect();
        let core = core_of(&read, nearest(&read, &all, facts.sites[0].place).0);
        for site in &facts.sites {
            let (_, metres) = nearest(&read, &core, site.place);
            prop_assert!(metres < 250.0, "{} is {metres:.0} m away", site.id);
        }
    }
}
