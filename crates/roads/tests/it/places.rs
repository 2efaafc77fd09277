//! Places that are hard to put on the right road, water between roads, and what is near in time.

use crate::town::{STEP, corner, town};
use xiangyun_model::geo::LonLat;
use xiangyun_roads::{BandId, RoadClass};

#[test]
fn a_village_beside_an_expressway_is_put_on_its_own_road() {
    // An expressway 60 m south of the town's first row; the place is 10 m from the one and 50 m from the other.
    let south = 33.8 - 60.0 / 111_195.0;
    let extra = format!(
        r#"<node id="100001" lon="112.99" lat="{south:.7}"/><node id="100002" lon="113.02" lat="{south:.7}"/>
<node id="100003" lon="112.99" lat="33.8"/>
<way id="101"><nd ref="100001"/><nd ref="100002"/><tag k="highway" v="motorway"/></way>
<way id="102"><nd ref="100002"/><nd ref="100001"/><tag k="highway" v="motorway"/></way>
<way id="103"><nd ref="100001"/><nd ref="100003"/><tag k="highway" v="motorway_link"/><tag k="oneway" v="no"/></way>
<way id="104"><nd ref="100003"/><nd ref="1"/><tag k="highway" v="tertiary"/></way>"#
    );
    let net = town(5, &extra);
    let van = net.profile("van").expect("built in");
    let place = LonLat { lon: 113.0 + 0.5 * STEP, lat: 33.8 - 50.0 / 111_195.0 };
    let snap = net.snap(van, place).expect("a road");
    assert_eq!(net.segment(snap.segment).expect("a segment").class, RoadClass::Tertiary);
    assert!((snap.moved_m - 50.0).abs() < 1.0, "{snap:?}");
    // The expressway is part of the network all the same: the way round over it is driven.
    let far = LonLat { lon: 113.019, lat: south };
    assert_eq!(
        net.segment(net.snap(van, far).expect("a road").segment).expect("a segment").class,
        RoadClass::Motorway
    );
    assert!(net.route(van, BandId(0), &[place, far]).is_ok());
}

#[test]
fn a_ferry_takes_its_posted_time_and_the_wait_for_it() {
    let water = r#"<node id="100001" lon="113.03" lat="33.8"/><node id="100002" lon="113.04" lat="33.8"/>
<way id="101"><nd ref="5"/><nd ref="100001"/><tag k="route" v="ferry"/><tag k="motor_vehicle" v="yes"/><tag k="duration" v="00:20"/></way>
<way id="102"><nd ref="100001"/><nd ref="100002"/><tag k="highway" v="tertiary"/></way>"#;
    let net = town(5, water);
    let van = net.profile("van").expect("built in");
    let ends = [corner(4, 0), LonLat { lon: 113.0301, lat: 33.8 }];
    let route = net.route(van, BandId(0), &ends).expect("a route");
    // Twenty minutes on the water, ten of boarding, and a few seconds ashore.
    assert!((1_800..1_900).contains(&route.seconds), "{}", route.seconds);
}

#[test]
fn an_isochrone_holds_the_corners_that_routes_reach_in_time() {
    let net = town(7, "");
    let van = net.profile("van").expect("built in");
    let start = LonLat { lon: 113.0 + 3.5 * STEP, lat: corner(0, 3).lat };
    let places: Vec<LonLat> = (0..49).map(|i| corner(i % 7, i / 7)).collect();
    let table = net.matrix_between(van, BandId(0), &[start], &places, 1).expect("a table");
    let mut metres = 0;
    for seconds in [20, 60, 100, 400] {
        let near = net.isochrone(van, BandId(0), start, seconds).expect("a place on a road");
        assert!(near.metres >= metres);
        metres = near.metres;
        let ends: Vec<LonLat> = near
            .reached
            .iter()
            .flat_map(|s| {
                let line = net.segment(s.segment).expect("a segment").geometry;
                let (low, high) = (s.from.min(s.to), s.from.max(s.to));
                [(low <= 0.0).then(|| line[0]), (high >= 1.0).then(|| line[line.len() - 1])]
            })
            .flatten()
            .collect();
        for (i, place) in places.iter().enumerate() {
            let held = ends.iter().any(|e| (e.lon - place.lon).abs() + (e.lat - place.lat).abs() < 1e-6);
            // A route ends on one of the roads that meet at the corner, whichever is nearest; the second lost by rounding up.
            if table.seconds[i] <= seconds {
                assert!(held, "corner {i} is {} s away, not held within {seconds} s", table.seconds[i]);
            }
            if table.seconds[i] > seconds + 12 {
                assert!(!held, "corner {i} is {} s away, held within {seconds} s", table.seconds[i]);
            }
        }
    }
    // All of the town: 14 streets of 6 blocks.
    let all = 7 * 6 * (185 + 222);
    assert!(metres.abs_diff(all) < all / 50, "{metres}");
}
