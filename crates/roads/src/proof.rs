//! Proof that the fast searches are right: random maps with one-ways, barriers, restrictions via nodes and ways,
//! residents' roads and closures, against plain searches on the turn-expanded graph (ours, and petgraph's).

use crate::contraction::customize;
use crate::network::{BandId, Network, ProfileId, SegmentId, ends_of};
use crate::profile::Profiles;
use crate::query::{dijkstra, sweep, tree, weight};
use petgraph::graph::{DiGraph, NodeIndex};
use proptest::prelude::*;
use std::fmt::Write;
use std::path::Path;
use xiangyun_model::geo::LonLat;

/// A random map as OSM XML.
#[derive(Clone, Debug)]
struct Map {
    nodes: Vec<(i32, i32, u8)>,
    ways: Vec<(Vec<usize>, u8, u8)>,
    restrictions: Vec<(usize, usize, usize, u8)>,
}

impl Map {
    fn xml(&self) -> String {
        let mut x = String::from("<osm version=\"0.6\">");
        for (i, (lon, lat, tag)) in self.nodes.iter().enumerate() {
            let tag = match tag {
                0 => "<tag k=\"barrier\" v=\"bollard\"/>",
                1 => "<tag k=\"barrier\" v=\"gate\"/>",
                2 => "<tag k=\"highway\" v=\"traffic_signals\"/>",
                3 => "<tag k=\"barrier\" v=\"height_restrictor\"/>",
                _ => "",
            };
            write!(
                x,
                "<node id=\"{}\" lon=\"{:.7}\" lat=\"{:.7}\">{tag}</node>",
                i + 1,
                113.0 + f64::from(*lon) * 1e-4,
                33.8 + f64::from(*lat) * 1e-4
            )
            .expect("a string");
        }
        for (i, (refs, class, oneway)) in self.ways.iter().enumerate() {
            write!(x, "<way id=\"{}\">", i + 1).expect("a string");
            for r in refs {
                write!(x, "<nd ref=\"{}\"/>", r + 1).expect("a string");
            }
            let class = ["residential", "tertiary", "primary", "track", "service"][usize::from(*class % 5)];
            write!(x, "<tag k=\"highway\" v=\"{class}\"/>").expect("a string");
            match oneway % 8 {
                0 | 1 => x.push_str("<tag k=\"oneway\" v=\"yes\"/>"),
                2 => x.push_str("<tag k=\"access\" v=\"destination\"/>"),
                3 => x.push_str("<tag k=\"maxheight\" v=\"2.5\"/>"),
                _ => {}
            }
            x.push_str("</way>");
        }
        for (i, (from, via, to, kind)) in self.restrictions.iter().enumerate() {
            let by_way = kind & 1 == 1;
            let via = if by_way {
                format!("<member type=\"way\" ref=\"{}\" role=\"via\"/>", via % self.ways.len() + 1)
            } else {
                format!("<member type=\"node\" ref=\"{}\" role=\"via\"/>", via % self.nodes.len() + 1)
            };
            let value = if kind & 2 == 2 { "only_straight_on" } else { "no_left_turn" };
            write!(
                x,
                "<relation id=\"{}\"><member type=\"way\" ref=\"{}\" role=\"from\"/>{via}\
                 <member type=\"way\" ref=\"{}\" role=\"to\"/><tag k=\"type\" v=\"restriction\"/>\
                 <tag k=\"restriction\" v=\"{value}\"/></relation>",
                i + 1,
                from % self.ways.len() + 1,
                to % self.ways.len() + 1
            )
            .expect("a string");
        }
        x.push_str("</osm>");
        x
    }

    fn network(&self) -> Option<Network> {
        Network::build_from(Path::new("random.osm"), self.xml().as_bytes(), &Profiles::default())
            .ok()
            .map(|(net, _)| net)
    }
}

