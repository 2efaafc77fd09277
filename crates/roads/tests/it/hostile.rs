//! Broken and absurd maps: an error or a reported problem, never a panic, and the sound rest is used.

use std::path::Path;
use std::sync::OnceLock;
use xiangyun_roads::{BandId, DEFAULT_PROFILES, Network, Profiles, RoadsError};

fn one_profile() -> &'static Profiles {
    static ONE: OnceLock<Profiles> = OnceLock::new();
    ONE.get_or_init(|| {
        let end = DEFAULT_PROFILES.find("[profile.truck42]").expect("a section");
        Profiles::parse(&DEFAULT_PROFILES[..end]).expect("sound")
    })
}

fn build(name: &str, bytes: &[u8]) -> Result<(Network, Vec<&'static str>), RoadsError> {
    let (net, problems) = Network::build_from(Path::new(name), bytes, one_profile())?;
    Ok((net, problems.list().iter().map(|p| p.code).collect()))
}

/// The small PBF files of the fuzz corpus, without the byte that tells the fuzzer what they are.
fn pbf(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/osm_pbf");
    std::fs::read(folder.join(name)).expect("a file of the corpus")[1..].to_vec()
}

#[test]
fn a_pbf_cut_off_anywhere_or_with_any_bit_flipped_does_no_harm() {
    for name in ["file_raw", "file_zlib"] {
        let sound = pbf(name);
        assert!(build("map.osm.pbf", &sound).is_ok(), "{name} is sound");
        let mut errors = 0;
        for end in 0..sound.len() {
            errors += usize::from(build("map.osm.pbf", &sound[..end]).is_err());
        }
        // Only a cut between two blobs leaves a file that is whole in itself, and that one has no road.
        assert_eq!(errors, sound.len(), "{name}");
        for bit in 0..sound.len() * 8 {
            let mut bytes = sound.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            if let Ok((net, _)) = build("map.osm.pbf", &bytes) {
                let van = net.profile("van").expect("built in");
                let _ = net.matrix(van, BandId(0), &[]);
            }
        }
    }
}

#[test]
fn real_maps_with_flipped_bits_do_no_harm() {
    let Some(data) = std::env::var_os("XIANGYUN_TESTDATA") else {
        println!("skipped: monaco with flipped bits (1 map; XIANGYUN_TESTDATA is not set)");
        return;
    };
    let sound = std::fs::read(Path::new(&data).join("osm/monaco.osm.pbf")).expect("readable");
    let mut seed = 17u64;
    for _ in 0..40 {
        let mut bytes = sound.clone();
        for _ in 0..4 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let bit = (seed >> 20) as usize % (bytes.len() * 8);
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
        let _ = build("monaco.osm.pbf", &bytes);
    }
}

/// A map with a sound road between two nodes and whatever else is asked.
fn xml(extra: &str) -> String {
    format!(
        "<osm version=\"0.6\"><node id=\"1\" lon=\"113\" lat=\"33.8\"/><node id=\"2\" lon=\"113.01\" lat=\"33.8\"/>{extra}\
         <way id=\"1\"><nd ref=\"1\"/><nd ref=\"2\"/><tag k=\"highway\" v=\"tertiary\"/></way></osm>"
    )
}

#[track_caller]
fn reported(extra: &str, codes: &[&str]) {
    let (net, found) = build("map.osm", xml(extra).as_bytes()).expect("the sound road is used");
    assert!(codes.iter().all(|code| found.contains(code)), "{found:?}, not {codes:?}");
    assert!(net.info().segments >= 1);
    let van = net.profile("van").expect("built in");
    let (a, b) = (net.segment(xiangyun_roads::SegmentId(0)).expect("a road").geometry, &net);
    let route = b.route(van, BandId(0), &[a[0], a[a.len() - 1]]).expect("a route");
    assert!(route.seconds > 0);
}

#[test]
fn absurd_objects_are_named_and_left_out() {
    let highway = "<tag k=\"highway\" v=\"tertiary\"/>";
    reported(&format!("<way id=\"9\">{highway}</way>"), &["R028"]);
    reported(&format!("<way id=\"9\"><nd ref=\"1\"/>{highway}</way>"), &["R028"]);
    reported(&format!("<way id=\"9\"><nd ref=\"1\"/><nd ref=\"777\"/>{highway}</way>"), &["R020"]);
    reported(&format!("<way id=\"9\"><nd ref=\"1\"/><nd ref=\"1\"/>{highway}</way>"), &["R025"]);
    reported("<node id=\"1\" lon=\"114\" lat=\"33.8\"/>", &["R022"]);
    reported(
        &format!(
            "<node id=\"3\" lon=\"361\" lat=\"33.8\"/><way id=\"9\"><nd ref=\"2\"/><nd ref=\"3\"/>{highway}</way>"
        ),
        &["R021", "R020"],
    );
    let absurd = format!(
        "<way id=\"9\"><nd ref=\"1\"/><nd ref=\"2\"/>{highway}<tag k=\"maxspeed\" v=\"{}\"/></way>",
        "9".repeat(5_000)
    );
    reported(&absurd, &["R023"]);
}

#[test]
fn a_way_of_a_million_nodes_is_named_and_left_out() {
    let refs = "<nd ref=\"1\"/><nd ref=\"2\"/>".repeat(500_000);
    reported(&format!("<way id=\"9\">{refs}<tag k=\"highway\" v=\"tertiary\"/></way>"), &["R027"]);
}
