//! What must hold for any map, tag and prepared file. Called by the fuzz targets with what they find and by ordinary
//! tests with the corpora.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use xiangyun_model::geo::LonLat;
use xiangyun_roads::{BandId, Network, Profiles, SegmentId};

/// Asks a network everything once; nothing may panic, and tables and routes must agree.
fn ask(net: &Network) {
    let segments = net.info().segments;
    let mut places: Vec<LonLat> = Vec::new();
    for k in 0..4u32 {
        let at = SegmentId(k * (segments as u32 / 4).max(1));
        if let Ok(info) = net.segment(at) {
            places.push(info.geometry[0]);
        }
    }
    for profile in ["van", "truck18t"] {
        let Ok(profile) = net.profile(profile) else { continue };
        let Ok(table) = net.matrix(profile, BandId(0), &places) else { continue };
        for (i, a) in places.iter().enumerate() {
            for (j, b) in places.iter().enumerate() {
                let route = net.route(profile, BandId(0), &[*a, *b]);
                assert_eq!(table.cell(i, j).ok(), route.as_ref().ok().map(|r| (r.seconds, r.metres)));
                if let Ok(route) = route {
                    let steps = net.instructions(profile, &route.legs[0], &route.snaps[0], &route.snaps[1]);
                    drop(steps.expect("a route of this network"));
                }
            }
        }
        if let Some(place) = places.first() {
            let _ = net.isochrone(profile, BandId(0), *place, 600);
        }
    }
    if segments > 0 {
        net.close(&[SegmentId(0)]).expect("a segment of this network");
        let van = net.profile("van").expect("built in");
        assert_eq!(net.differences_to_full(van, BandId(0)).expect("known ids"), 0);
    }
}

fn build(name: &str, bytes: &[u8]) {
    if let Ok((net, problems)) = Network::build_from(Path::new(name), bytes, profiles()) {
        assert!(problems.list().iter().all(|p| !p.code.is_empty()));
        ask(&net);
    }
}

fn profiles() -> &'static Profiles {
    static PROFILES: OnceLock<Profiles> = OnceLock::new();
    PROFILES.get_or_init(Profiles::default)
}

/// One blob of a PBF file, uncompressed.
fn blob(kind: &str, content: &[u8], out: &mut Vec<u8>) {
    let varint = |mut value: usize, out: &mut Vec<u8>| {
        while value > 127 {
            out.push((value & 127) as u8 | 128);
            value >>= 7;
        }
        out.push(value as u8);
    };
    let mut body = vec![0x0A];
    varint(content.len(), &mut body);
    body.extend_from_slice(content);
    let mut header = vec![0x0A];
    varint(kind.len(), &mut header);
    header.extend_from_slice(kind.as_bytes());
    header.push(0x18);
    varint(body.len(), &mut header);
    out.extend_from_slice(&(header.len() as u32).to_be_bytes());
    out.extend_from_slice(&header);
    out.extend_from_slice(&body);
}

/// A whole PBF file if the first byte is even; else a header and what follows as one block, framed soundly, so that
/// mutations reach the block's own reader.
pub(crate) fn osm_pbf(data: &[u8]) {
    let Some((kind, rest)) = data.split_first() else { return };
    if kind % 2 == 0 {
        build("fuzz.osm.pbf", rest);
        return;
    }
    let mut file = Vec::new();
    blob("OSMHeader", b"\x22\x0eOsmSchema-V0.6\x22\x0aDenseNodes", &mut file);
    blob("OSMData", rest, &mut file);
    build("fuzz.osm.pbf", &file);
}

/// Lines of `key=value` on a road, on a node of it, and on a turn restriction, as the line's first letter says.
pub(crate) fn osm_tags(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let escape = |t: &str| -> String {
        t.chars()
            .filter(|c| !c.is_control() && *c != '\u{fffe}' && *c != '\u{ffff}')
            .map(|c| match c {
                '&' => "&amp;".into(),
                '<' => "&lt;".into(),
                '"' => "&quot;".into(),
                c => c.to_string(),
            })
            .collect()
    };
    let mut tags = [String::new(), String::new(), String::new()];
    for line in text.lines().take(40) {
        let mut letters = line.chars();
        let on = match letters.next() {
            Some('n') => 1,
            Some('r') => 2,
            _ => 0,
        };
        let (key, value) = letters.as_str().split_once('=').unwrap_or((letters.as_str(), ""));
        write!(tags[on], "<tag k=\"{}\" v=\"{}\"/>", escape(key), escape(value)).expect("text");
    }
    let [way, node, restriction] = tags;
    let map = format!(
        "<osm version=\"0.6\"><node id=\"1\" lon=\"113\" lat=\"33.8\"/><node id=\"2\" lon=\"113.01\" lat=\"33.8\">{node}\
         </node><node id=\"3\" lon=\"113.02\" lat=\"33.8\"/><node id=\"4\" lon=\"113.01\" lat=\"33.81\"/>\
         <way id=\"1\"><nd ref=\"1\"/><nd ref=\"2\"/>{way}</way>\
         <way id=\"2\"><nd ref=\"2\"/><nd ref=\"3\"/><tag k=\"highway\" v=\"tertiary\"/></way>\
         <way id=\"3\"><nd ref=\"2\"/><nd ref=\"4\"/><tag k=\"highway\" v=\"residential\"/></way>\
         <relation id=\"1\"><member type=\"way\" ref=\"1\" role=\"from\"/><member type=\"node\" ref=\"2\" role=\"via\"/>\
         <member type=\"way\" ref=\"2\" role=\"to\"/><tag k=\"type\" v=\"restriction\"/>{restriction}</relation></osm>"
    );
    build("fuzz.osm", map.as_bytes());
}