fn maps() -> impl Strategy<Value = Map> {
    (5usize..45).prop_flat_map(|n| {
        let node = (0i32..120, 0i32..120, 0u8..40);
        let way = (prop::collection::vec(0..n, 2..5), any::<u8>(), any::<u8>());
        // Most restrictions between random ways do not meet; many are tried so that some do.
        let restriction = (any::<usize>(), any::<usize>(), any::<usize>(), any::<u8>());
        (
            prop::collection::vec(node, n),
            prop::collection::vec(way, n / 2..n * 2),
            prop::collection::vec(restriction, 0..60),
        )
            .prop_map(|(nodes, ways, restrictions)| Map { nodes, ways, restrictions })
    })
}

fn points(list: &[(i32, i32)]) -> Vec<LonLat> {
    list.iter()
        .map(|(x, y)| LonLat { lon: 113.0 + f64::from(*x) * 1e-4, lat: 33.8 + f64::from(*y) * 1e-4 })
        .collect()
}

/// Tables, routes and the plain search agree on all cells.
fn agree(net: &Network, profile: ProfileId, places: &[LonLat]) -> Result<(), TestCaseError> {
    let band = BandId(0);
    let table = net.matrix(profile, band, places).expect("a matrix");
    let threaded = net.matrix_between(profile, band, places, places, 3).expect("a matrix");
    prop_assert_eq!(&table, &threaded);
    for (i, a) in places.iter().enumerate() {
        for (j, b) in places.iter().enumerate() {
            let cell = table.cell(i, j).ok();
            let plain = net.plain_cell(profile, band, *a, *b).ok().flatten();
            prop_assert_eq!(cell, plain, "{} {}", i, j);
            let route = net.route(profile, band, &[*a, *b]).ok();
            prop_assert_eq!(cell, route.as_ref().map(|r| (r.seconds, r.metres)), "route {} {}", i, j);
        }
    }
    Ok(())
}

/// Paths between all places that are on a road.
fn paths(net: &Network, places: &[LonLat]) -> Vec<Option<crate::ArcPath>> {
    let van = net.profile("van").expect("built in");
    let snaps: Vec<_> = places.iter().filter_map(|p| net.snap(van, *p).ok()).collect();
    snaps
        .iter()
        .flat_map(|a| snaps.iter().map(move |b| (a, b)))
        .map(|(a, b)| net.path(van, BandId(0), a, b).expect("ids are known"))
        .collect()
}

