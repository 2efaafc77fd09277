//! One link: frames in, actions out.

use super::command::{CommandId, InFlight, Outcome, answer_of, is_answer};
use super::limits;
use super::location::{Context, Location, fill};
use super::parts::Parts;
use super::registry::{Registry, Shared, lock};
use super::terminal::Terminal;
use crate::bcd::BcdTime;
use crate::jt808::{Deframer, Header, Packet, Phone, write_frame};
use crate::limits::BODY_MAX_BYTES;
use crate::position::{Flags, TerminalKey};
use crate::segments::limits::ITEMS_BYTES_MAX;
use crate::segments::{Chunk, DeviceId, PositionLog, Record, Refused};
use serde::Serialize;

/// A link within one process; never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct LinkId(pub u64);

/// The two clocks, read once for each call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// For timeouts, UTC milliseconds.
    pub wall_ms: i64,
    /// For positions, UTC milliseconds: the wall clock except in a simulated day.
    pub business_ms: i64,
}

impl Now {
    /// Both clocks at the same time.
    #[must_use]
    pub const fn both(ms: i64) -> Self {
        Self { wall_ms: ms, business_ms: ms }
    }
}

/// Who gives devices their index: the log, or a stand-in.
pub trait Names {
    /// The index of a name.
    ///
    /// # Errors
    /// [`Refused`] if it cannot be kept.
    fn device(&self, id: &str) -> Result<DeviceId, Refused>;
}

impl Names for PositionLog {
    fn device(&self, id: &str) -> Result<DeviceId, Refused> {
        Self::device(self, id)
    }
}

/// Why a session wants its link closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CloseReason {
    /// It speaks HTTP.
    Http,
    /// It speaks TLS.
    Tls,
    /// Bytes without a frame among them.
    Junk,
    /// Too many bad frames in a minute.
    BadFrames,
    /// Nothing for too long.
    Idle,
    /// No good frame soon enough.
    NoFrame,
    /// Its terminal came by a newer link.
    Replaced,
    /// A terminal too many.
    TooManyTerminals,
    /// The log cannot take a name.
    LogRefused,
}

/// Something worth telling beyond positions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// A terminal spoke for the first time on this link.
    Online(TerminalKey),
    /// A terminal said goodbye or its newest link went.
    Offline(TerminalKey),
    /// A terminal came by this link and left an older one, which is to be told by [`Link::unbind`].
    Moved {
        /// The terminal.
        key: TerminalKey,
        /// The link it left.
        from: LinkId,
    },
    /// A terminal registered; the message is in the log.
    Registered(TerminalKey),
    /// A terminal was turned away.
    TurnedAway(TerminalKey),
    /// A command went out, for the first time on this link.
    Sent(TerminalKey, CommandId),
    /// A command ended.
    Command(TerminalKey, CommandId, Outcome),
}

/// Counts of one link or, summed, of all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LinkCounts {
    /// Good frames.
    pub frames: u64,
    /// Frames with a fault of escape, checksum, header or length.
    pub bad_frames: u64,
    /// Positions handed to the log.
    pub positions: u64,
    /// Positions that had been reported before.
    pub duplicates: u64,
    /// Positions set aside for their clock or place.
    pub quarantined: u64,
    /// Positions whose clock was repaired.
    pub repaired: u64,
    /// Messages other than positions kept raw.
    pub messages: u64,
    /// Frames of terminals that were turned away.
    pub turned_away: u64,
    /// Bodies too short for what they should hold.
    pub bad_bodies: u64,
}

impl LinkCounts {
    /// Adds another's counts.
    pub fn add(&mut self, other: &Self) {
        self.frames += other.frames;
        self.bad_frames += other.bad_frames;
        self.positions += other.positions;
        self.duplicates += other.duplicates;
        self.quarantined += other.quarantined;
        self.repaired += other.repaired;
        self.messages += other.messages;
        self.turned_away += other.turned_away;
        self.bad_bodies += other.bad_bodies;
    }
}

