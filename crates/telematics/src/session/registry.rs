//! All terminals, across links.

use super::command::{Command, CommandId};
use super::limits::{COMMANDS_WAITING_MAX, FIRST_FRAME_MS, IDLE_MS, TERMINALS_MAX};
use super::link::{LinkId, Names};
use super::terminal::Terminal;
use crate::position::TerminalKey;
use crate::segments::{Area, DeviceId, Record, Refused};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use xiangyun_model::geo::Datum;

/// What is set for a terminal.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TerminalProfile {
    /// Datum of its coordinates; without it status bit 5 decides.
    pub datum: Option<Datum>,
    /// Known error of its clock, milliseconds, device minus truth.
    pub clock_offset_ms: Option<i64>,
    /// The vehicle that carries it: positions are stored under this name; without it under the terminal's key.
    pub vehicle: Option<String>,
}

/// How sessions behave.
#[derive(Clone, Debug)]
pub struct SessionSettings {
    /// Whether a terminal must authenticate before its reports are taken.
    pub require_authentication: bool,
    /// Whether terminals without a profile are taken.
    pub accept_unknown: bool,
    /// Secret from which authentication codes are made; the same code for the same terminal for ever.
    pub secret: String,
    /// Profiles by terminal key.
    pub profiles: BTreeMap<TerminalKey, TerminalProfile>,
    /// Reports outside this rectangle are set aside.
    pub region: Area,
    /// Silence that closes a link, milliseconds.
    pub idle_ms: i64,
    /// Time to the first good frame, milliseconds.
    pub first_frame_ms: i64,
    /// Terminals known at once.
    pub terminals_max: usize,
}

impl Default for SessionSettings {
    fn default() -> Self {
        Self {
            require_authentication: false,
            accept_unknown: true,
            secret: String::new(),
            profiles: BTreeMap::new(),
            // China and its seas, generously.
            region: Area {
                min_lon_e6: 72_000_000,
                min_lat_e6: 800_000,
                max_lon_e6: 138_000_000,
                max_lat_e6: 56_000_000,
            },
            idle_ms: IDLE_MS,
            first_frame_ms: FIRST_FRAME_MS,
            terminals_max: TERMINALS_MAX,
        }
    }
}

const SHARDS: usize = 16;

/// A terminal shared by the links that know it.
pub(super) type Shared = Arc<Mutex<Terminal>>;

/// All terminals, across links. Shared by reference among threads.
pub struct Registry {
    settings: SessionSettings,
    shards: [Mutex<HashMap<TerminalKey, Shared>>; SHARDS],
    next_link: AtomicU64,
    next_command: AtomicU64,
    count: AtomicU64,
}

pub(super) fn lock(terminal: &Shared) -> MutexGuard<'_, Terminal> {
    // A panic while holding it ends one link; the terminal's plain data stays usable.
    terminal.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

impl Registry {
    /// An empty registry.
    #[must_use]
    pub fn new(settings: SessionSettings) -> Self {
        Self {
            settings,
            shards: std::array::from_fn(|_| Mutex::new(HashMap::new())),
            next_link: AtomicU64::new(1),
            next_command: AtomicU64::new(1),
            count: AtomicU64::new(0),
        }
    }

    /// The settings.
    #[must_use]
    pub fn settings(&self) -> &SessionSettings {
        &self.settings
    }

    /// A link identity never given before.
    pub fn next_link_id(&self) -> LinkId {
        LinkId(self.next_link.fetch_add(1, Ordering::Relaxed))
    }

