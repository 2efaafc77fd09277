//! A small upper platform, and the lower one talking to it over links that break.

use std::collections::BTreeMap;
use xiangyun_model::geo::Datum;
use xiangyun_telematics::jt808::Edition;
use xiangyun_telematics::jt809::{
    Action, Cipher, Event, Header, Input, Link, LoginReply, Lower, LowerSettings, Outbox, OutboxEntry,
    PlatformBody, PlatformDeframer, PlatformPosition, SubLogin, id, write,
};
use xiangyun_telematics::position::{Feed, Flags, Item, Position, TerminalKey};
use xiangyun_telematics::wire::Reader;

/// An upper platform that checks what it is told and counts positions.
pub(crate) struct Upper {
    edition: Edition,
    cipher: Option<Cipher>,
    stream: PlatformDeframer,
    user_id: u32,
    password: &'static str,
    answers_heartbeats: bool,
    /// Where the lower platform waits for the subordinate link.
    pub(crate) down_port: u16,
    /// Text answers to post checks.
    pub(crate) answers: Vec<(u16, Vec<u8>)>,
    /// (plate, time of the fix) → how often it came, and how often as backfill.
    pub(crate) seen: BTreeMap<(String, String), (u32, u32)>,
    largest_backfill: usize,
}

impl Upper {
    pub(crate) fn new(edition: Edition, cipher: Option<Cipher>) -> Self {
        let stream = PlatformDeframer::new();
        let seen = BTreeMap::new();
        Self {
            edition,
            cipher,
            stream,
            user_id: 1,
            password: "secret",
            answers_heartbeats: true,
            down_port: 0,
            answers: Vec::new(),
            seen,
            largest_backfill: 0,
        }
    }

    pub(crate) fn wire(&self, id: u16, body: &PlatformBody<'_>) -> Vec<u8> {
        let mut bytes = Vec::new();
        body.write(&mut bytes, self.edition);
        let encrypt = u8::from(self.cipher.is_some());
        let header =
            Header { length: 0, sequence: 9, id, access_code: 7, version: [1, 0, 0], encrypt, key: 4711 };
        let mut wire = Vec::new();
        let utc = (self.edition == Edition::V2019).then_some(1_795_478_400);
        write(&header, utc, &bytes, self.cipher.as_ref(), &mut wire);
        wire
    }

    pub(crate) fn receive(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut answers = Vec::new();
        let mut input = bytes;
        while let Some(envelope) = self.stream.next(&mut input) {
            let envelope = envelope.expect("the lower platform sends whole messages");
            assert!(envelope.length_agrees);
            let body = envelope.body(self.edition, self.cipher.as_ref());
            let mut reader = Reader::new(&body);
            let read = PlatformBody::read(envelope.header.id, &mut reader, self.edition).unwrap();
            match (envelope.header.id, read) {
                (id::LOGIN, PlatformBody::Login(login)) => {
                    assert_eq!(reader.left(), 0);
                    self.down_port = login.down_port;
                    let good = login.user_id == self.user_id && login.password.0.lenient() == self.password;
                    let reply = LoginReply { result: if good { 0 } else { 4 }, verify_code: 77 };
                    answers.extend(self.wire(id::LOGIN_REPLY, &PlatformBody::LoginReply(reply)));
                }
                (id::HEARTBEAT, _) => {
                    if self.answers_heartbeats {
                        answers.extend(self.wire(id::HEARTBEAT_REPLY, &PlatformBody::Empty { empty: true }));
                    }
                }
                (id::VEHICLE_UP, PlatformBody::Vehicle(message)) => {
                    assert!(message.length_agrees());
                    let positions = message.positions(self.edition).unwrap().unwrap();
                    let backfill = u32::from(message.sub_id == 0x1203);
                    if backfill == 1 {
                        self.largest_backfill = self.largest_backfill.max(positions.len());
                    }
                    for position in positions {
                        let time = match position {
                            PlatformPosition::V2011(p) => format!(
                                "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}",
                                p.year, p.month, p.day, p.hour, p.minute, p.second
                            ),
                            PlatformPosition::V2019(p) => p.gnss.time.to_string(),
                        };
                        let count = self.seen.entry((message.plate.0.lenient(), time)).or_default();
                        count.0 += 1;
                        count.1 += backfill;
                    }
                }
                (id::LOGOUT, _) => {
                    answers.extend(self.wire(id::LOGOUT_REPLY, &PlatformBody::Empty { empty: true }));
                }
                (id::PLATFORM_UP, PlatformBody::Platform(message)) => {
                    self.answers.push((message.sub_id, message.sub_raw.0.to_vec()));
                }
                (id::SUB_LOGIN_REPLY, PlatformBody::ResultByte(reply)) => assert_eq!(reply.result, 0),
                (other, body) => panic!("{other:#06x} was not expected: {body:?}"),
            }
        }
        answers
    }
}