/// What one call of a link asks for. Reused from call to call; [`Actions::clear`] keeps its buffers.
#[derive(Default)]
pub struct Actions {
    /// To be appended to the log.
    pub chunk: Chunk,
    /// To be written to the link, in order. If `chunk` has anything in it or `hold` is set, only after the log has
    /// made durable all that was appended so far.
    pub replies: Vec<u8>,
    /// A reply speaks of a report that an earlier chunk holds.
    pub hold: bool,
    /// To be told.
    pub notices: Vec<Notice>,
    /// The link is to be closed after the replies.
    pub close: Option<CloseReason>,
    /// What happened in this call.
    pub counts: LinkCounts,
    scratch: Vec<u8>,
    record: Record,
}

impl Actions {
    /// Empties everything, keeping buffers.
    pub fn clear(&mut self) {
        self.chunk.clear();
        self.replies.clear();
        self.hold = false;
        self.notices.clear();
        self.close = None;
        self.counts = LinkCounts::default();
    }

    /// Appends a message down. Bodies longer than a frame go in parts with consecutive sequences.
    fn down(&mut self, header: &Header, body: &[u8]) {
        if body.len() <= BODY_MAX_BYTES {
            self.scratch.clear();
            header.write(body.len(), &mut self.scratch);
            self.scratch.extend_from_slice(body);
            write_frame(&self.scratch, &mut self.replies);
            return;
        }
        let total = parts_of(body.len());
        for (index, part) in body.chunks(BODY_MAX_BYTES).enumerate() {
            let packet = Packet { total, number: index as u16 + 1 };
            let sequence = header.sequence.wrapping_add(index as u16);
            let header = Header { packet: Some(packet), sequence, ..*header };
            self.scratch.clear();
            header.write(part.len(), &mut self.scratch);
            self.scratch.extend_from_slice(part);
            write_frame(&self.scratch, &mut self.replies);
        }
    }

    /// The platform's general reply.
    fn reply(&mut self, to: &Header, terminal: &mut Terminal, result: u8) {
        let [s0, s1] = to.sequence.to_be_bytes();
        let [i0, i1] = to.id.to_be_bytes();
        let header = to.answer(0x8001, terminal.take_serial(1));
        self.down(&header, &[s0, s1, i0, i1, result]);
    }
}

fn parts_of(bytes: usize) -> u16 {
    bytes.div_ceil(BODY_MAX_BYTES).clamp(1, usize::from(u16::MAX)) as u16
}

const DONE: u8 = 0;
const FAILED: u8 = 1;
const WRONG: u8 = 2;

/// A terminal bound to a link.
struct Bound {
    phone: Phone,
    key: TerminalKey,
    terminal: Shared,
}

/// One connection or UDP peer.
pub struct Link {
    deframer: Deframer,
    core: Core,
}

struct Core {
    id: LinkId,
    opened_ms: i64,
    heard_ms: i64,
    good: bool,
    /// Minute of the count, and the count.
    bad: (i64, u32),
    /// Sorted by phone bytes.
    bound: Vec<Bound>,
    latest: usize,
    parts: Parts,
}

impl Link {
    /// A link just opened.
    #[must_use]
    pub fn new(id: LinkId, now: Now) -> Self {
        Self {
            deframer: Deframer::new(),
            core: Core {
                id,
                opened_ms: now.wall_ms,
                heard_ms: now.wall_ms,
                good: false,
                bad: (0, 0),
                bound: Vec::new(),
                latest: 0,
                parts: Parts::default(),
            },
        }
    }

    /// Its identity.
    #[must_use]
    pub fn id(&self) -> LinkId {
        self.core.id
    }