/// A small prepared file to spoil.
fn prepared() -> &'static (PathBuf, Vec<u8>) {
    static FILE: OnceLock<(PathBuf, Vec<u8>)> = OnceLock::new();
    FILE.get_or_init(|| {
        let folder = std::env::temp_dir().join(format!("xiangyun-fuzz-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a temporary folder");
        let map = include_str!("../../crates/roads/examples/town.osm");
        let text = xiangyun_roads::DEFAULT_PROFILES;
        let one =
            Profiles::parse(&text[..text.find("[profile.truck42]").expect("a section")]).expect("sound");
        let (net, _) = Network::build_from(Path::new("town.osm"), map.as_bytes(), &one).expect("a sound map");
        let path = folder.join("spoiled.roads");
        net.save(&path).expect("saved");
        let bytes = std::fs::read(&path).expect("read back");
        (path, bytes)
    })
}

/// A prepared file with bytes changed, three of the input's bytes a change (place, place, value); if the first byte is
/// odd with its checksums made to fit, so that the tables themselves are judged. What `verify` accepts must answer.
pub(crate) fn roads_file(data: &[u8]) {
    let Some((kind, changes)) = data.split_first() else { return };
    let (path, sound) = prepared();
    let mut bytes = sound.clone();
    for change in changes.chunks_exact(3).take(64) {
        let at = usize::from(u16::from_le_bytes([change[0], change[1]])) % bytes.len();
        bytes[at] = change[2];
    }
    if kind % 2 == 1 {
        seal(&mut bytes);
    }
    if kind % 4 == 2 {
        bytes.truncate(bytes.len() * usize::from(*kind) / 256);
    }
    // Written beside and renamed: a mapped file must not change under its reader.
    let fresh = path.with_extension("new");
    std::fs::write(&fresh, &bytes).and_then(|()| std::fs::rename(&fresh, path)).expect("written");
    let Ok(net) = Network::open(path) else { return };
    if net.verify().is_ok() {
        let segments = net.info().segments;
        for k in 0..segments.min(3) as u32 {
            let _ = net.segment(SegmentId(k));
        }
        let Ok(van) = net.profile("van") else { return };
        let places = [LonLat { lon: 113.004, lat: 33.8 }, LonLat { lon: 113.015, lat: 33.81 }];
        let _ = net.matrix(van, BandId(0), &places);
        let _ = net.route(van, BandId(0), &places);
        let _ = net.alternatives(van, BandId(0), places[0], places[1], 3);
        let _ = net.isochrone(van, BandId(0), places[0], 300);
        let _ = net.close(&[SegmentId(1)]);
        let _ = net.matrix(van, BandId(0), &places);
    }
}

/// Makes checksums of sections and header fit again, where the section table still makes sense.
fn seal(bytes: &mut [u8]) {
    let number = |bytes: &[u8], at: usize| {
        u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes")) as usize
    };
    let count = u32::from_le_bytes(bytes[16..20].try_into().expect("four bytes")) as usize;
    let table = 64 + count.min(4096) * 48;
    if table > bytes.len() {
        return;
    }
    for entry in (64..table).step_by(48) {
        let (start, length) = (number(bytes, entry + 16), number(bytes, entry + 24));
        if let Some(body) = start.checked_add(length).and_then(|end| bytes.get(start..end)) {
            let hash = xxhash_rust::xxh3::xxh3_64(body);
            bytes[entry + 40..entry + 48].copy_from_slice(&hash.to_le_bytes());
        }
        // The profiles are bound by a hash of their own.
        if &bytes[entry..entry + 5] == b"meta\0"
            && let Some(body) = start.checked_add(length).and_then(|end| bytes.get(start..end))
        {
            let hash = xxhash_rust::xxh3::xxh3_64(body);
            bytes[32..40].copy_from_slice(&hash.to_le_bytes());
        }
    }
    let mut hasher = xxhash_rust::xxh3::Xxh3::new();
    hasher.update(&bytes[..56]);
    hasher.update(&bytes[64..table]);
    let hash = hasher.digest();
    bytes[56..64].copy_from_slice(&hash.to_le_bytes());
}
