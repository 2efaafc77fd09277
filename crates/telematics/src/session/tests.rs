use super::*;
use crate::bcd::BcdTime;
use crate::jt808::{Edition, Header, Phone, segments as frames, write_frame};
use crate::position::{Flags, TerminalKey};
use crate::segments::{NoSink, PositionLog, Record, Settings, SimDisk};
use std::collections::BTreeMap;
use xiangyun_model::geo::Datum;

const NOW: i64 = 1_795_000_000_000;

struct Bench {
    log: PositionLog,
    registry: Registry,
}

impl Bench {
    fn new(settings: SessionSettings) -> Self {
        let log = PositionLog::open(SimDisk::new(), Settings::for_tests(), NoSink).unwrap();
        Self { log, registry: Registry::new(settings) }
    }

    fn link(&self) -> Link {
        Link::new(self.registry.next_link_id(), Now::both(NOW))
    }

    fn feed(&self, link: &mut Link, bytes: &[u8]) -> Actions {
        let mut actions = Actions::default();
        link.receive(bytes, Now::both(NOW), &self.registry, &self.log, &mut actions);
        if !actions.chunk.is_empty() {
            self.log.append(&actions.chunk).unwrap();
        }
        actions
    }

    fn rows(&self, id: &str) -> Vec<Record> {
        self.log.wait(self.log.last_ticket()).unwrap();
        self.log.vehicle(id, i64::MIN, i64::MAX).unwrap()
    }
}

fn frame(phone: &str, edition: Edition, id: u16, sequence: u16, body: &[u8]) -> Vec<u8> {
    let header = Header::new(id, Phone::parse(phone, edition).unwrap(), sequence);
    let mut content = Vec::new();
    header.write(body.len(), &mut content);
    content.extend_from_slice(body);
    let mut wire = Vec::new();
    write_frame(&content, &mut wire);
    wire
}

fn location(at_ms: i64, lon_e6: u32) -> Vec<u8> {
    let mut body = Vec::new();
    body.extend_from_slice(&0u32.to_be_bytes());
    body.extend_from_slice(&3u32.to_be_bytes());
    body.extend_from_slice(&33_870_000u32.to_be_bytes());
    body.extend_from_slice(&lon_e6.to_be_bytes());
    body.extend_from_slice(&[0, 120, 1, 0, 0, 90]);
    body.extend_from_slice(&BcdTime::from_utc_ms(at_ms).unwrap().0);
    body.extend_from_slice(&[0x01, 4, 0, 0, 0, 9]);
    body
}

fn report(phone: &str, sequence: u16, at_ms: i64, lon_e6: u32) -> Vec<u8> {
    frame(phone, Edition::V2013, 0x0200, sequence, &location(at_ms, lon_e6))
}

/// The replies as (message id, answered sequence, result).
fn replies(actions: &Actions) -> Vec<(u16, u16, u8)> {
    let mut scratch = Vec::new();
    frames(&actions.replies)
        .map(|(_, wire)| {
            let frame = crate::jt808::open(wire, &mut scratch).unwrap();
            let (header, body) = Header::read(frame.content).unwrap();
            let answered = u16::from_be_bytes([body[0], body[1]]);
            (header.id, answered, *body.get(4).unwrap_or(&body[2]))
        })
        .collect()
}

#[test]
fn a_terminal_registers_authenticates_reports_and_says_goodbye() {
    let bench = Bench::new(SessionSettings { require_authentication: true, ..SessionSettings::default() });
    let mut link = bench.link();
    let early = bench.feed(&mut link, &report("13900000001", 0, NOW, 113_050_000));
    assert_eq!(replies(&early), [(0x8001, 0, 1)], "not before it has authenticated");
    let registered = bench.feed(&mut link, &frame("13900000001", Edition::V2019, 0x0100, 1, &[0; 76]));
    assert_eq!(replies(&registered)[0].0, 0x8100);
    assert!(registered.notices.contains(&Notice::Registered(TerminalKey::new("13900000001"))));
    let code = bench.registry.authentication_code(&TerminalKey::new("13900000001"));
    let wrong = bench.feed(&mut link, &frame("13900000001", Edition::V2013, 0x0102, 2, b"guess"));
    assert_eq!(replies(&wrong), [(0x8001, 2, 1)]);
    let right = bench.feed(&mut link, &frame("13900000001", Edition::V2013, 0x0102, 3, code.as_bytes()));
    assert_eq!(replies(&right), [(0x8001, 3, 0)]);
    let mut body = vec![code.len() as u8];
    body.extend_from_slice(code.as_bytes());
    body.extend_from_slice(&[0; 35]);
    let right = bench.feed(&mut link, &frame("13900000001", Edition::V2019, 0x0102, 4, &body));
    assert_eq!(replies(&right), [(0x8001, 4, 0)]);
    let both = [report("13900000001", 5, NOW, 113_050_000), frame("13900000001", Edition::V2013, 2, 6, &[])]
        .concat();
    let reported = bench.feed(&mut link, &both);
    assert_eq!(replies(&reported), [(0x8001, 5, 0), (0x8001, 6, 0)]);
    assert!(!reported.chunk.is_empty(), "the replies wait for the chunk");
    let rows = bench.rows("13900000001");
    assert_eq!((rows.len(), rows[0].lon_e6, rows[0].speed_dkmh), (1, 113_050_000, Some(256)));
    let bye = bench.feed(&mut link, &frame("13900000001", Edition::V2013, 3, 7, &[]));
    assert_eq!(bye.notices, [Notice::Offline(TerminalKey::new("13900000001"))]);
}

