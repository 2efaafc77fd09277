//! The lower platform as a pure state machine: what happened on its links goes in, what to do comes out. It owns no
//! socket and reads no clock; positions wait in an [`Outbox`] that outlives it.
//!
//! A position counts as delivered when the upper platform answered a heartbeat that was sent after it on the same
//! connection: the stream is in order, so the answer proves the receipt. Everything sent later than that is sent again
//! as backfill (0x1203) when the link comes back. The upper platform sees each position at least once.

use super::body::{
    Login, LoginReply, Logout, PlatformBody, PlatformMessage, PlatformPosition, Position2011, Position2019,
    ResultByte, VehicleMessage, id,
};
use super::cipher::Cipher;
use super::frame::{Envelope, Header, PlatformDeframer, write};
use crate::jt808::{Edition, Location};
use crate::position::Position;
use crate::text::Text;
use crate::wire::{Raw, Reader, Since2019};

/// Most positions in one 0x1203.
const BACKFILL_MOST: usize = 5;
/// Most positions taken from the outbox in one step.
const TAKE_MOST: usize = 256;
/// Most positions sent and not yet known to be received; beyond it the outbox waits.
const UNSETTLED_MOST: u64 = 4096;
/// A heartbeat is sent ahead of its time when so many positions wait to be settled.
const SETTLE_AT: u64 = 512;

/// What the upper platform and we agreed on.
#[derive(Clone, Debug)]
pub struct LowerSettings {
    /// User.
    pub user_id: u32,
    /// Password, at most 8 bytes.
    pub password: String,
    /// Access code.
    pub access_code: u32,
    /// Platform code, in the 2019 edition; also names us beside positions.
    pub platform_code: u32,
    /// Address that the upper platform connects the subordinate link to.
    pub down_ip: String,
    /// Port of it.
    pub down_port: u16,
    /// Version shown in headers.
    pub version: [u8; 3],
    /// Edition of the link; it is never told by the messages.
    pub edition: Edition,
    /// Encryption and its key, if bodies are to be encrypted.
    pub cipher: Option<(Cipher, u32)>,
    /// Time between heartbeats in milliseconds.
    pub heartbeat_ms: i64,
    /// Silence after which a link counts as dead, in milliseconds.
    pub dead_ms: i64,
    /// First wait before connecting again in milliseconds; it doubles.
    pub retry_first_ms: i64,
    /// Longest wait before connecting again in milliseconds.
    pub retry_most_ms: i64,
    /// Age up to which a position is sent as a live one in milliseconds.
    pub live_within_ms: i64,
}

impl LowerSettings {
    /// Settings with the usual times: heartbeat a minute, dead after three, retry from 5 s to 5 min, live for a minute.
    #[must_use]
    pub fn new(edition: Edition, user_id: u32, password: &str, access_code: u32) -> Self {
        Self {
            user_id,
            password: password.to_owned(),
            access_code,
            platform_code: access_code,
            down_ip: "127.0.0.1".to_owned(),
            down_port: 0,
            version: [1, 0, 0],
            edition,
            cipher: None,
            heartbeat_ms: 60_000,
            dead_ms: 180_000,
            retry_first_ms: 5_000,
            retry_most_ms: 300_000,
            live_within_ms: 60_000,
        }
    }
}

/// A position waiting for the upper platform.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutboxEntry {
    /// Number in the outbox, rising.
    pub number: u64,
    /// Plate.
    pub plate: String,
    /// Plate colour.
    pub colour: u8,
    /// When it was put into the outbox, UTC milliseconds.
    pub queued_ms: i64,
    /// The position.
    pub position: Position,
}

/// Where positions wait for one upper platform. It must survive a restart; what was settled may be dropped.
pub trait Outbox {
    /// Why the outbox could not be read or written.
    type Error;

    /// Up to `most` entries with a number above `after`, in order.
    ///
    /// # Errors
    /// When they cannot be read.
    fn after(&mut self, after: u64, most: usize) -> Result<Vec<OutboxEntry>, Self::Error>;

    /// The number of the last settled entry, or 0.
    fn settled(&self) -> u64;

    /// All entries up to `number` were received. Must be durable when it returns.
    ///
    /// # Errors
    /// When it cannot be written; the entries will be sent again.
    fn settle(&mut self, number: u64) -> Result<(), Self::Error>;
}

/// Which of the two links.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// The one that we open.
    Main,
    /// The one that the upper platform opens.
    Subordinate,
}

