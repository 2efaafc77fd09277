//! One link: frames in, actions out.

use super::actions::{Actions, CloseReason, Notice};
use super::command::send_commands;
use super::limits;
use super::parts::Parts;
use super::registry::{Registry, Shared, lock};
use crate::jt808::{Deframer, Header, Phone};
use crate::position::TerminalKey;
use crate::segments::{DeviceId, PositionLog, Refused};
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

/// A terminal bound to a link.
pub(super) struct Bound {
    pub(super) phone: Phone,
    pub(super) key: TerminalKey,
    pub(super) terminal: Shared,
}

/// One connection or UDP peer.
pub struct Link {
    deframer: Deframer,
    core: Core,
}

/// A link without its bytes: whom it serves, and how it behaved.
pub(super) struct Core {
    pub(super) id: LinkId,
    opened_ms: i64,
    heard_ms: i64,
    good: bool,
    /// Minute of the count, and the count.
    bad: (i64, u32),
    /// Sorted by phone bytes.
    pub(super) bound: Vec<Bound>,
    pub(super) latest: usize,
    pub(super) parts: Parts,
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
    pub(super) fn terminal(
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
}