    /// Bytes of memory it holds beyond its own struct.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        self.deframer.held_bytes() + self.core.parts.bytes() + self.core.bound.capacity() * size_of::<Bound>()
    }

    /// Takes what was read from the link, cut anywhere, and fills `actions`, which must be clear.
    pub fn receive(
        &mut self,
        bytes: &[u8],
        now: Now,
        registry: &Registry,
        names: &dyn Names,
        actions: &mut Actions,
    ) {
        self.core.heard_ms = now.wall_ms;
        if !self.core.good
            && let Some(reason) = foreign(bytes)
        {
            actions.close = Some(reason);
            return;
        }
        let mut input = bytes;
        while let Some(frame) = self.deframer.next(&mut input) {
            let read =
                frame.and_then(|frame| Header::read(frame.content).map(|(h, b)| (h, b, frame.content)));
            match read {
                Ok((header, body, content)) => {
                    actions.counts.frames += 1;
                    self.core.good = true;
                    if let Err(reason) =
                        self.core.frame(&header, body, content, now, registry, names, actions)
                    {
                        actions.close = Some(reason);
                        return;
                    }
                }
                Err(_) => {
                    actions.counts.bad_frames += 1;
                    if self.core.count_bad(now.wall_ms) {
                        actions.close = Some(CloseReason::BadFrames);
                        return;
                    }
                }
            }
        }
        if !self.core.good && self.deframer.junk_bytes() > limits::JUNK_BYTES_MAX {
            actions.close = Some(CloseReason::Junk);
        }
    }

    /// Does what time asks for: commands to send, to repeat, to give up; split messages to ask for; timeouts. To be
    /// called every second or so, and after [`Registry::send`].
    pub fn tick(&mut self, now: Now, registry: &Registry, actions: &mut Actions) {
        let settings = registry.settings();
        if now.wall_ms.saturating_sub(self.core.heard_ms) >= settings.idle_ms {
            actions.close = Some(CloseReason::Idle);
        } else if !self.core.good
            && now.wall_ms.saturating_sub(self.core.opened_ms) >= settings.first_frame_ms
        {
            actions.close = Some(CloseReason::NoFrame);
        }
        self.core.parts.expire(now.wall_ms);
        for bound in &self.core.bound {
            let mut terminal = lock(&bound.terminal);
            if terminal.commands.is_some() && terminal.link == Some(self.core.id) {
                send_commands(&bound.key, &mut terminal, now.wall_ms, actions);
            }
        }
        self.core.ask_for_missing(now.wall_ms, actions);
    }

    /// When [`Link::tick`] will next close the link if nothing comes, wall milliseconds.
    #[must_use]
    pub fn deadline_ms(&self, registry: &Registry) -> i64 {
        let settings = registry.settings();
        let idle = self.core.heard_ms.saturating_add(settings.idle_ms);
        if self.core.good {
            idle
        } else {
            idle.min(self.core.opened_ms.saturating_add(settings.first_frame_ms))
        }
    }

    /// Whether a command or a split message makes [`Link::tick`] worth calling every second.
    #[must_use]
    pub fn busy(&self) -> bool {
        !self.core.parts.is_empty() || self.core.bound.iter().any(|b| lock(&b.terminal).commands.is_some())
    }

    /// A newer link took the terminal. Gives whether this link has none left and is to be closed; its vehicle is
    /// not offline.
    pub fn unbind(&mut self, key: &TerminalKey) -> bool {
        self.core.bound.retain(|b| b.key != *key || lock(&b.terminal).link == Some(self.core.id));
        self.core.latest = 0;
        self.core.bound.is_empty()
    }

    /// The link is gone. Its terminals are offline unless they came by a newer link; commands on their way wait for
    /// the next one.
    pub fn closed(&mut self, actions: &mut Actions) {
        for bound in self.core.bound.drain(..) {
            let mut terminal = lock(&bound.terminal);
            if terminal.link == Some(self.core.id) {
                terminal.link = None;
                actions.notices.push(Notice::Offline(bound.key));
            }
        }
    }
}

/// Whether the first bytes of a link are another protocol's.
fn foreign(bytes: &[u8]) -> Option<CloseReason> {
    const METHODS: [&[u8]; 9] = [
        b"GET ",
        b"POST ",
        b"HEAD ",
        b"PUT ",
        b"OPTIONS ",
        b"DELETE ",
        b"CONNECT ",
        b"PATCH ",
        b"PRI * HTTP",
    ];
    if METHODS.iter().any(|m| bytes.starts_with(m)) {
        return Some(CloseReason::Http);
    }
    // A TLS record: handshake, version 3.x.
    bytes.starts_with(&[0x16, 0x03]).then_some(CloseReason::Tls)
}

