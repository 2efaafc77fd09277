//! Frames broken in every way: split at every byte, joined, every byte changed, cut at every length. Nothing may
//! panic, hang, or hold more than its bound; whole frames must still come through.

use crate::examples::{self, check_round_trip};
use crate::vectors;
use xiangyun_telematics::fault::Fault;
use xiangyun_telematics::jt808::{Deframer, ESCAPE, Edition, Header, open, segments, write_frame};
use xiangyun_telematics::jt809::{PlatformBody, PlatformDeframer};
use xiangyun_telematics::lines::{Options, Protocol, decode_line};
use xiangyun_telematics::wire::{Reader, to_hex};

/// Bytes that a link may hold beyond the socket's own buffer.
const LINK_BOUND_BYTES: usize = 4096;

/// Own frames, and the published ones where they are at hand.
fn frames() -> Vec<Vec<u8>> {
    let mut frames = examples::frames();
    frames.extend(vectors::frames("jt808_vectors.jsonl"));
    frames
}

/// Contents of good frames found in a stream that comes in these reads.
fn found(reads: &[&[u8]]) -> Vec<Vec<u8>> {
    let mut deframer = Deframer::new();
    let mut contents = Vec::new();
    for read in reads {
        let mut input = *read;
        while let Some(frame) = deframer.next(&mut input) {
            if let Ok(frame) = frame {
                contents.push(frame.content.to_vec());
            }
        }
        assert!(deframer.held_bytes() <= LINK_BOUND_BYTES, "{} held", deframer.held_bytes());
    }
    contents
}

/// Reads everything that can be read of a frame's content, and writes it again.
fn exercise(content: &[u8]) {
    if let Ok((header, body)) = Header::read(content) {
        let mut again = Vec::new();
        header.write(body.len(), &mut again);
        let edition = header.edition();
        check_round_trip(header.id, edition, body);
        if edition == Edition::V2013 {
            check_round_trip(header.id, Edition::V2011, body);
        }
    }
}

#[test]
fn split_at_every_byte_and_joined() {
    let frames = frames();
    let mut cases = 0_u64;
    for (index, frame) in frames.iter().enumerate() {
        let whole = found(&[frame]);
        for at in 0..=frame.len() {
            assert_eq!(found(&[&frame[..at], &frame[at..]]), whole, "frame {index} split at {at}");
            cases += 1;
        }
        let single: Vec<&[u8]> = frame.chunks(1).collect();
        assert_eq!(found(&single), whole);
        let next = &frames[(index + 1) % frames.len()];
        let mut both = whole.clone();
        both.extend(found(&[next]));
        let mut joined = frame.clone();
        joined.extend_from_slice(next);
        for size in [1, 2, 3, 7, 64, joined.len()] {
            let reads: Vec<&[u8]> = joined.chunks(size).collect();
            assert_eq!(found(&reads), both, "frames {index} and the next in reads of {size}");
            cases += 1;
        }
        // One delimiter between two frames is enough.
        let mut shared = frame.clone();
        shared.extend_from_slice(&next[1..]);
        assert_eq!(found(&[&shared]), both);
        cases += 1;
    }
    println!("{cases} cases");
    // Own frames alone make 4,540.
    assert!(cases > 4_500);
}

#[test]
fn every_byte_changed_and_every_length_on_the_wire() {
    let mut cases = 0_u64;
    let good = examples::frames().swap_remove(0);
    for frame in frames() {
        let mut broken = frame.clone();
        for at in 0..frame.len() {
            for bit in 0..8 {
                broken[at] = frame[at] ^ 1 << bit;
                let mut deframer = Deframer::new();
                let mut input = &broken[..];
                while let Some(read) = deframer.next(&mut input) {
                    if let Ok(read) = read {
                        exercise(read.content);
                    }
                }
                cases += 1;
            }
            // A frame after the broken one is never lost.
            let mut stream = broken.clone();
            stream.extend_from_slice(&good);
            stream.extend_from_slice(&good);
            assert!(found(&[&stream]).len() >= 2);
            broken[at] = frame[at];
            assert!(found(&[&frame[..at]]).len() <= 1);
            cases += 2;
        }
    }
    println!("{cases} cases");
    // Own frames alone make 37,880.
    assert!(cases > 37_500);
}

/// Changes that a checksum would catch, with the checksum made right again, so that they reach headers and bodies.
#[test]
fn every_byte_changed_and_every_length_behind_a_good_checksum() {
    let mut cases = 0_u64;
    let mut scratch = Vec::new();
    let mut budget = 1_100_000_u64;
    let mut contents: Vec<Vec<u8>> = Vec::new();
    for frame in frames() {
        for (_, segment) in segments(&frame) {
            // Of frames with a wrong checksum the bytes are taken as they are.
            match open(segment, &mut scratch) {
                Ok(read) => contents.push(read.content.to_vec()),
                Err(Fault::Checksum { at, .. }) if !segment.contains(&ESCAPE) => {
                    contents.push(segment[..at].to_vec());
                }
                Err(_) => {}
            }
        }
    }
    let total: u64 = contents.iter().map(|content| content.len() as u64).sum();
    let masks_each = (budget / total).clamp(8, 255);
    for content in &contents {
        let mut changed = content.clone();
        for at in 0..content.len() {
            for turn in 1..=masks_each {
                // All 255 changes of a byte, in an order that has single bits and small numbers early.
                changed[at] = content[at] ^ (turn.wrapping_mul(0x53) as u8).max(1);
                exercise(&changed);
                cases += 1;
            }
            changed[at] = content[at];
            exercise(&content[..at]);
            cases += 1;
        }
        budget = budget.saturating_sub(content.len() as u64 * masks_each);
    }
    // Own frames alone are too few bytes for a million single changes: two neighbours change together.
    let mut turn = 0_u64;
    while cases < 1_000_000 {
        turn += 1;
        for content in &contents {
            let mut changed = content.clone();
            for at in 1..content.len() {
                changed[at - 1] = content[at - 1] ^ (turn.wrapping_mul(0x35) as u8).max(1);
                changed[at] = content[at] ^ (turn.wrapping_mul(0x71) as u8).max(1);
                exercise(&changed);
                (changed[at - 1], changed[at]) = (content[at - 1], content[at]);
                cases += 1;
            }
        }
    }
    // Their way over the wire and back, once each.
    for content in &contents {
        let mut wire = Vec::new();
        write_frame(content, &mut wire);
        if content.len() >= 12 {
            assert_eq!(found(&[&wire]), std::slice::from_ref(content));
        }
        cases += 1;
    }
    println!("{cases} cases over {} frames", contents.len());
    assert!(cases >= 1_000_000, "{cases}");
}