#[test]
fn reports_cut_anywhere_are_stored_once_and_resends_only_acknowledged() {
    let bench = Bench::new(SessionSettings::default());
    let stream: Vec<u8> = (0..40)
        .flat_map(|n| report("13900000002", n, NOW - 400_000 + i64::from(n) * 10_000, 113_050_000))
        .collect();
    let mut acks = 0;
    for cut in [1, 7, 61, stream.len()] {
        let mut link = bench.link();
        for piece in stream.chunks(cut) {
            acks += replies(&bench.feed(&mut link, piece)).len();
        }
    }
    assert_eq!(acks, 4 * 40);
    assert_eq!(bench.log.last_seq(), 40, "sent four times, stored once");
    let mut link = bench.link();
    let again = bench.feed(&mut link, &stream);
    assert!(again.hold && again.chunk.is_empty());
    assert_eq!(again.counts.duplicates, 40);
}

#[test]
fn batches_are_followed_by_their_lengths() {
    let bench = Bench::new(SessionSettings::default());
    let mut link = bench.link();
    let mut body = vec![0, 99, 1];
    for n in 0..5i64 {
        let entry = location(NOW - 9 * 86_400_000 + n * 1_000, 113_050_000);
        body.extend_from_slice(&(entry.len() as u16).to_be_bytes());
        body.extend_from_slice(&entry);
    }
    body.extend_from_slice(&[0, 3, 1, 2, 3]);
    let actions = bench.feed(&mut link, &frame("13900000003", Edition::V2013, 0x0704, 9, &body));
    assert_eq!(replies(&actions), [(0x8001, 9, 0)]);
    assert_eq!((actions.counts.positions, actions.counts.bad_bodies), (5, 1));
    assert!(bench.rows("13900000003").iter().all(|r| r.flags.has(Flags::BACKFILL) && r.usable()));
}

#[test]
fn a_batch_in_parts_is_acknowledged_when_whole() {
    let bench = Bench::new(SessionSettings::default());
    let mut link = bench.link();
    let mut body = vec![0, 40, 1];
    for n in 0..40i64 {
        let entry = location(NOW - 1_000_000 + n * 1_000, 113_050_000);
        body.extend_from_slice(&(entry.len() as u16).to_be_bytes());
        body.extend_from_slice(&entry);
    }
    let parts: Vec<Vec<u8>> = body
        .chunks(1000)
        .enumerate()
        .map(|(index, part)| {
            let mut header =
                Header::new(0x0704, Phone::parse("13900000004", Edition::V2013).unwrap(), 70 + index as u16);
            header.packet = Some(crate::jt808::Packet { total: 2, number: index as u16 + 1 });
            let mut content = Vec::new();
            header.write(part.len(), &mut content);
            content.extend_from_slice(part);
            let mut wire = Vec::new();
            write_frame(&content, &mut wire);
            wire
        })
        .collect();
    assert_eq!(parts.len(), 2);
    assert!(replies(&bench.feed(&mut link, &parts[1])).is_empty(), "nothing is durable yet");
    let mut actions = Actions::default();
    link.tick(Now::both(NOW + 6_000), &bench.registry, &mut actions);
    assert_eq!(replies(&actions), [(0x8003, 70, 1)], "the missing part is asked for");
    assert_eq!(replies(&bench.feed(&mut link, &parts[0])), [(0x8001, 70, 0), (0x8001, 71, 0)]);
    assert_eq!(bench.rows("13900000004").len(), 40);
}

