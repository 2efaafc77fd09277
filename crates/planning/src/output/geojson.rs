//! The plan as GeoJSON (RFC 7946), for QGIS or any map: places and the ways driven.

use super::{Sources, text};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// `plan.geojson`.
pub(super) fn render(sources: &Sources<'_>) -> Vec<u8> {
    let mut features = places(sources);
    features.extend(ways(sources));
    let document = json!({
        "type": "FeatureCollection",
        "name": sources.plan.id,
        "xiangyun": {
            "date": sources.plan.date.to_string(),
            "synthetic_roads": sources.map.synthetic_roads,
        },
        "features": features,
    });
    let mut bytes = serde_json::to_vec(&document).expect("plain data");
    bytes.push(b'\n');
    bytes
}

fn places(sources: &Sources<'_>) -> Vec<Value> {
    let mut visits: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for trip in &sources.plan.trips {
        for visit in &trip.visits {
            visits.entry(&visit.site).or_default().push(format!("{} {}", text::clock(visit.arrive), trip.id));
        }
    }
    let mut left: BTreeMap<&str, usize> = BTreeMap::new();
    for u in &sources.plan.unassigned {
        *left.entry(&u.site).or_default() += 1;
    }
    let feature = |site: &xiangyun_model::site::Site| {
        let id = site.id.as_str();
        json!({
            "type": "Feature",
            "id": id,
            "geometry": {"type": "Point", "coordinates": [site.place.lon, site.place.lat]},
            "properties": {
                "id": id,
                "kind": site.kind.word(),
                "name_zh": site.name_zh,
                "name_en": site.name_en,
                "coord_source": site.coord_source,
                "visits": visits.get(id).cloned().unwrap_or_default(),
                "orders_left": left.get(id).copied().unwrap_or(0),
            },
        })
    };
    sources.county.sites.iter().map(feature).collect()
}

fn ways(sources: &Sources<'_>) -> Vec<Value> {
    let feature = |trip: &xiangyun_model::plan::Trip| {
        let mut line: Vec<[f64; 2]> = Vec::new();
        for pair in trip.visits.windows(2) {
            for p in sources.way(&trip.profile, &pair[0].site, &pair[1].site) {
                let point = [p.lon, p.lat];
                if line.last() != Some(&point) {
                    line.push(point);
                }
            }
        }
        if line.len() == 1 {
            line.push(line[0]);
        }
        json!({
            "type": "Feature",
            "id": trip.id,
            "geometry": {"type": "LineString", "coordinates": line},
            "properties": {
                "trip": trip.id,
                "kind": trip.kind,
                "vehicle": trip.vehicle,
                "driver": trip.driver,
                "number": trip.number,
                "metres": trip.metres,
                "departs": trip.visits.first().map(|v| text::clock(v.depart)),
                "returns": trip.visits.last().map(|v| text::clock(v.arrive)),
                "stops": trip.visits.len().saturating_sub(2),
            },
        })
    };
    sources.plan.trips.iter().filter(|t| t.visits.len() > 1).map(feature).collect()
}