#[test]
fn platform_messages_broken_in_every_way() {
    let mut messages = vectors::frames("jt809_vectors.jsonl");
    messages.retain(|message| message.len() < 1000);
    messages.push(xiangyun_telematics::wire::from_hex(concat!(
        "5b000000480000008510010133efb8010000000000270f0133efb832303138303932303132372e302e302e3100000000",
        "000000000000000000000000000000000000000003296a915d"
    )).unwrap());
    let mut cases = 0_u64;
    let read = |reads: &[&[u8]]| {
        let mut stream = PlatformDeframer::new();
        let mut bodies = Vec::new();
        for read in reads {
            let mut input = *read;
            while let Some(envelope) = stream.next(&mut input) {
                let Ok(envelope) = envelope else { continue };
                for edition in [Edition::V2011, Edition::V2019] {
                    let body = envelope.body(edition, None);
                    let mut reader = Reader::new(&body);
                    if let Ok(understood) = PlatformBody::read(envelope.header.id, &mut reader, edition) {
                        let mut again = Vec::new();
                        understood.write(&mut again, edition);
                        again.extend_from_slice(reader.rest());
                        assert_eq!(again, body);
                    }
                    bodies.push(body);
                }
            }
        }
        bodies
    };
    for message in &messages {
        let whole = read(&[message]);
        for at in 0..message.len() {
            assert_eq!(read(&[&message[..at], &message[at..]]), whole);
            read(&[&message[..at]]);
            let mut broken = message.clone();
            for bit in 0..8 {
                broken[at] = message[at] ^ 1 << bit;
                read(&[&broken]);
            }
            cases += 10;
        }
    }
    println!("{cases} cases");
    assert!(cases >= 500);
}

#[test]
fn lines_broken_in_every_way() {
    let mut lines: Vec<(Protocol, String)> = Vec::new();
    for frame in examples::frames() {
        lines.push((Protocol::Jt808, to_hex(&frame)));
    }
    for vector in vectors::vectors("http_mqtt_vectors.jsonl") {
        let protocol =
            if vector["kind"] == "owntracks_json" { Protocol::Owntracks } else { Protocol::Osmand };
        lines.push((protocol, vector.to_string()));
    }
    lines
        .push((Protocol::Osmand, r#"{"uri":"/?id=1&lat=33.87&lon=113.05&timestamp=1795478400"}"#.to_owned()));
    lines.push((
        Protocol::Owntracks,
        r#"{"_type":"location","tid":"a","lat":1,"lon":2,"tst":1795478400}"#.to_owned(),
    ));
    lines.push((Protocol::Msgpack, "950101ce6a000000009199a161050102c0c0c0c0c0".to_owned()));
    let mut cases = 0_u64;
    for (protocol, line) in lines {
        let options = Options { protocol: Some(protocol), ..Options::default() };
        assert!(decode_line(&line, &options)["ok"].is_boolean());
        for at in (0..line.len()).filter(|at| line.is_char_boundary(*at)) {
            assert!(decode_line(&line[..at], &options)["ok"].is_boolean());
            for with in ["", "0", "f", "\"", "{", "é", "-", "9e999"] {
                let end = (at + 1..).find(|end| line.is_char_boundary(*end)).unwrap();
                let changed = format!("{}{with}{}", &line[..at], &line[end..]);
                assert!(decode_line(&changed, &options)["ok"].is_boolean());
                cases += 1;
            }
        }
    }
    println!("{cases} cases");
    assert!(cases > 20_000);
}

#[test]
fn other_protocols_on_the_port_are_counted_not_held() {
    let tls = [0x16, 3, 1, 2, 0, 1, 0, 1, 0xFC, 3, 3];
    let http = b"POST /login HTTP/1.1\r\nHost: hub\r\nContent-Length: 5\r\n\r\nhello";
    let mut noise = vec![0_u8; 10 << 20];
    let mut state = 1_u64;
    for byte in &mut noise {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        *byte = (state >> 56) as u8;
    }
    for stream in [&tls[..], http, &noise] {
        let mut deframer = Deframer::new();
        let (mut good, mut bad) = (0, 0_u64);
        for read in stream.chunks(16 * 1024) {
            let mut input = read;
            while let Some(frame) = deframer.next(&mut input) {
                match frame {
                    Ok(_) => good += 1,
                    Err(_) => bad += 1,
                }
            }
            assert!(deframer.held_bytes() <= LINK_BOUND_BYTES);
        }
        assert!(good * 100 <= bad, "{good} frames in noise, {bad} faults");
        assert!(bad + deframer.junk_bytes() > 0);
    }
}