#[test]
fn the_newest_link_wins_and_the_vehicle_stays_online() {
    let bench = Bench::new(SessionSettings::default());
    let key = TerminalKey::new("13900000005");
    let (mut old, mut new) = (bench.link(), bench.link());
    assert_eq!(
        bench.feed(&mut old, &report("13900000005", 0, NOW, 113_050_000)).notices,
        [Notice::Online(key.clone())]
    );
    let moved = bench.feed(&mut new, &report("13900000005", 0, NOW + 1_000, 113_050_000));
    assert_eq!(moved.notices, [Notice::Moved { key: key.clone(), from: old.id() }]);
    assert!(old.unbind(&key), "the old link has no terminal left");
    let mut actions = Actions::default();
    old.closed(&mut actions);
    assert!(actions.notices.is_empty(), "not offline");
    assert_eq!(bench.registry.online(), [(key.clone(), new.id())]);
    new.closed(&mut actions);
    assert_eq!(actions.notices, [Notice::Offline(key)]);
}

#[test]
fn datum_and_clock_are_repaired_by_setting_and_by_evidence() {
    let profile = TerminalProfile { datum: Some(Datum::Gcj02), ..TerminalProfile::default() };
    let profiles = BTreeMap::from([(TerminalKey::new("13900000006"), profile)]);
    let bench = Bench::new(SessionSettings { profiles, ..SessionSettings::default() });
    let mut link = bench.link();
    bench.feed(&mut link, &report("13900000006", 0, NOW + 86_400_000, 113_056_336));
    let row = &bench.rows("13900000006")[0];
    // The latitude of the sample is that of WGS-84, so only the longitude is checked.
    assert!((row.lon_e6 - 113_050_000).abs() < 20, "{}", row.lon_e6);
    assert_eq!((row.datum, row.time_ms), (Datum::Gcj02, NOW));
    assert!(row.flags.has(Flags::TIME_REPAIRED) && row.usable());
    let mut far = location(NOW, 2_000_000);
    bench.feed(&mut link, &frame("13900000006", Edition::V2013, 0x0200, 1, &far));
    far[8..16].fill(0);
    let none = bench.feed(&mut link, &frame("13900000006", Edition::V2013, 0x0200, 2, &far));
    assert_eq!(replies(&none), [(0x8001, 2, 0)], "kept and acknowledged");
    let rows = bench.rows("13900000006");
    assert_eq!(rows.iter().filter(|r| r.usable()).count(), 1);
    assert_eq!(rows.len(), 3);
}

#[test]
fn commands_are_answered_repeated_and_given_up() {
    let bench = Bench::new(SessionSettings::default());
    let key = TerminalKey::new("13900000007");
    let text = |n: u8| Command::raw(0x8300, vec![n; 1500]);
    assert!(bench.registry.send(&key, text(0), NOW).is_err(), "nobody is known by that key");
    let mut link = bench.link();
    bench.feed(&mut link, &report("13900000007", 0, NOW, 113_050_000));
    let (first, _) = bench.registry.send(&key, text(1), NOW).unwrap();
    let (second, _) = bench.registry.send(&key, Command::raw(0x8201, vec![]), NOW).unwrap();
    let mut sent = Actions::default();
    link.tick(Now::both(NOW), &bench.registry, &mut sent);
    assert_eq!(replies_ids(&sent), [0x8300, 0x8300, 0x8201], "the long text goes in two parts");
    let serials = sequences(&sent);
    // Terminals answer a split message with the sequence of its last part.
    let [s0, s1] = serials[1].to_be_bytes();
    let done = bench.feed(&mut link, &frame("13900000007", Edition::V2013, 1, 1, &[s0, s1, 0x83, 0x00, 0]));
    assert_eq!(done.notices, [Notice::Command(key.clone(), first, Outcome::Replied(0))]);
    let [s0, s1] = serials[2].to_be_bytes();
    let answer = [&[s0, s1][..], &location(NOW, 113_051_000)].concat();
    let mut again = Actions::default();
    link.tick(Now::both(NOW + 10_000), &bench.registry, &mut again);
    assert_eq!(
        (replies_ids(&again), sequences(&again)),
        (vec![0x8201], vec![serials[2]]),
        "repeated as it was"
    );
    let done = bench.feed(&mut link, &frame("13900000007", Edition::V2013, 0x0201, 2, &answer));
    assert_eq!(done.notices, [Notice::Command(key.clone(), second, Outcome::Answered(0x0201))]);
    assert_eq!(bench.rows("13900000007").len(), 2, "its position is stored");
    let (third, _) = bench.registry.send(&key, text(3), NOW).unwrap();
    let mut given_up = Actions::default();
    let mut sent = 0;
    for second in 0..200 {
        given_up.clear();
        link.tick(Now::both(NOW + second * 500), &bench.registry, &mut given_up);
        sent += replies_ids(&given_up).len();
        given_up.notices.retain(|n| !matches!(n, Notice::Sent(..)));
        if !given_up.notices.is_empty() {
            break;
        }
    }
    assert_eq!(given_up.notices, [Notice::Command(key.clone(), third, Outcome::Unanswered)]);
    assert_eq!(sent, 3 * 2, "three tries of two parts");
    for _ in 0..limits::COMMANDS_WAITING_MAX {
        bench.registry.send(&key, text(4), NOW).unwrap();
    }
    assert!(bench.registry.send(&key, text(5), NOW).is_err(), "the queue is bounded");
}