impl Core {
    /// Counts a bad frame; whether it was one too many.
    fn count_bad(&mut self, now_ms: i64) -> bool {
        let minute = now_ms.div_euclid(60_000);
        if self.bad.0 != minute {
            self.bad = (minute, 0);
        }
        self.bad.1 += 1;
        self.bad.1 >= limits::BAD_FRAMES_A_MINUTE_MAX
    }

    /// The terminal of a phone, bound to this link; nothing if it is turned away.
    #[inline]
    fn terminal(
        &mut self,
        header: &Header,
        registry: &Registry,
        names: &dyn Names,
        actions: &mut Actions,
    ) -> Result<Option<usize>, CloseReason> {
        let phone = header.phone.bytes();
        if self.bound.get(self.latest).is_some_and(|b| b.phone.bytes() == phone) {
            return Ok(Some(self.latest));
        }
        match self.bound.binary_search_by(|b| b.phone.bytes().cmp(phone)) {
            Ok(at) => {
                self.latest = at;
                Ok(Some(at))
            }
            Err(at) => self.bind(at, header, registry, names, actions),
        }
    }

    fn bind(
        &mut self,
        at: usize,
        header: &Header,
        registry: &Registry,
        names: &dyn Names,
        actions: &mut Actions,
    ) -> Result<Option<usize>, CloseReason> {
        if self.bound.len() >= limits::TERMINALS_A_LINK_MAX {
            return Err(CloseReason::TooManyTerminals);
        }
        let key = header.phone.key();
        let terminal = match registry.find_or_make(&key, names) {
            Ok(Some(terminal)) => terminal,
            Ok(None) => {
                actions.notices.push(Notice::TurnedAway(key));
                return Ok(None);
            }
            Err(_) => return Err(CloseReason::LogRefused),
        };
        let mut held = lock(&terminal);
        match held.link.replace(self.id) {
            Some(from) if from != self.id => actions.notices.push(Notice::Moved { key: key.clone(), from }),
            Some(_) => {}
            None => actions.notices.push(Notice::Online(key.clone())),
        }
        held.authenticated = false;
        held.phone = Some(header.phone);
        held.edition = Some(header.edition());
        if let Some(commands) = held.commands.as_mut() {
            // What the old link was asked is asked again on this one.
            commands.in_flight.iter_mut().for_each(|c| c.sent_ms = i64::MIN / 2);
        }
        drop(held);
        self.bound.insert(at, Bound { phone: header.phone, key, terminal });
        self.latest = at;
        Ok(Some(at))
    }

    #[allow(clippy::too_many_arguments)] // the frame in its three views, and the surroundings
    fn frame(
        &mut self,
        header: &Header,
        body: &[u8],
        content: &[u8],
        now: Now,
        registry: &Registry,
        names: &dyn Names,
        actions: &mut Actions,
    ) -> Result<(), CloseReason> {
        let Some(at) = self.terminal(header, registry, names, actions)? else {
            actions.counts.turned_away += 1;
            self.turn_away(header, actions);
            return Ok(());
        };
        let shared = Shared::clone(&self.bound[at].terminal);
        let mut terminal = lock(&shared);
        let allowed = terminal.authenticated
            || !registry.settings().require_authentication
            || matches!(header.id, 0x0100 | 0x0102 | 0x0004);
        if !allowed {
            actions.counts.turned_away += 1;
            actions.reply(header, &mut terminal, FAILED);
            return Ok(());
        }
        if header.packet.is_some() || header.attributes.encrypt() != 0 {
            self.kept_raw(header, body, content, &mut terminal, now, registry, actions);
            return Ok(());
        }
        match header.id {
            0x0200 => self.location(header, body, &mut terminal, now, registry, actions),
            0x0704 => {
                let result = self.batch(header, body, &mut terminal, now, registry, actions);
                actions.reply(header, &mut terminal, result);
            }
            0x0002 => actions.reply(header, &mut terminal, DONE),
            0x0001 => self.general_reply(at, body, &mut terminal, actions),
            0x0003 => {
                actions.reply(header, &mut terminal, DONE);
                if terminal.link == Some(self.id) {
                    terminal.link = None;
                    actions.notices.push(Notice::Offline(self.bound[at].key.clone()));
                }
                drop(terminal);
                self.bound.remove(at);
                self.latest = 0;
            }
            0x0004 => {
                let answer = header.answer(0x8004, terminal.take_serial(1));
                if let Some(time) = BcdTime::from_plain_ms(now.wall_ms) {
                    actions.down(&answer, &time.0);
                }
            }
            0x0100 => self.register(at, header, content, &mut terminal, now, registry, actions),
            0x0102 => {
                let code = registry.authentication_code(&self.bound[at].key);
                let good =
                    !registry.settings().require_authentication || code_in(header, body) == code.as_bytes();
                terminal.authenticated = good;
                actions.reply(header, &mut terminal, if good { DONE } else { FAILED });
            }
            id => {
                if is_answer(id) {
                    self.own_answer(at, header, body, &mut terminal, now, registry, actions);
                }
                self.keep(content, &terminal, now, actions);
                if id == 0x0801 {
                    self.media_reply(header, body, &mut terminal, actions);
                } else {
                    actions.reply(header, &mut terminal, DONE);
                }
            }
        }
        Ok(())
    }

