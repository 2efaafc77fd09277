//! One terminal across all its links.

use super::clock::ClockWatch;
use super::command::{Command, CommandId, InFlight};
use super::link::LinkId;
use super::recent::Recent;
use super::registry::TerminalProfile;
use crate::jt808::{Edition, Phone};
use crate::segments::DeviceId;
use std::collections::VecDeque;

/// What a registry keeps of a terminal.
pub(super) struct Terminal {
    pub(super) device: DeviceId,
    pub(super) profile: TerminalProfile,
    /// The newest link, the only one that speaks for it.
    pub(super) link: Option<LinkId>,
    pub(super) authenticated: bool,
    pub(super) edition: Option<Edition>,
    pub(super) phone: Option<Phone>,
    /// Sequence of the next message down.
    pub(super) serial: u16,
    pub(super) recent: Recent,
    pub(super) clock: ClockWatch,
    /// Rare: allocated when the first command comes.
    pub(super) commands: Option<Box<Commands>>,
}

/// Commands of a terminal.
#[derive(Default)]
pub(super) struct Commands {
    pub(super) waiting: VecDeque<(CommandId, Command, i64)>,
    pub(super) in_flight: Vec<InFlight>,
}

impl Terminal {
    pub(super) fn new(device: DeviceId, profile: TerminalProfile) -> Self {
        Self {
            device,
            profile,
            link: None,
            authenticated: false,
            edition: None,
            phone: None,
            serial: 0,
            recent: Recent::default(),
            clock: ClockWatch::default(),
            commands: None,
        }
    }

    /// Takes `count` sequences for messages down; gives the first.
    pub(super) fn take_serial(&mut self, count: u16) -> u16 {
        let first = self.serial;
        self.serial = self.serial.wrapping_add(count);
        first
    }

    /// Takes the command that a general reply or an answer with this sequence ends.
    pub(super) fn answered(&mut self, sequence: u16, answer: impl Fn(&InFlight) -> bool) -> Option<InFlight> {
        let commands = self.commands.as_mut()?;
        let at = commands.in_flight.iter().position(|c| c.answers(sequence) && answer(c))?;
        Some(commands.in_flight.swap_remove(at))
    }
}
