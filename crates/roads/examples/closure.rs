//! A matrix, a closed road, and the matrix again: `cargo run -p xiangyun-roads --example closure [MAP.osm.pbf]`.

use xiangyun_model::geo::LonLat;
use xiangyun_roads::{BandId, Network, Profiles};

fn main() -> Result<(), xiangyun_roads::RoadsError> {
    let map = std::env::args().nth(1);
    let (net, _) = match &map {
        Some(path) => Network::build(path.as_ref(), &Profiles::default())?,
        None => Network::build_from("built-in.osm".as_ref(), TOWN.as_bytes(), &Profiles::default())?,
    };
    let (van, day) = (net.profile("van")?, BandId(0));
    let middle = |s| net.segment(xiangyun_roads::SegmentId(s)).map(|s| s.geometry[s.geometry.len() / 2]);
    let places: Vec<LonLat> = (0..3).map(middle).collect::<Result<_, _>>()?;
    println!("open:   {:?} s", net.matrix(van, day, &places)?.seconds);
    let road = net.snap(van, places[1])?.segment;
    net.close(&[road])?;
    println!("closed: {:?} s", net.matrix(van, day, &places)?.seconds);
    net.reopen(&[road])?;
    println!("again:  {:?} s", net.matrix(van, day, &places)?.seconds);
    Ok(())
}

const TOWN: &str = include_str!("town.osm");