    fn turn_away(&self, header: &Header, actions: &mut Actions) {
        let [s0, s1] = header.sequence.to_be_bytes();
        let [i0, i1] = header.id.to_be_bytes();
        if header.id == 0x0100 {
            // No such terminal.
            actions.down(&header.answer(0x8100, 0), &[s0, s1, 4]);
        } else {
            actions.down(&header.answer(0x8001, 0), &[s0, s1, i0, i1, FAILED]);
        }
    }

    fn keep(&self, content: &[u8], terminal: &Terminal, now: Now, actions: &mut Actions) {
        actions.chunk.push_message(terminal.device, now.business_ms, content);
        actions.counts.messages += 1;
    }

    #[inline]
    fn location(
        &self,
        header: &Header,
        body: &[u8],
        terminal: &mut Terminal,
        now: Now,
        registry: &Registry,
        actions: &mut Actions,
    ) {
        let result = match Location::read(body) {
            Ok(location) => {
                store(&location, header.sequence, false, terminal, now, registry, actions);
                DONE
            }
            Err(_) => {
                actions.counts.bad_bodies += 1;
                WRONG
            }
        };
        actions.reply(header, terminal, result);
    }

    /// Stores the reports of 0x0704. The count is sometimes wrong, so the lengths are followed; a bad entry costs
    /// itself.
    fn batch(
        &self,
        header: &Header,
        body: &[u8],
        terminal: &mut Terminal,
        now: Now,
        registry: &Registry,
        actions: &mut Actions,
    ) -> u8 {
        let [_, _, kind, rest @ ..] = body else {
            actions.counts.bad_bodies += 1;
            return WRONG;
        };
        let mut rest = rest;
        let mut result = WRONG;
        while let [l0, l1, entries @ ..] = rest {
            let length = usize::from(u16::from_be_bytes([*l0, *l1])).min(entries.len());
            let (entry, after) = entries.split_at(length);
            match Location::read(entry) {
                Ok(location) => {
                    // Reports of one batch share a sequence; without a time their place in the body tells them apart.
                    let nth = header.sequence.wrapping_add((body.len() - rest.len()) as u16);
                    store(&location, nth, *kind == 1, terminal, now, registry, actions);
                    result = DONE;
                }
                Err(_) => actions.counts.bad_bodies += 1,
            }
            rest = after;
        }
        result
    }

    fn general_reply(&self, at: usize, body: &[u8], terminal: &mut Terminal, actions: &mut Actions) {
        let [s0, s1, i0, i1, result, ..] = body else {
            actions.counts.bad_bodies += 1;
            return;
        };
        let (sequence, id) = (u16::from_be_bytes([*s0, *s1]), u16::from_be_bytes([*i0, *i1]));
        // A command with an answer of its own is not ended by a good general reply.
        let ends = |c: &InFlight| c.command.message == id && (*result != 0 || answer_of(id).is_none());
        if let Some(done) = terminal.answered(sequence, ends) {
            let key = self.bound[at].key.clone();
            actions.notices.push(Notice::Command(key, done.id, Outcome::Replied(*result)));
        }
    }