    /// Terminals known.
    #[must_use]
    pub fn terminals(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    /// Terminals with a link, and the link's identity, sorted by key.
    #[must_use]
    pub fn online(&self) -> Vec<(TerminalKey, LinkId)> {
        let mut found = Vec::new();
        for shard in &self.shards {
            let shard = shard.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            found.extend(shard.iter().filter_map(|(key, t)| Some((key.clone(), lock(t).link?))));
        }
        found.sort();
        found
    }

    fn shard(&self, key: &TerminalKey) -> &Mutex<HashMap<TerminalKey, Shared>> {
        // FNV-1a of the text: any spread will do.
        let hash = key
            .as_str()
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x100_0000_01b3));
        &self.shards[(hash >> 32) as usize % SHARDS]
    }

    pub(super) fn find(&self, key: &TerminalKey) -> Option<Shared> {
        self.shard(key).lock().unwrap_or_else(std::sync::PoisonError::into_inner).get(key).cloned()
    }

    /// The terminal of a key, made if it is new; nothing if unknown ones are refused or there are too many.
    pub(super) fn find_or_make(
        &self,
        key: &TerminalKey,
        names: &dyn Names,
    ) -> Result<Option<Shared>, Refused> {
        let mut shard = self.shard(key).lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(known) = shard.get(key) {
            return Ok(Some(Arc::clone(known)));
        }
        let profile = self.settings.profiles.get(key);
        if profile.is_none() && !self.settings.accept_unknown
            || self.count.load(Ordering::Relaxed) >= self.settings.terminals_max as u64
        {
            return Ok(None);
        }
        let profile = profile.cloned().unwrap_or_default();
        let device = names.device(profile.vehicle.as_deref().unwrap_or(key.as_str()))?;
        let made = Arc::new(Mutex::new(Terminal::new(device, profile)));
        shard.insert(key.clone(), Arc::clone(&made));
        self.count.fetch_add(1, Ordering::Relaxed);
        Ok(Some(made))
    }

    /// Remembers a stored report after a restart, so that the terminal may send it again in safety. `key` is the
    /// terminal or vehicle name under which it is stored.
    ///
    /// # Errors
    /// [`Refused`] if the name cannot be kept.
    pub fn restore(&self, key: &TerminalKey, record: &Record, names: &dyn Names) -> Result<(), Refused> {
        if let Some(terminal) = self.find_or_make(key, names)? {
            lock(&terminal).recent.insert(record.key().digest(), record.device_time_ms, true);
        }
        Ok(())
    }

    /// Keys by the name under which their positions are stored, where that is not the key itself.
    #[must_use]
    pub fn keys_by_vehicle(&self) -> BTreeMap<String, TerminalKey> {
        let with_vehicle = |(k, p): (&TerminalKey, &TerminalProfile)| Some((p.vehicle.clone()?, k.clone()));
        self.settings.profiles.iter().filter_map(with_vehicle).collect()
    }

    /// The code that registration gives to a terminal and authentication asks for.
    #[must_use]
    pub fn authentication_code(&self, key: &TerminalKey) -> String {
        let mut hash = Sha256::new();
        hash.update(self.settings.secret.as_bytes());
        hash.update([0]);
        hash.update(key.as_str().as_bytes());
        hash.finalize()[..8].iter().map(|b| format!("{b:02x}")).collect()
    }

    /// Makes a terminal known before it has come, so that commands can wait for it; whether it is taken.
    ///
    /// # Errors
    /// [`Refused`] if the name cannot be kept.
    pub fn expect(&self, key: &TerminalKey, names: &dyn Names) -> Result<bool, Refused> {
        Ok(self.find_or_make(key, names)?.is_some())
    }

    /// Puts a command into the queue of a terminal; its link sends it when [`super::Link::tick`] is next called.
    ///
    /// # Errors
    /// The command comes back if the terminal is not known or too many wait for it.
    pub fn send(
        &self,
        key: &TerminalKey,
        command: Command,
        now_ms: i64,
    ) -> Result<(CommandId, Option<LinkId>), Command> {
        let Some(terminal) = self.find(key) else { return Err(command) };
        let mut terminal = lock(&terminal);
        let link = terminal.link;
        let commands = terminal.commands.get_or_insert_default();
        if commands.waiting.len() >= COMMANDS_WAITING_MAX {
            return Err(command);
        }
        let id = CommandId(self.next_command.fetch_add(1, Ordering::Relaxed));
        commands.waiting.push_back((id, command, now_ms));
        Ok((id, link))
    }

    /// The device index of a terminal, if known.
    #[must_use]
    pub fn device(&self, key: &TerminalKey) -> Option<DeviceId> {
        self.find(key).map(|t| lock(&t).device)
    }
}