/// What happened.
#[derive(Clone, Copy, Debug)]
pub enum Input<'a> {
    /// A link is connected.
    Opened(Link),
    /// Bytes came.
    Bytes(Link, &'a [u8]),
    /// A link is closed, or could not be opened.
    Closed(Link),
    /// Time passed. Give it once a second or so, and whenever the outbox grew.
    Tick,
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Connect the main link.
    Open,
    /// Send bytes.
    Send(Link, Vec<u8>),
    /// Close a link.
    Close(Link),
    /// Tell whoever is concerned.
    Event(Event),
}

/// What the upper platform said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The main link is logged in.
    LoggedIn,
    /// The login was refused with this result.
    Refused(u8),
    /// The subordinate link is logged in.
    SubordinateUp,
    /// A message that the state machine does not answer by itself, such as a post check or a text to a vehicle.
    Received {
        /// The link it came by.
        link: Link,
        /// Message id.
        id: u16,
        /// Sequence number.
        sequence: u32,
        /// Decrypted body; read it with [`PlatformBody::read`].
        body: Vec<u8>,
    },
    /// A message that could not be read; the link goes on.
    Broken {
        /// Stable code of the fault.
        code: &'static str,
    },
    /// A link is closed after silence.
    Silent(Link),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Closed { retry_at_ms: i64 },
    Opening,
    LoggingIn,
    Ready,
}

/// The state machine.
#[derive(Debug)]
pub struct Lower {
    settings: LowerSettings,
    main: State,
    subordinate_up: bool,
    subordinate_ready: bool,
    verify_code: u32,
    streams: [PlatformDeframer; 2],
    heard_ms: [i64; 2],
    heartbeat_sent_ms: i64,
    /// Highest entry sent before a heartbeat that is not answered yet.
    proving: Option<u64>,
    /// Highest entry sent.
    sent: u64,
    /// Highest entry ever sent: up to here a second sending is backfill.
    sent_before: u64,
    sequence: u32,
    retries: u32,
}

impl Lower {
    /// A lower platform that has not connected yet; what the outbox has not settled will be sent.
    #[must_use]
    pub fn new(settings: LowerSettings, outbox: &impl Outbox) -> Self {
        Self {
            settings,
            main: State::Closed { retry_at_ms: i64::MIN },
            subordinate_up: false,
            subordinate_ready: false,
            verify_code: 0,
            streams: [PlatformDeframer::new(), PlatformDeframer::new()],
            heard_ms: [0; 2],
            heartbeat_sent_ms: 0,
            proving: None,
            sent: outbox.settled(),
            sent_before: outbox.settled(),
            sequence: 0,
            retries: 0,
        }
    }