    /// A message that answers a command: 0x0201 and 0x0500 carry a position too.
    #[allow(clippy::too_many_arguments)] // as `frame`
    fn own_answer(
        &self,
        at: usize,
        header: &Header,
        body: &[u8],
        terminal: &mut Terminal,
        now: Now,
        registry: &Registry,
        actions: &mut Actions,
    ) {
        let [s0, s1, rest @ ..] = body else {
            actions.counts.bad_bodies += 1;
            return;
        };
        if matches!(header.id, 0x0201 | 0x0500)
            && let Ok(location) = Location::read(rest)
        {
            store(&location, header.sequence, false, terminal, now, registry, actions);
        }
        let sequence = u16::from_be_bytes([*s0, *s1]);
        if let Some(done) = terminal.answered(sequence, |c| answer_of(c.command.message) == Some(header.id)) {
            let key = self.bound[at].key.clone();
            actions.notices.push(Notice::Command(key, done.id, Outcome::Answered(header.id)));
        }
    }

    #[allow(clippy::too_many_arguments)] // as `frame`
    fn register(
        &self,
        at: usize,
        header: &Header,
        content: &[u8],
        terminal: &mut Terminal,
        now: Now,
        registry: &Registry,
        actions: &mut Actions,
    ) {
        let key = &self.bound[at].key;
        let mut body = header.sequence.to_be_bytes().to_vec();
        body.push(0);
        body.extend_from_slice(registry.authentication_code(key).as_bytes());
        actions.notices.push(Notice::Registered(key.clone()));
        self.keep(content, terminal, now, actions);
        actions.down(&header.answer(0x8100, terminal.take_serial(1)), &body);
    }

    fn media_reply(&self, header: &Header, body: &[u8], terminal: &mut Terminal, actions: &mut Actions) {
        match body.first_chunk::<4>() {
            Some(id) => actions.down(&header.answer(0x8800, terminal.take_serial(1)), id),
            None => actions.reply(header, terminal, WRONG),
        }
    }

    /// Parts of split messages, and encrypted ones: kept as they came. The parts of a batch of positions are put
    /// together first, and acknowledged only when their positions are on the way to the log.
    #[allow(clippy::too_many_arguments)] // as `frame`
    fn kept_raw(
        &mut self,
        header: &Header,
        body: &[u8],
        content: &[u8],
        terminal: &mut Terminal,
        now: Now,
        registry: &Registry,
        actions: &mut Actions,
    ) {
        let positions = header.id == 0x0704 && header.attributes.encrypt() == 0;
        if !positions {
            self.keep(content, terminal, now, actions);
        }
        let Some(packet) = header.packet else {
            actions.reply(header, terminal, DONE);
            return;
        };
        let Ok(complete) = self.parts.take(header, packet, body, positions, now.wall_ms) else {
            actions.counts.bad_bodies += 1;
            actions.reply(header, terminal, WRONG);
            return;
        };
        if !positions {
            actions.reply(header, terminal, DONE);
        }
        let Some(whole) = complete else { return };
        if positions {
            let first = header.sequence.wrapping_sub(packet.number - 1);
            let result = self.batch(header, &whole, terminal, now, registry, actions);
            for number in 0..packet.total {
                let part = Header { sequence: first.wrapping_add(number), ..*header };
                actions.reply(&part, terminal, result);
            }
        } else if header.id == 0x0801 {
            self.media_reply(header, &whole, terminal, actions);
        }
    }

    fn ask_for_missing(&mut self, now_ms: i64, actions: &mut Actions) {
        for asked in self.parts.missing(now_ms) {
            let found = self.bound.iter().find(|b| b.phone.bytes() == asked.header.phone.bytes());
            let Some(bound) = found else { continue };
            let serial = lock(&bound.terminal).take_serial(1);
            let mut body = asked.first_sequence.to_be_bytes().to_vec();
            let count = asked.numbers.len();
            if asked.header.version.is_some() {
                body.extend_from_slice(&(count as u16).to_be_bytes());
            } else {
                body.push(count as u8);
            }
            asked.numbers.iter().for_each(|n| body.extend_from_slice(&n.to_be_bytes()));
            actions.down(&asked.header.answer(0x8003, serial), &body);
        }
    }
}