/// An outbox in memory that outlives the lower platform, as a durable one does.
#[derive(Default)]
struct Memory {
    entries: Vec<OutboxEntry>,
    settled: u64,
}

impl Memory {
    fn push(&mut self, plate: &str, queued_ms: i64) {
        let number = self.entries.len() as u64 + 1;
        let position = Position {
            terminal: TerminalKey::new("13912345678"),
            time_ms: queued_ms - 500,
            received_ms: queued_ms,
            lat_e6: 33_870_000,
            lon_e6: 113_050_000,
            speed_dkmh: Some(365),
            course_deg: Some(90),
            alt_m: Some(120),
            status: 3,
            alarm: 0,
            datum: Datum::Wgs84,
            feed: Feed::Jt808,
            flags: Flags::FIX.with(Flags::ACC_KNOWN).with(Flags::ACC),
            items: vec![Item::MileageM(123_400)],
        };
        self.entries.push(OutboxEntry { number, plate: plate.to_owned(), colour: 2, queued_ms, position });
    }
}

impl Outbox for Memory {
    type Error = std::convert::Infallible;

    fn after(&mut self, after: u64, most: usize) -> Result<Vec<OutboxEntry>, Self::Error> {
        Ok(self.entries.iter().filter(|entry| entry.number > after).take(most).cloned().collect())
    }

    fn settled(&self) -> u64 {
        self.settled
    }

    fn settle(&mut self, number: u64) -> Result<(), Self::Error> {
        self.settled = self.settled.max(number);
        Ok(())
    }
}

/// Runs one input through the lower platform and all bytes through the upper one until both are quiet.
/// `deliver` says whether bytes get through.
fn settle_down(
    lower: &mut Lower,
    upper: &mut Upper,
    outbox: &mut Memory,
    now_ms: i64,
    first: Input<'_>,
    deliver: bool,
) -> Vec<Event> {
    let mut events = Vec::new();
    let mut actions = lower.step(now_ms, first, outbox).unwrap();
    while !actions.is_empty() {
        let mut next = Vec::new();
        for action in actions {
            match action {
                Action::Open if deliver => {
                    next.extend(lower.step(now_ms, Input::Opened(Link::Main), outbox).unwrap());
                }
                Action::Open => next.extend(lower.step(now_ms, Input::Closed(Link::Main), outbox).unwrap()),
                Action::Send(Link::Main, bytes) if deliver => {
                    let answers = upper.receive(&bytes);
                    if !answers.is_empty() {
                        next.extend(lower.step(now_ms, Input::Bytes(Link::Main, &answers), outbox).unwrap());
                    }
                }
                Action::Send(..) => {}
                Action::Close(link) => next.extend(lower.step(now_ms, Input::Closed(link), outbox).unwrap()),
                Action::Event(event) => events.push(event),
            }
        }
        actions = next;
    }
    events
}

fn settings(edition: Edition, cipher: Option<Cipher>) -> LowerSettings {
    let settings = LowerSettings::new(edition, 1, "secret", 7);
    LowerSettings { cipher: cipher.map(|cipher| (cipher, 4711)), down_port: 8090, ..settings }
}

const START_MS: i64 = 1_795_478_400_000;

#[test]
fn positions_survive_outages_and_a_restart() {
    let cipher = Cipher::new(30_000_000, 20_000_000, 20_000_000).unwrap();
    for (edition, cipher) in
        [(Edition::V2011, None), (Edition::V2011, Some(cipher)), (Edition::V2019, Some(cipher))]
    {
        let mut upper = Upper::new(edition, cipher);
        let mut outbox = Memory::default();
        let mut lower = Lower::new(settings(edition, cipher), &outbox);
        let mut now_ms = START_MS;
        let mut logins = 0;
        for second in 0..3600_i64 {
            now_ms += 1000;
            // Two outages; during the first half of the second one the process is started anew.
            let deliver = !(600..900).contains(&second) && !(2000..2400).contains(&second);
            if second == 2100 {
                lower = Lower::new(settings(edition, cipher), &outbox);
            }
            if second == 600 || second == 2000 {
                settle_down(&mut lower, &mut upper, &mut outbox, now_ms, Input::Closed(Link::Main), false);
            }
            if second % 10 == 0 && second < 3000 {
                outbox.push("豫D12345", now_ms);
                outbox.push("豫D54321", now_ms);
            }
            let events = settle_down(&mut lower, &mut upper, &mut outbox, now_ms, Input::Tick, deliver);
            logins += events.iter().filter(|event| **event == Event::LoggedIn).count();
            assert!(!events.iter().any(|event| matches!(event, Event::Broken { .. })), "{events:?}");
        }
        assert_eq!(logins, 3, "{edition:?}");
        assert_eq!(upper.seen.len(), 600, "every position arrived");
        assert_eq!(outbox.settled, 600);
        let live = upper.seen.values().filter(|(count, backfill)| *count == 1 && *backfill == 0).count();
        let late = upper.seen.values().filter(|(_, backfill)| *backfill > 0).count();
        assert!(live > 400 && late >= 120, "{live} live, {late} late");
        assert!(upper.largest_backfill <= 5);
    }
}

