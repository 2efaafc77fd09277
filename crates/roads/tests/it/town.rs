//! A town of streets in a grid, for tests that need more than a corner.

use std::fmt::Write;
use std::path::Path;
use xiangyun_model::geo::LonLat;
use xiangyun_roads::{Network, Profiles};

/// Spacing of the streets in degrees (about 185 m and 222 m).
pub(crate) const STEP: f64 = 0.002;

/// Corner of column `x` and row `y`.
pub(crate) fn corner(x: i32, y: i32) -> LonLat {
    LonLat { lon: 113.0 + f64::from(x) * STEP, lat: 33.8 + f64::from(y) * STEP }
}

/// A town of `size` by `size` corners. Rows are tertiary roads named `东西N路`, columns residential ones `南北N街`.
/// `extra` is put into the file as it is: ids from 100,000 on are free.
pub(crate) fn town(size: i32, extra: &str) -> Network {
    let mut x = String::from("<osm version=\"0.6\">");
    let id = |c: i32, r: i32| r * size + c + 1;
    for r in 0..size {
        for c in 0..size {
            let at = corner(c, r);
            write!(x, "<node id=\"{}\" lon=\"{:.7}\" lat=\"{:.7}\"/>", id(c, r), at.lon, at.lat)
                .expect("text");
        }
    }
    for k in 0..size {
        for (way, along, class, name) in
            [(1000 + k, true, "tertiary", "东西"), (2000 + k, false, "residential", "南北")]
        {
            write!(x, "<way id=\"{way}\">").expect("text");
            for i in 0..size {
                let node = if along { id(i, k) } else { id(k, i) };
                write!(x, "<nd ref=\"{node}\"/>").expect("text");
            }
            let kind = if along { "路" } else { "街" };
            write!(
                x,
                "<tag k=\"highway\" v=\"{class}\"/><tag k=\"name\" v=\"{name}{}{kind}\"/></way>",
                k + 1
            )
            .expect("text");
        }
    }
    x.push_str(extra);
    x.push_str("</osm>");
    Network::build_from(Path::new("town.osm"), x.as_bytes(), &Profiles::default()).expect("a sound map").0
}