/// The code in an authentication.
fn code_in<'a>(header: &Header, body: &'a [u8]) -> &'a [u8] {
    let code = match (header.version, body) {
        (Some(_), [length, rest @ ..]) => &rest[..usize::from(*length).min(rest.len())],
        _ => body,
    };
    let end = code.iter().rposition(|b| *b != 0).map_or(0, |last| last + 1);
    &code[..end]
}

/// Cuts the items of a report to what a record holds, at the end of an item. Only a report in several parts, or a
/// batch of several, can have more.
fn cut_items(items: &mut Vec<u8>) {
    if items.len() > ITEMS_BYTES_MAX {
        let mut end = 0;
        while let Some(length) = items.get(end + 1) {
            let next = end + 2 + usize::from(*length);
            if next > ITEMS_BYTES_MAX {
                break;
            }
            end = next;
        }
        items.truncate(end);
    }
}

/// Puts a report into the chunk unless it was reported before.
#[inline]
fn store(
    location: &Location<'_>,
    sequence: u16,
    backfill: bool,
    terminal: &mut Terminal,
    now: Now,
    registry: &Registry,
    actions: &mut Actions,
) {
    if !backfill && let Some(device_ms) = BcdTime(location.time).utc_ms() {
        terminal.clock.watch(device_ms, now.business_ms);
    }
    let context = Context {
        device: terminal.device,
        received_ms: now.business_ms,
        backfill,
        offset_ms: terminal.profile.clock_offset_ms.or(terminal.clock.offset_ms),
        profile: &terminal.profile,
        settings: registry.settings(),
        sequence,
    };
    let record = &mut actions.record;
    fill(record, location, &context);
    cut_items(&mut record.items);
    if terminal.recent.seen(record.key().digest(), record.device_time_ms, backfill) {
        actions.counts.duplicates += 1;
        actions.hold = true;
        return;
    }
    actions.counts.positions += 1;
    actions.counts.quarantined += u64::from(record.flags.has(Flags::QUARANTINED));
    actions.counts.repaired += u64::from(record.flags.has(Flags::TIME_REPAIRED));
    actions.chunk.push(record);
}

/// Sends what waits, repeats what is due, gives up what was tried enough.
fn send_commands(key: &TerminalKey, terminal: &mut Terminal, now_ms: i64, actions: &mut Actions) {
    let (Some(phone), Some(mut commands)) = (terminal.phone, terminal.commands.take()) else { return };
    let edition = terminal.edition;
    commands.in_flight.retain_mut(|c| {
        if c.due_ms() > now_ms {
            return true;
        }
        if c.tries >= limits::COMMAND_TRIES {
            actions.notices.push(Notice::Command(key.clone(), c.id, Outcome::Unanswered));
            return false;
        }
        c.tries += 1;
        c.sent_ms = now_ms;
        // The same sequence again, so that a terminal that did it already does not do it twice.
        actions.down(&Header::new(c.command.message, phone, c.sequence), c.command.body_for(edition));
        true
    });
    while let Some((id, command, asked_ms)) = commands.waiting.front() {
        if now_ms.saturating_sub(*asked_ms) > limits::COMMAND_WAIT_MS {
            actions.notices.push(Notice::Command(key.clone(), *id, Outcome::Expired));
            commands.waiting.pop_front();
            continue;
        }
        if commands.in_flight.len() >= limits::COMMANDS_IN_FLIGHT_MAX {
            break;
        }
        let parts = parts_of(command.body_for(edition).len());
        let sequence = terminal.take_serial(parts);
        actions.down(&Header::new(command.message, phone, sequence), command.body_for(edition));
        let (id, command, _) = commands.waiting.pop_front().expect("the front was just seen");
        actions.notices.push(Notice::Sent(key.clone(), id));
        commands.in_flight.push(InFlight { id, command, sequence, parts, sent_ms: now_ms, tries: 1 });
    }
    if !commands.waiting.is_empty() || !commands.in_flight.is_empty() {
        terminal.commands = Some(commands);
    }
}