#[test]
fn what_was_not_proved_is_sent_again() {
    let mut upper = Upper::new(Edition::V2011, None);
    upper.answers_heartbeats = false;
    let mut outbox = Memory::default();
    let mut lower = Lower::new(settings(Edition::V2011, None), &outbox);
    for _ in 0..3 {
        outbox.push("豫D12345", START_MS);
    }
    settle_down(&mut lower, &mut upper, &mut outbox, START_MS, Input::Tick, true);
    assert_eq!((upper.seen.values().next().unwrap().0, outbox.settled), (3, 0));
    // Without an answer to heartbeats the link is dead after three minutes, and the positions are sent again.
    let mut silent = false;
    upper.answers_heartbeats = false;
    for second in 1..400 {
        let now_ms = START_MS + second * 1000;
        upper.answers_heartbeats = second > 181;
        let events = settle_down(&mut lower, &mut upper, &mut outbox, now_ms, Input::Tick, true);
        silent |= events.contains(&Event::Silent(Link::Main));
    }
    assert!(silent);
    assert_eq!(upper.seen.values().next(), Some(&(6, 3)));
    assert_eq!(outbox.settled, 3);
}

#[test]
fn the_subordinate_link_needs_the_code_and_carries_answers_when_alone() {
    let mut upper = Upper::new(Edition::V2019, None);
    let mut outbox = Memory::default();
    let mut lower = Lower::new(settings(Edition::V2019, None), &outbox);
    settle_down(&mut lower, &mut upper, &mut outbox, START_MS, Input::Tick, true);
    lower.step(START_MS, Input::Opened(Link::Subordinate), &mut outbox).unwrap();
    let wrong = upper.wire(id::SUB_LOGIN, &PlatformBody::SubLogin(SubLogin { verify_code: 1 }));
    let actions = lower.step(START_MS, Input::Bytes(Link::Subordinate, &wrong), &mut outbox).unwrap();
    assert!(!actions.contains(&Action::Event(Event::SubordinateUp)));
    let right = upper.wire(id::SUB_LOGIN, &PlatformBody::SubLogin(SubLogin { verify_code: 77 }));
    let actions = lower.step(START_MS, Input::Bytes(Link::Subordinate, &right), &mut outbox).unwrap();
    assert!(actions.contains(&Action::Event(Event::SubordinateUp)));
    lower.step(START_MS, Input::Closed(Link::Main), &mut outbox).unwrap();
    assert!(lower.is_ready());
    let mut out = Vec::new();
    assert!(lower.send_platform(id::PLATFORM_UP, 0x1302, vec![0, 0, 0, 5], START_MS, &mut out));
    assert!(matches!(&out[..], [Action::Send(Link::Subordinate, _)]));
    let check = upper.wire(
        id::PLATFORM_DOWN,
        &PlatformBody::Unknown { raw: xiangyun_telematics::wire::Raw(vec![0x93, 1, 0, 0, 0, 1, 9].into()) },
    );
    let actions = lower.step(START_MS, Input::Bytes(Link::Subordinate, &check), &mut outbox).unwrap();
    assert!(actions.iter().any(
        |a| matches!(a, Action::Event(Event::Received { id: 0x9300, body, .. }) if body[..2] == [0x93, 1])
    ));
}

#[test]
fn a_refused_login_waits() {
    let mut upper = Upper::new(Edition::V2011, None);
    upper.password = "other";
    let mut outbox = Memory::default();
    let mut lower = Lower::new(settings(Edition::V2011, None), &outbox);
    let mut refusals = 0;
    for second in 0..600 {
        let events =
            settle_down(&mut lower, &mut upper, &mut outbox, START_MS + second * 1000, Input::Tick, true);
        refusals += events.iter().filter(|event| **event == Event::Refused(4)).count();
    }
    assert!((2..=15).contains(&refusals), "{refusals}");
    assert!(upper.seen.is_empty());
}
