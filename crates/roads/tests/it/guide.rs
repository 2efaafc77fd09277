//! What a driver is told, and other ways to go.

use crate::town::{STEP, corner, town};
use xiangyun_model::geo::LonLat;
use xiangyun_roads::{BandId, Language, Maneuver, Network, Step};

/// A roundabout east of the town's row 1, with an exit to the north and one to the east.
const ROUND: &str = r#"
<node id="100001" lon="113.0100" lat="33.8020"/><node id="100002" lon="113.0103" lat="33.8017"/>
<node id="100003" lon="113.0106" lat="33.8020"/><node id="100004" lon="113.0103" lat="33.8023"/>
<node id="100005" lon="113.0140" lat="33.8020"/><node id="100006" lon="113.0103" lat="33.8060"/>
<node id="100007" lon="113.0103" lat="33.7980"/>
<way id="101"><nd ref="100001"/><nd ref="100002"/><nd ref="100003"/><nd ref="100004"/><nd ref="100001"/>
<tag k="highway" v="tertiary"/><tag k="junction" v="roundabout"/></way>
<way id="102"><nd ref="10"/><nd ref="100001"/><tag k="highway" v="tertiary"/><tag k="name" v="东西2路"/></way>
<way id="103"><nd ref="100003"/><nd ref="100005"/><tag k="highway" v="primary"/><tag k="ref" v="S238"/></way>
<way id="104"><nd ref="100004"/><nd ref="100006"/><tag k="highway" v="tertiary"/><tag k="name" v="北路"/></way>
<way id="105"><nd ref="100002"/><nd ref="100007"/><tag k="highway" v="tertiary"/></way>"#;

fn steps(net: &Network, from: LonLat, to: LonLat) -> Vec<Step> {
    let van = net.profile("van").expect("built in");
    let route = net.route(van, BandId(0), &[from, to]).expect("a route");
    net.instructions(van, &route.legs[0], &route.snaps[0], &route.snaps[1]).expect("steps")
}

#[test]
fn a_turn_is_told_with_the_road_and_the_way_to_go() {
    let net = town(5, "");
    // Along row 0 to the east, then up column 4.
    let a = LonLat { lon: 113.0 + 0.5 * STEP, lat: 33.79995 };
    let b = LonLat { lon: corner(4, 0).lon + 0.00005, lat: 33.8 + 2.5 * STEP };
    let list = steps(&net, a, b);
    let kinds: Vec<Maneuver> = list.iter().map(|s| s.maneuver).collect();
    assert_eq!(
        kinds,
        [Maneuver::Depart { bearing: 90 }, Maneuver::Left, Maneuver::Arrive { left: false }],
        "{list:#?}"
    );
    assert_eq!((list[0].name.as_str(), list[1].name.as_str()), ("东西1路", "南北5街"));
    assert!((640..=655).contains(&list[0].metres), "{}", list[0].metres);
    assert_eq!(list[0].text(Language::Zh), format!("沿东西1路向东出发，行驶 {} 米", list[0].metres));
    assert_eq!(list[1].text(Language::En), format!("Turn left onto 南北5街, {} m", list[1].metres));
    assert_eq!(list[2].text(Language::Zh), "到达，目的地在道路右侧");
}

#[test]
fn a_roundabout_is_one_step_with_its_exit() {
    let net = town(5, ROUND);
    let from = LonLat { lon: corner(3, 1).lon + 0.001, lat: corner(0, 1).lat };
    let exit = |lon: f64, lat: f64| {
        let list = steps(&net, from, LonLat { lon, lat });
        let told: Vec<(Maneuver, String)> = list.iter().map(|s| (s.maneuver, s.text(Language::Zh))).collect();
        told.into_iter().find(|t| matches!(t.0, Maneuver::Roundabout { .. })).expect("a roundabout")
    };
    let south = exit(113.0103, 33.7990);
    assert_eq!(south.0, Maneuver::Roundabout { exit: 1 });
    let east = exit(113.0130, 33.8020);
    assert_eq!(east.0, Maneuver::Roundabout { exit: 2 });
    assert!(east.1.starts_with("进入环岛，从第 2 个出口驶出，进入S238"), "{}", east.1);
    assert_eq!(exit(113.0103, 33.8050).0, Maneuver::Roundabout { exit: 3 });
}

#[test]
fn alternatives_differ_and_none_is_much_longer() {
    let net = town(9, "");
    let van = net.profile("van").expect("built in");
    let (a, b) = (corner(0, 1), corner(8, 7));
    let ways = net.alternatives(van, BandId(0), a, b, 4).expect("ways");
    assert!(ways.len() >= 2, "a grid has more than one way");
    let best = net.route(van, BandId(0), &[a, b]).expect("a route");
    assert_eq!((ways[0].seconds, ways[0].metres), (best.seconds, best.metres));
    let roads = |i: usize| -> Vec<_> { ways[i].legs[0].stretches.iter().map(|s| s.segment).collect() };
    for (i, way) in ways.iter().enumerate() {
        assert!(way.seconds <= best.seconds * 7 / 5 + 1 && way.seconds >= best.seconds);
        let all = roads(i);
        for j in 0..i {
            assert!(all.iter().any(|s| !roads(j).contains(s)), "{i} is {j}");
        }
        // Each way is driven road by road.
        let line = way.geometry();
        let metres: f64 = line.windows(2).map(|w| w[0].metres_to(w[1])).sum();
        assert!((metres - f64::from(way.metres)).abs() < metres * 0.01 + 2.0);
    }
    assert_eq!(net.alternatives(van, BandId(0), a, a, 3).expect("one way").len(), 1);
    assert_eq!(net.alternatives(van, BandId(0), a, b, 99).expect_err("too many").code(), "R013");
}