/// Weights of the live metric equal a full customization.
fn customized(net: &Network) -> bool {
    (0..net.profiles.metric_count()).all(|metric| {
        let now = net.live[metric].load_full();
        let ends = ends_of(&net.graph, &net.profiles, metric, &now.arc_ms);
        customize::customize(&net.topology, net.plan(), &ends).all[..] == now.weights.all[..]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn tables_routes_and_plain_search_agree(
        map in maps(),
        list in prop::collection::vec((0i32..120, 0i32..120), 2..24),
        closed in prop::collection::vec(any::<prop::sample::Index>(), 0..4),
    ) {
        let Some(net) = map.network() else { return Ok(()) };
        let places = points(&list);
        for name in ["van", "truck42"] {
            agree(&net, net.profile(name).expect("built in"), &places)?;
        }
        let segments = net.graph.segment_count();
        let closed: Vec<SegmentId> = closed.iter().map(|i| SegmentId(i.index(segments) as u32)).collect();
        net.close(&closed).expect("closed");
        agree(&net, net.profile("van").expect("built in"), &places)?;
        prop_assert!(customized(&net));
    }

    #[test]
    fn adding_a_point_changes_nothing_else(
        map in maps(),
        list in prop::collection::vec((0i32..120, 0i32..120), 3..20),
    ) {
        let Some(net) = map.network() else { return Ok(()) };
        let van = net.profile("van").expect("built in");
        let places = points(&list);
        let whole = net.matrix(van, BandId(0), &places).expect("a matrix");
        let part = net.matrix(van, BandId(0), &places[1..]).expect("a matrix");
        for i in 1..places.len() {
            for j in 1..places.len() {
                prop_assert_eq!(whole.cell(i, j), part.cell(i - 1, j - 1));
            }
        }
    }

    #[test]
    fn one_to_all_equals_dijkstra_and_petgraph(map in maps(), x in 0i32..120, y in 0i32..120) {
        let Some(net) = map.network() else { return Ok(()) };
        let van = net.profile("van").expect("built in");
        let Ok(snap) = net.snap(van, points(&[(x, y)])[0]) else { return Ok(()) };
        let metric = net.metric(van, BandId(0)).expect("there");
        net.ask(metric, |ends, view| {
            let source = ends.source(&snap);
            let fast = sweep::one_to_all(view, &source);
            let plain = dijkstra::one_to_all(ends, &source);
            prop_assert_eq!(&fast, &plain);
            let mut graph = DiGraph::<(), u64>::new();
            let nodes: Vec<NodeIndex> = (0..ends.graph.state_count()).map(|_| graph.add_node(())).collect();
            let root = graph.add_node(());
            for (state, w) in &source.seeds {
                graph.add_edge(root, nodes[*state as usize], *w);
            }
            for state in 0..ends.graph.state_count() as u32 {
                for turn in ends.graph.turns(state) {
                    let w = ends.turn(turn, state);
                    if w < weight::INF {
                        graph.add_edge(nodes[state as usize], nodes[ends.graph.turn_to[turn] as usize], w);
                    }
                }
            }
            let theirs = petgraph::algo::dijkstra(&graph, root, None, |e| *e.weight());
            for (state, node) in nodes.iter().enumerate() {
                prop_assert_eq!(fast[state], theirs.get(node).copied().unwrap_or(weight::INF));
            }
            Ok(())
        })?;
    }

    #[test]
    fn changes_equal_a_full_customization(
        map in maps(),
        list in prop::collection::vec((0i32..120, 0i32..120), 4),
        steps in prop::collection::vec((any::<prop::sample::Index>(), 0u8..4), 1..60),
    ) {
        let Some(net) = map.network() else { return Ok(()) };
        let segments = net.graph.segment_count();
        let places = points(&list);
        for (i, (segment, what)) in steps.iter().enumerate() {
            let s = [SegmentId(segment.index(segments) as u32)];
            match what {
                0 | 1 => net.close(&s),
                2 => net.reopen(&s),
                _ => net.slow(&s, 50 + i as u32 * 7),
            }
            .expect("changed");
            // What shortcuts stand for is remembered from here on, and must be forgotten where it changes.
            paths(&net, &places);
        }
        prop_assert!(customized(&net));
        let remembered = paths(&net, &places);
        net.recustomize_all();
        prop_assert!(customized(&net), "all at once");
        prop_assert_eq!(remembered, paths(&net, &places));
        net.reopen(&net.changed()).expect("reopened");
        prop_assert_eq!(net.changed(), vec![]);
        prop_assert!(customized(&net), "reopened");
        let all: Vec<SegmentId> = (0..segments as u32).map(SegmentId).collect();
        net.slow(&all, 150).expect("changed");
        prop_assert!(customized(&net));
        net.reopen(&all[..1]).expect("reopened");
        prop_assert!(customized(&net));
    }

    #[test]
    fn paths_are_driven_turn_by_turn(map in maps(), a in (0i32..120, 0i32..120), b in (0i32..120, 0i32..120)) {
        let Some(net) = map.network() else { return Ok(()) };
        let van = net.profile("van").expect("built in");
        let (Ok(a), Ok(b)) = (net.snap(van, points(&[a])[0]), net.snap(van, points(&[b])[0])) else {
            return Ok(());
        };
        let metric = net.metric(van, BandId(0)).expect("there");
        net.ask(metric, |ends, view| {
            let (source, target) = (ends.source(&a), ends.target(&b));
            let Some(path) = tree::shortest(view, ends, &source, &target) else { return Ok(()) };
            let start = source.seeds.iter().find(|s| s.0 == path.states[0]).expect("starts at the source").1;
            let mut sum = start;
            for pair in path.states.windows(2) {
                let turns = ends.graph.turns(pair[0]);
                let i = ends.graph.turn_to[turns.clone()].binary_search(&pair[1]).expect("a turn");
                sum += ends.turn(turns.start + i, pair[0]);
            }
            let last = path.states[path.states.len() - 1];
            let rest = target.states.iter().find(|t| t.0 == last).expect("ends at the target").1;
            prop_assert_eq!(sum - rest, path.weight);
            Ok(())
        })?;
    }
}

/// 10⁵ closures, reopenings and slowings at random, against a full customization at the end and on the way.
#[test]
fn a_hundred_thousand_changes_leave_nothing_behind() {
    let (size, mut x) = (40, String::from("<osm version=\"0.6\">"));
    let mut seed = 3u64;
    let mut random = |n: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as usize % n
    };
    for v in 0..size * size {
        let (lon, lat) = (113.0 + (v % size) as f64 * 0.002, 33.8 + (v / size) as f64 * 0.002);
        write!(x, "<node id=\"{}\" lon=\"{lon}\" lat=\"{lat}\"/>", v + 1).expect("a string");
    }
    for v in 0..size * size {
        for (k, w) in [(v % size + 1 < size).then_some(v + 1), (v / size + 1 < size).then_some(v + size)]
            .into_iter()
            .enumerate()
        {
            let Some(w) = w else { continue };
            let class = ["residential", "tertiary", "primary", "track"][random(4)];
            let oneway = if random(6) == 0 { "<tag k=\"oneway\" v=\"yes\"/>" } else { "" };
            write!(
                x,
                "<way id=\"{}\"><nd ref=\"{}\"/><nd ref=\"{}\"/><tag k=\"highway\" v=\"{class}\"/>{oneway}</way>",
                v * 2 + k + 1,
                v + 1,
                w + 1
            )
            .expect("a string");
        }
    }
    x.push_str("</osm>");
    let text = crate::DEFAULT_PROFILES;
    let one = Profiles::parse(&text[..text.find("[profile.truck42]").expect("a section")]).expect("sound");
    let (net, _) = Network::build_from(Path::new("grid.osm"), x.as_bytes(), &one).expect("a sound map");
    let segments = net.graph.segment_count();
    for step in 1..=100_000u32 {
        let several: Vec<SegmentId> =
            (0..1 + random(3)).map(|_| SegmentId(random(segments) as u32)).collect();
        match random(5) {
            0 | 1 => net.close(&several),
            2 | 3 => net.reopen(&several),
            _ => net.slow(&several, 60 + random(200) as u32),
        }
        .expect("changed");
        if step % 20_000 == 0 {
            assert!(customized(&net), "after {step} changes");
        }
    }
    net.reopen(&net.changed()).expect("reopened");
    assert!(net.changed().is_empty() && customized(&net));
}

/// The real extracts, where they lie: 200 pairs each against the plain search, and a walk of closures.
#[test]
fn real_extracts_agree_with_the_plain_search() {
    let Some(data) = std::env::var_os("XIANGYUN_TESTDATA") else {
        println!("skipped: monaco, liechtenstein, andorra (3 maps; XIANGYUN_TESTDATA is not set)");
        return;
    };
    for name in ["monaco", "liechtenstein", "andorra"] {
        let path = Path::new(&data).join("osm").join(format!("{name}.osm.pbf"));
        let (net, _) = Network::build(&path, &Profiles::default()).expect("a real map");
        let mut seed = 7u64;
        let mut random = |n: usize| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) as usize % n
        };
        let vertices = net.graph.vertex.len();
        let places: Vec<LonLat> = (0..15).map(|_| net.graph.place(random(vertices) as u32)).collect();
        for profile in ["van", "truck42"] {
            agree(&net, net.profile(profile).expect("built in"), &places)
                .expect("tables equal plain searches");
        }
        let segments = net.graph.segment_count();
        for _ in 0..60 {
            let s = [SegmentId(random(segments) as u32)];
            if random(3) == 0 { net.reopen(&s) } else { net.close(&s) }.expect("changed");
        }
        assert!(customized(&net), "{name}");
        agree(&net, net.profile("van").expect("built in"), &places).expect("tables equal plain searches");
    }
}