fn headers(actions: &Actions) -> Vec<Header> {
    let mut scratch = Vec::new();
    frames(&actions.replies)
        .map(|(_, wire)| Header::read(crate::jt808::open(wire, &mut scratch).unwrap().content).unwrap().0)
        .collect()
}

fn replies_ids(actions: &Actions) -> Vec<u16> {
    headers(actions).iter().map(|h| h.id).collect()
}

fn sequences(actions: &Actions) -> Vec<u16> {
    headers(actions).iter().map(|h| h.sequence).collect()
}

#[test]
fn strangers_on_the_port_are_named_and_closed() {
    let bench = Bench::new(SessionSettings::default());
    for (bytes, reason) in [
        (&b"GET /robots.txt HTTP/1.1\r\n\r\n"[..], CloseReason::Http),
        (&[0x16, 3, 1, 2, 0, 1, 0, 1, 0xFC], CloseReason::Tls),
        (&[0x41; 8192], CloseReason::Junk),
        (&[0x7E, 1, 2, 3].repeat(20), CloseReason::BadFrames),
    ] {
        let mut link = bench.link();
        assert_eq!(bench.feed(&mut link, bytes).close, Some(reason));
        assert!(link.held_bytes() <= 4096);
    }
    let mut link = bench.link();
    let mut actions = Actions::default();
    link.tick(Now::both(NOW + 30_000), &bench.registry, &mut actions);
    assert_eq!(actions.close, Some(CloseReason::NoFrame));
    let mut link = bench.link();
    bench.feed(&mut link, &report("13900000008", 0, NOW, 113_050_000));
    actions.clear();
    link.tick(Now::both(NOW + 60_000), &bench.registry, &mut actions);
    assert_eq!(actions.close, None);
    link.tick(Now::both(NOW + 180_000), &bench.registry, &mut actions);
    assert_eq!(actions.close, Some(CloseReason::Idle));
}

#[test]
fn unknown_terminals_can_be_turned_away_and_many_share_a_link() {
    let bench = Bench::new(SessionSettings { terminals_max: 100, ..SessionSettings::default() });
    let mut link = bench.link();
    for n in 0..120 {
        let phone = format!("1390001{n:04}");
        let actions = bench.feed(&mut link, &report(&phone, 1, NOW, 113_050_000));
        assert_eq!(replies(&actions), [(0x8001, 1, u8::from(n >= 100))]);
    }
    assert_eq!(bench.registry.terminals(), 100);
    assert_eq!(bench.log.last_seq(), 100);
    assert!(link.held_bytes() < 100 * 200);
}

#[test]
fn after_a_restart_a_resent_report_is_known() {
    let bench = Bench::new(SessionSettings::default());
    let mut link = bench.link();
    bench.feed(&mut link, &report("13900000009", 0, NOW, 113_050_000));
    let rows = bench.rows("13900000009");
    let registry = Registry::new(SessionSettings::default());
    for row in &rows {
        registry.restore(&TerminalKey::new("13900000009"), row, &bench.log).unwrap();
    }
    let bench = Bench { registry, log: bench.log };
    let again = bench.feed(&mut bench.link(), &report("13900000009", 0, NOW, 113_050_000));
    assert_eq!((again.counts.duplicates, again.counts.positions), (1, 0));
    assert_eq!(replies(&again), [(0x8001, 0, 0)]);
}

proptest::proptest! {
    /// Whatever comes, no panic, and no memory beyond the bounds.
    #[test]
    fn rubbish_and_broken_frames_cost_only_themselves(
        pieces in proptest::collection::vec(
            (proptest::prelude::any::<u16>(), 0u16..0x9000, proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)), 1..30),
        cut in 1usize..300,
    ) {
        let bench = Bench::new(SessionSettings::default());
        let mut link = bench.link();
        let mut stream = Vec::new();
        for (sequence, id, body) in &pieces {
            stream.extend(frame("13900000010", Edition::V2013, *id, *sequence, body));
            stream.extend(frame("13900000010", Edition::V2013, [0x0200, 0x0704, 0x0102, 0x0100, 0x0001, 0x0201, 0x0801][usize::from(*id) % 7], *sequence, body));
        }
        for piece in stream.chunks(cut) {
            let mut actions = bench.feed(&mut link, piece);
            proptest::prop_assert_eq!(actions.close, None);
            link.tick(Now::both(NOW), &bench.registry, &mut actions);
        }
    }
}
