//! What each message from a terminal does.

use super::actions::{Actions, CloseReason, Notice};
use super::command::{InFlight, Outcome, answer_of, is_answer};
use super::link::{Core, Names, Now};
use super::location::{Context, Location, fill};
use super::registry::{Registry, Shared, lock};
use super::terminal::Terminal;
use crate::bcd::BcdTime;
use crate::jt808::Header;
use crate::position::Flags;
use crate::segments::limits::ITEMS_BYTES_MAX;

const DONE: u8 = 0;
const FAILED: u8 = 1;
const WRONG: u8 = 2;

impl Core {
    #[allow(clippy::too_many_arguments)] // the frame in its three views, and the surroundings
    pub(super) fn frame(
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

    pub(super) fn ask_for_missing(&mut self, now_ms: i64, actions: &mut Actions) {
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