    /// Whether positions can be sent.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.main == State::Ready || self.subordinate_ready
    }

    /// Whether more positions may be sent now: the main link is logged in, and not too much is unproved.
    #[must_use]
    pub fn takes_positions(&self, outbox: &impl Outbox) -> bool {
        self.main == State::Ready && self.sent.saturating_sub(outbox.settled()) < UNSETTLED_MOST
    }

    /// Number of the last entry that was sent on this connection, or settled before it.
    #[must_use]
    pub fn sent(&self) -> u64 {
        self.sent
    }

    /// Takes what happened at `now_ms` and gives what to do, in order.
    ///
    /// # Errors
    /// Those of the outbox; the state is unharmed and the next step tries again.
    pub fn step<O: Outbox>(
        &mut self,
        now_ms: i64,
        input: Input<'_>,
        outbox: &mut O,
    ) -> Result<Vec<Action>, O::Error> {
        let mut out = Vec::new();
        match input {
            Input::Opened(Link::Main) => {
                self.heard_ms[0] = now_ms;
                self.heartbeat_sent_ms = now_ms;
                self.main = State::LoggingIn;
                self.streams[0] = PlatformDeframer::new();
                let login = Login {
                    user_id: self.settings.user_id,
                    password: self.settings.password.as_str().into(),
                    platform_code: Since2019(Some(self.settings.platform_code)),
                    down_ip: self.settings.down_ip.as_str().into(),
                    down_port: self.settings.down_port,
                };
                self.send(Link::Main, id::LOGIN, &PlatformBody::Login(login), now_ms, &mut out);
            }
            Input::Opened(Link::Subordinate) => {
                self.heard_ms[1] = now_ms;
                self.subordinate_up = true;
                self.subordinate_ready = false;
                self.streams[1] = PlatformDeframer::new();
            }
            Input::Bytes(link, bytes) => self.receive(link, bytes, now_ms, outbox, &mut out)?,
            Input::Closed(link) => self.closed(link, now_ms, outbox),
            Input::Tick => {}
        }
        self.watch(now_ms, outbox, &mut out);
        self.forward(now_ms, outbox, &mut out)?;
        Ok(out)
    }

    /// Opens the link when its time has come, sends heartbeats, closes silent links.
    fn watch(&mut self, now_ms: i64, outbox: &impl Outbox, out: &mut Vec<Action>) {
        match self.main {
            State::Closed { retry_at_ms } if now_ms >= retry_at_ms => {
                self.main = State::Opening;
                self.heard_ms[0] = now_ms;
                out.push(Action::Open);
            }
            State::Closed { .. } => {}
            _ if now_ms - self.heard_ms[0] >= self.settings.dead_ms => {
                out.push(Action::Close(Link::Main));
                out.push(Action::Event(Event::Silent(Link::Main)));
                self.closed(Link::Main, now_ms, outbox);
            }
            State::Ready => {
                let unproved =
                    self.proving.is_none() && self.sent.saturating_sub(outbox.settled()) >= SETTLE_AT;
                if now_ms - self.heartbeat_sent_ms >= self.settings.heartbeat_ms || unproved {
                    self.heartbeat(now_ms, out);
                }
            }
            State::Opening | State::LoggingIn => {}
        }
        if self.subordinate_up && now_ms - self.heard_ms[1] >= self.settings.dead_ms {
            out.push(Action::Close(Link::Subordinate));
            out.push(Action::Event(Event::Silent(Link::Subordinate)));
            self.closed(Link::Subordinate, now_ms, outbox);
        }
    }

    fn heartbeat(&mut self, now_ms: i64, out: &mut Vec<Action>) {
        self.heartbeat_sent_ms = now_ms;
        // One proof at a time: the answers carry no number.
        if self.proving.is_none() {
            self.proving = Some(self.sent);
        }
        self.send(Link::Main, id::HEARTBEAT, &PlatformBody::Empty { empty: true }, now_ms, out);
    }

    fn closed(&mut self, link: Link, now_ms: i64, outbox: &impl Outbox) {
        if link == Link::Subordinate {
            self.subordinate_up = false;
            self.subordinate_ready = false;
        } else {
            let wait = self.settings.retry_first_ms.saturating_mul(1_i64 << self.retries.min(20));
            self.retries = self.retries.saturating_add(1);
            self.main =
                State::Closed { retry_at_ms: now_ms.saturating_add(wait.min(self.settings.retry_most_ms)) };
            self.proving = None;
            self.sent_before = self.sent_before.max(self.sent);
            self.sent = outbox.settled();
        }
    }

    fn receive<O: Outbox>(
        &mut self,
        link: Link,
        bytes: &[u8],
        now_ms: i64,
        outbox: &mut O,
        out: &mut Vec<Action>,
    ) -> Result<(), O::Error> {
        let index = usize::from(link == Link::Subordinate);
        self.heard_ms[index] = now_ms;
        let mut stream = std::mem::take(&mut self.streams[index]);
        let mut input = bytes;
        let mut outcome = Ok(());
        while let Some(envelope) = stream.next(&mut input) {
            match envelope {
                Ok(envelope) if outcome.is_ok() => {
                    outcome = self.message(link, &envelope, now_ms, outbox, out);
                }
                Ok(_) => {}
                Err(fault) => out.push(Action::Event(Event::Broken { code: fault.code() })),
            }
        }
        self.streams[index] = stream;
        outcome
    }

    fn message<O: Outbox>(
        &mut self,
        link: Link,
        envelope: &Envelope,
        now_ms: i64,
        outbox: &mut O,
        out: &mut Vec<Action>,
    ) -> Result<(), O::Error> {
        let edition = self.settings.edition;
        let bytes = envelope.body(edition, self.settings.cipher.as_ref().map(|(cipher, _)| cipher));
        let message_id = envelope.header.id;
        let empty = PlatformBody::Empty { empty: true };
        match (message_id, PlatformBody::read(message_id, &mut Reader::new(&bytes), edition)) {
            (id::LOGIN_REPLY, Ok(PlatformBody::LoginReply(reply))) => self.login_reply(&reply, now_ms, out),
            (id::HEARTBEAT_REPLY, _) => {
                if let Some(proved) = self.proving.take() {
                    outbox.settle(proved)?;
                }
            }
            (id::LOGOUT_REPLY, _) | (id::UPPER_CLOSING, _) => out.push(Action::Close(Link::Main)),
            (id::SUB_LOGIN, Ok(PlatformBody::SubLogin(login))) => {
                let result = u8::from(login.verify_code != self.verify_code);
                self.subordinate_ready = result == 0;
                let reply = PlatformBody::ResultByte(ResultByte { result });
                self.send(link, id::SUB_LOGIN_REPLY, &reply, now_ms, out);
                if result == 0 {
                    out.push(Action::Event(Event::SubordinateUp));
                }
            }
            (id::SUB_LOGOUT, _) => {
                self.send(link, id::SUB_LOGOUT_REPLY, &empty, now_ms, out);
                self.subordinate_ready = false;
                out.push(Action::Close(Link::Subordinate));
            }
            (id::SUB_HEARTBEAT, _) => self.send(link, id::SUB_HEARTBEAT_REPLY, &empty, now_ms, out),
            (id::VEHICLE_DOWN, Ok(PlatformBody::Vehicle(message)))
                if matches!(message.sub_id, 0x9205 | 0x9206) =>
            {
                self.exchange_reply(&message, envelope.header.sequence, now_ms, out);
            }
            (_, Err(_)) => out.push(Action::Event(Event::Broken { code: "T305" })),
            _ => {
                let sequence = envelope.header.sequence;
                out.push(Action::Event(Event::Received { link, id: message_id, sequence, body: bytes }));
            }
        }
        Ok(())
    }

    fn login_reply(&mut self, reply: &LoginReply, now_ms: i64, out: &mut Vec<Action>) {
        if reply.result == 0 {
            self.verify_code = reply.verify_code;
            self.main = State::Ready;
            self.retries = 0;
            self.heartbeat_sent_ms = now_ms;
            out.push(Action::Event(Event::LoggedIn));
        } else {
            // Asking again at once would not change the answer.
            self.retries = self.retries.max(3);
            out.push(Action::Event(Event::Refused(reply.result)));
            out.push(Action::Close(Link::Main));
        }
    }

    /// Start and end of an exchange are acknowledged with the same vehicle.
    fn exchange_reply(
        &mut self,
        message: &VehicleMessage<'_>,
        sequence: u32,
        now_ms: i64,
        out: &mut Vec<Action>,
    ) {
        let mut sub_body = Vec::new();
        if self.settings.edition == Edition::V2019 {
            sub_body.extend_from_slice(&message.sub_id.to_be_bytes());
            sub_body.extend_from_slice(&sequence.to_be_bytes());
        }
        let reply = VehicleMessage::new(&message.plate.0, message.colour, message.sub_id - 0x8000, sub_body);
        self.send_up(id::VEHICLE_UP, &PlatformBody::Vehicle(reply), now_ms, out);
    }

    /// Sends what waits in the outbox, as far as the link allows.
    fn forward<O: Outbox>(
        &mut self,
        now_ms: i64,
        outbox: &mut O,
        out: &mut Vec<Action>,
    ) -> Result<(), O::Error> {
        if self.main != State::Ready || self.sent.saturating_sub(outbox.settled()) >= UNSETTLED_MOST {
            return Ok(());
        }
        let entries = outbox.after(self.sent, TAKE_MOST)?;
        let mut rest = entries.as_slice();
        while let [first, others @ ..] = rest {
            let old = |entry: &OutboxEntry| {
                entry.number <= self.sent_before || now_ms - entry.queued_ms > self.settings.live_within_ms
            };
            let mut count = 1;
            if old(first) {
                let same = |entry: &&OutboxEntry| {
                    old(entry) && (&entry.plate, entry.colour) == (&first.plate, first.colour)
                };
                count += others.iter().take(BACKFILL_MOST - 1).take_while(same).count();
                self.positions(0x1203, &rest[..count], now_ms, out);
            } else {
                self.positions(0x1202, &rest[..1], now_ms, out);
            }
            self.sent = rest[count - 1].number;
            rest = &rest[count..];
        }
        Ok(())
    }

    fn positions(&mut self, sub_id: u16, entries: &[OutboxEntry], now_ms: i64, out: &mut Vec<Action>) {
        let mut sub_body = Vec::with_capacity(1 + entries.len() * 90);
        if sub_id == 0x1203 {
            sub_body.push(entries.len() as u8);
        }
        for entry in entries {
            self.platform_position(&entry.position).write(&mut sub_body, self.settings.edition);
        }
        let plate = Text::new(&entries[0].plate);
        let message = VehicleMessage::new(&plate, entries[0].colour, sub_id, sub_body);
        self.send(Link::Main, id::VEHICLE_UP, &PlatformBody::Vehicle(message), now_ms, out);
    }

    /// A position as this link's edition writes it, always in WGS-84.
    fn platform_position(&self, position: &Position) -> PlatformPosition<'static> {
        let location = Location::from_position(position);
        if self.settings.edition == Edition::V2019 {
            let code = self.settings.platform_code.to_string();
            PlatformPosition::V2019(Position2019 {
                alarm1: location.alarm,
                gnss: location,
                platform1: code.as_str().into(),
                ..Position2019::default()
            })
        } else {
            PlatformPosition::V2011(Position2011::from_location(&location, position.mileage_m()))
        }
    }

    /// Sends a message about a vehicle, such as an answer to a text (0x1503) or a planned route (0x120E), by the main
    /// link or, when only that is up, the subordinate one. False when neither is.
    pub fn send_about_vehicle(
        &mut self,
        id: u16,
        message: VehicleMessage<'_>,
        now_ms: i64,
        out: &mut Vec<Action>,
    ) -> bool {
        self.send_up(id, &PlatformBody::Vehicle(message), now_ms, out)
    }

    /// Sends a message between platforms, such as the answer to a post check (0x1301), likewise.
    pub fn send_platform(
        &mut self,
        id: u16,
        sub_id: u16,
        sub_body: Vec<u8>,
        now_ms: i64,
        out: &mut Vec<Action>,
    ) -> bool {
        let message =
            PlatformMessage { sub_id, sub_len: sub_body.len() as u32, sub_raw: Raw(sub_body.into()) };
        self.send_up(id, &PlatformBody::Platform(message), now_ms, out)
    }

    /// Asks to log out; the upper platform's answer closes the link.
    pub fn log_out(&mut self, now_ms: i64, out: &mut Vec<Action>) {
        if self.main == State::Ready {
            let logout =
                Logout { user_id: self.settings.user_id, password: self.settings.password.as_str().into() };
            self.send(Link::Main, id::LOGOUT, &PlatformBody::Logout(logout), now_ms, out);
        }
    }

    fn send_up(&mut self, id: u16, body: &PlatformBody<'_>, now_ms: i64, out: &mut Vec<Action>) -> bool {
        let link = if self.main == State::Ready {
            Link::Main
        } else if self.subordinate_ready {
            Link::Subordinate
        } else {
            return false;
        };
        self.send(link, id, body, now_ms, out);
        true
    }

    fn send(&mut self, link: Link, id: u16, body: &PlatformBody<'_>, now_ms: i64, out: &mut Vec<Action>) {
        let edition = self.settings.edition;
        let mut bytes = Vec::new();
        body.write(&mut bytes, edition);
        self.sequence = self.sequence.wrapping_add(1);
        let (cipher, key) = self.settings.cipher.map_or((None, 0), |(cipher, key)| (Some(cipher), key));
        let header = Header {
            length: 0,
            sequence: self.sequence,
            id,
            access_code: self.settings.access_code,
            version: self.settings.version,
            encrypt: u8::from(cipher.is_some()),
            key,
        };
        let utc_s = (edition == Edition::V2019).then(|| u64::try_from(now_ms / 1000).unwrap_or(0));
        let mut wire = Vec::new();
        write(&header, utc_s, &bytes, cipher.as_ref(), &mut wire);
        out.push(Action::Send(link, wire));
    }
}

impl Position2011 {
    /// The 2011 form of a location; the odometer is rounded down to km.
    #[must_use]
    pub fn from_location(location: &Location<'_>, mileage_m: Option<u64>) -> Self {
        let mut position = Self {
            encrypted: 0,
            lon_udeg: location.lon,
            lat_udeg: location.lat,
            speed_kmh: location.speed_dkmh / 10,
            recorder_speed_kmh: location.items.get(3).map_or(0, |value| {
                value.first_chunk::<2>().map_or(0, |tenths| u16::from_be_bytes(*tenths) / 10)
            }),
            mileage_km: u32::try_from(mileage_m.unwrap_or(0) / 1000).unwrap_or(u32::MAX),
            course_deg: location.course_deg,
            alt_m: location.alt_m.max(0) as u16,
            status: location.status,
            alarm: location.alarm,
            ..Self::default()
        };
        if let Some([year, month, day, hour, minute, second]) = location.time.digits() {
            position.year = 2000 + u16::from(year);
            (position.month, position.day) = (month, day);
            (position.hour, position.minute, position.second) = (hour, minute, second);
        }
        position
    }
}
