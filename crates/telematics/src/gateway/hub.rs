//! What all sockets of a gateway share, and its life: start, counts, drain.

use super::commands::{CommandState, CommandStatus, Ledger};
use super::config::{Config, ConfigFault};
use super::limits;
use super::outbox::OutboxError;
use super::platform::{Platform, PlatformEvent, PlatformRequest};
use super::tracks::FilingCounts;
use super::{mqtt, osmand, tcp, tracks, udp};
use crate::files::{Archive, FilesError, Maintained, TRACKS};
use crate::position::{Position, TerminalKey};
use crate::segments::{Chunk, Clock, LogError, PositionLog, Refused, Ticket};
use crate::session::{
    CloseReason, Command, CommandId, LinkCounts, LinkId, Notice, Now, Outcome, Registry, Reported,
};
use serde::Serialize;
use std::collections::{BTreeMap, HashMap};
use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use thiserror::Error;
use tokio::net::{TcpListener, UdpSocket};
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

/// The two clocks of the design.
#[derive(Clone)]
pub struct Clocks {
    /// For sockets and timeouts, UTC milliseconds.
    pub wall: Clock,
    /// For positions, UTC milliseconds.
    pub business: Clock,
}

impl Clocks {
    /// Both from the machine.
    #[must_use]
    pub fn system() -> Self {
        let wall: Clock = Arc::new(|| jiff::Timestamp::now().as_millisecond());
        Self { business: Arc::clone(&wall), wall }
    }

    pub(super) fn now(&self) -> Now {
        Now { wall_ms: (self.wall)(), business_ms: (self.business)() }
    }
}

/// Why a gateway does not start or stops.
#[derive(Debug, Error)]
pub enum GatewayError {
    /// A socket cannot be opened.
    #[error("T362 cannot listen on {address}: {source}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The track files cannot be opened.
    #[error(transparent)]
    Files(#[from] FilesError),
    /// The outbox of an upper platform cannot be opened.
    #[error(transparent)]
    Outbox(#[from] OutboxError),
    /// The position log cannot be opened.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigFault),
    /// A write or sync of the log failed: the process must end, the next start recovers.
    #[error("T363 the position log failed; nothing more is acknowledged until the gateway is started again")]
    LogFailed,
}

/// Counters of a gateway, monotonic since its start except where said.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Counts {
    /// Links open now.
    pub open: u64,
    /// Links accepted.
    pub accepted: u64,
    /// Links refused because too many were open, in all or from one address.
    pub refused: u64,
    /// Links closed by us, by reason.
    pub closed: BTreeMap<String, u64>,
    /// Links that ended by a fault of a task; always 0 unless there is a bug.
    pub panicked: u64,
    /// Datagrams taken.
    pub datagrams: u64,
    /// Bytes read.
    pub bytes: u64,
    /// Sums over all links.
    pub links: LinkCounts,
    /// Notices dropped because nobody took them.
    pub notices_dropped: u64,
    /// Requests of phone apps, by answer.
    pub app: BTreeMap<u16, u64>,
    /// MQTT messages taken, ignored.
    pub mqtt: [u64; 2],
    /// Terminals known.
    pub terminals: u64,
    /// Filing of sealed segments and retention.
    pub filing: FilingCounts,
    /// Upper platforms by name.
    pub platforms: BTreeMap<String, PlatformCounts>,
}

/// Counters of an upper platform's link.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PlatformCounts {
    /// Logins that succeeded.
    pub logins: u64,
    /// Messages of its that could not be read.
    pub broken: u64,
    /// Requests to it that found no link.
    pub unsent: u64,
    /// Times its outbox failed.
    pub failures: u64,
    /// The last failure.
    pub last_failure: Option<String>,
    /// Events dropped because nobody took them.
    pub events_dropped: u64,
}

/// What the tasks of links add to.
#[derive(Default)]
pub(super) struct Totals {
    pub(super) accepted: AtomicU64,
    pub(super) refused: AtomicU64,
    pub(super) panicked: AtomicU64,
    pub(super) datagrams: AtomicU64,
    pub(super) bytes: AtomicU64,
    pub(super) notices_dropped: AtomicU64,
    pub(super) mqtt: [AtomicU64; 2],
    rest: Mutex<Rest>,
}

#[derive(Default)]
struct Rest {
    filing: FilingCounts,
    platforms: BTreeMap<String, PlatformCounts>,
    closed: BTreeMap<String, u64>,
    links: LinkCounts,
    app: BTreeMap<u16, u64>,
}

/// How others reach the task of a link.
#[derive(Default)]
pub(super) struct Control {
    pub(super) wake: Notify,
    pub(super) tick: AtomicBool,
    moved: Mutex<Vec<TerminalKey>>,
}

impl Control {
    pub(super) fn take_moved(&self) -> Vec<TerminalKey> {
        std::mem::take(&mut *relock(&self.moved))
    }
}

pub(super) fn relock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Plain counts and maps: usable whatever happened to their last holder.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What all sockets share.
pub struct Hub {
    /// Where positions go.
    pub log: PositionLog,
    /// All terminals.
    pub registry: Registry,
    archive: Option<Arc<Archive>>,
    platform_requests: Mutex<HashMap<String, mpsc::Sender<PlatformRequest>>>,
    platform_events: mpsc::Sender<PlatformEvent>,
    /// First sequences that outboxes still have to read.
    held: Mutex<Vec<Arc<AtomicU64>>>,
    pub(super) clocks: Clocks,
    pub(super) totals: Totals,
    pub(super) connections_max: usize,
    pub(super) connections_an_address_max: usize,
    controls: Mutex<HashMap<LinkId, Arc<Control>>>,
    addresses: Mutex<HashMap<IpAddr, u32>>,
    notices: mpsc::Sender<Notice>,
    commands: Mutex<Ledger>,
    command_ended: Notify,
    /// Until when links give way to other work, wall clock in milliseconds.
    give_way_until_ms: AtomicI64,
    started: Instant,
    pub(super) draining: watch::Sender<bool>,
}

impl Hub {
    pub(super) fn now(&self) -> Now {
        self.clocks.now()
    }

    /// Other work of the process is refused for want of places: for [`limits::GIVE_WAY_MS`] links are read more seldom,
    /// and so more of each at once, which is much less work. Nothing that they send is lost.
    pub fn give_way(&self) {
        let until = (self.clocks.wall)() + limits::GIVE_WAY_MS;
        self.give_way_until_ms.fetch_max(until, Ordering::Relaxed);
    }

    pub(super) fn gives_way(&self) -> bool {
        (self.clocks.wall)() < self.give_way_until_ms.load(Ordering::Relaxed)
    }

    /// When a link is read next while links give way: each has its own moment, so that they never come all at once.
    pub(super) fn turn(&self, link: LinkId) -> Instant {
        let pause_us = limits::GIVE_WAY_PAUSE.as_micros() as u64;
        // Golden ratio: links that came one after the other are far apart.
        let phase_us =
            ((u128::from(link.0.wrapping_mul(0x9E37_79B9_7F4A_7C15)) * u128::from(pause_us)) >> 64) as u64;
        let now_us = self.started.elapsed().as_micros() as u64;
        let wait_us = (phase_us + pause_us - now_us % pause_us) % pause_us;
        self.started + Duration::from_micros(now_us + wait_us)
    }

    pub(super) fn enter(&self, link: LinkId) -> Arc<Control> {
        let control = Arc::new(Control::default());
        relock(&self.controls).insert(link, Arc::clone(&control));
        control
    }

    pub(super) fn leave(&self, link: LinkId) {
        relock(&self.controls).remove(&link);
    }

    /// Counts a link of an address; whether it may stay.
    pub(super) fn admit(&self, address: IpAddr) -> bool {
        let open = relock(&self.controls).len();
        let mut addresses = relock(&self.addresses);
        let count = addresses.entry(address).or_default();
        if open >= self.connections_max || *count as usize >= self.connections_an_address_max {
            self.totals.refused.fetch_add(1, Ordering::Relaxed);
            return false;
        }
        *count += 1;
        true
    }

    pub(super) fn dismiss(&self, address: IpAddr) {
        let mut addresses = relock(&self.addresses);
        if let Some(count) = addresses.get_mut(&address) {
            *count -= 1;
            if *count == 0 {
                addresses.remove(&address);
            }
        }
    }

    /// Passes notices on: to the links that must know and to whoever listens.
    pub(super) fn tell(&self, notices: &mut Vec<Notice>) {
        for notice in notices.drain(..) {
            if let Notice::Moved { key, from } = &notice
                && let Some(control) = relock(&self.controls).get(from)
            {
                relock(&control.moved).push(key.clone());
                control.wake.notify_one();
            }
            if relock(&self.commands).told(&notice) {
                self.command_ended.notify_waiters();
            }
            if self.notices.try_send(notice).is_err() {
                self.totals.notices_dropped.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    pub(super) fn count_closed(&self, reason: CloseReason) {
        let name =
            serde_json::to_value(reason).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default();
        *relock(&self.totals.rest).closed.entry(name).or_default() += 1;
    }

    pub(super) fn count_link(&self, counts: &LinkCounts) {
        relock(&self.totals.rest).links.add(counts);
    }

    pub(super) fn count_app(&self, status: u16) {
        *relock(&self.totals.rest).app.entry(status).or_default() += 1;
    }

    /// Sends a command to a terminal: at once if it is there, else when it comes, for a day. It goes out again until
    /// it is answered or was tried often enough; [`Hub::command`] says how far it is, [`Hub::answered`] waits for the
    /// end. Identities begin anew with the process.
    ///
    /// # Errors
    /// The command comes back if the terminal was never seen and has no settings, or too many wait for it.
    pub fn send(&self, key: &TerminalKey, command: Command) -> Result<CommandId, Command> {
        let settings = self.registry.settings();
        if settings.profiles.contains_key(key) || self.log.known_device(key.as_str()).is_some() {
            // A name that cannot be kept makes the terminal unknown, and the command comes back.
            let _ = self.registry.expect(key, &self.log);
        }
        let (message, now_ms) = (command.message, (self.clocks.wall)());
        // The ledger is held so that it hears of the command before anything becomes of it.
        let mut ledger = relock(&self.commands);
        let (id, link) = self.registry.send(key, command, now_ms)?;
        ledger.asked(id, key.clone(), message, now_ms);
        drop(ledger);
        if let Some(control) = link.and_then(|link| relock(&self.controls).get(&link).cloned()) {
            control.tick.store(true, Ordering::Release);
            control.wake.notify_one();
        }
        Ok(id)
    }

    /// How far a command is; nothing for one that was never given, or so long ago that it is forgotten.
    #[must_use]
    pub fn command(&self, id: CommandId) -> Option<CommandStatus> {
        relock(&self.commands).status(id, (self.clocks.wall)())
    }

    /// Waits for the end of a command; nothing for one that is not known.
    pub async fn answered(&self, id: CommandId) -> Option<Outcome> {
        loop {
            let mut ended = std::pin::pin!(self.command_ended.notified());
            // From here on no end is missed.
            ended.as_mut().enable();
            match self.command(id)?.state {
                CommandState::Done(outcome) => return Some(outcome),
                CommandState::Waiting | CommandState::Sent => ended.await,
            }
        }
    }

    /// The track files beside the log, if they are kept here.
    #[must_use]
    pub fn archive(&self) -> Option<&Arc<Archive>> {
        self.archive.as_ref()
    }

    /// The first position that an outbox of an upper platform still has to read.
    pub(super) fn held_from_seq(&self) -> Option<u64> {
        relock(&self.held).iter().map(|seq| seq.load(Ordering::Acquire)).min()
    }

    pub(super) fn count_maintained(&self, done: &Maintained) {
        relock(&self.totals.rest).filing.add(done);
    }

    pub(super) fn maintenance_failed(&self, why: &str) {
        relock(&self.totals.rest).filing.failed(why);
    }

    fn platform_counts(&self, name: &str, change: impl FnOnce(&mut PlatformCounts)) {
        change(relock(&self.totals.rest).platforms.entry(name.to_owned()).or_default());
    }

    pub(super) fn platform_failed(&self, name: &str, err: &OutboxError) {
        self.platform_counts(name, |counts| {
            counts.failures += 1;
            counts.last_failure = Some(err.to_string());
        });
    }

    pub(super) fn platform_unsent(&self, name: &str) {
        self.platform_counts(name, |counts| counts.unsent += 1);
    }

    pub(super) fn tell_platform(&self, event: PlatformEvent) {
        use crate::jt809::Event;
        let name = event.platform.clone();
        let (login, broken) = (event.event == Event::LoggedIn, matches!(event.event, Event::Broken { .. }));
        let dropped = self.platform_events.try_send(event).is_err();
        self.platform_counts(&name, |counts| {
            counts.logins += u64::from(login);
            counts.broken += u64::from(broken);
            counts.events_dropped += u64::from(dropped);
        });
    }

    /// Says something to an upper platform, such as the answer to a post check; counted as unsent if no link is up.
    ///
    /// # Errors
    /// The request comes back if no platform has that name or too many requests wait.
    pub fn platform_send(&self, name: &str, request: PlatformRequest) -> Result<(), PlatformRequest> {
        let Some(sender) = relock(&self.platform_requests).get(name).cloned() else { return Err(request) };
        sender.try_send(request).map_err(|err| err.into_inner())
    }

    /// Appends a chunk, waiting while the log is full. The chunk is never dropped: sessions have already taken note
    /// of what is in it.
    pub(super) async fn append(&self, chunk: &Chunk) -> Result<Ticket, Refused> {
        loop {
            match self.log.append(chunk) {
                Err(Refused::Full) => poll_fn(|cx| self.log.poll_space(chunk.len(), cx)).await?,
                other => return other,
            }
        }
    }

    /// Takes reports of feeds without a session, and waits until they are durable. Gives what became of each.
    ///
    /// # Errors
    /// [`Refused`] if the log failed or a name cannot be kept: nothing may be acknowledged.
    pub async fn report(&self, positions: &[Position]) -> Result<Vec<Reported>, Refused> {
        let mut outcomes = Vec::with_capacity(positions.len());
        for part in positions.chunks(limits::REPORTS_A_CHUNK) {
            let mut chunk = Chunk::default();
            let mut failed = None;
            for position in part {
                match self.registry.report(position, &self.log, self.now(), &mut chunk) {
                    Ok(outcome) => outcomes.push(outcome),
                    Err(refused) => {
                        failed = Some(refused);
                        break;
                    }
                }
            }
            // What the registry has taken note of goes to the log whatever comes after.
            if !chunk.is_empty() {
                self.append(&chunk).await?;
            }
            if let Some(refused) = failed {
                return Err(refused);
            }
        }
        self.durable(self.log.last_ticket()).await?;
        Ok(outcomes)
    }

    /// Waits until everything up to the ticket is durable.
    ///
    /// # Errors
    /// [`Refused::Failed`] if the log failed before.
    pub async fn durable(&self, ticket: Ticket) -> Result<(), Refused> {
        poll_fn(|cx| self.log.poll_durable(ticket, cx)).await
    }

    /// All counters.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let load = |n: &AtomicU64| n.load(Ordering::Relaxed);
        let open = relock(&self.controls).len() as u64;
        let rest = relock(&self.totals.rest);
        let totals = &self.totals;
        Counts {
            open,
            accepted: load(&totals.accepted),
            refused: load(&totals.refused),
            closed: rest.closed.clone(),
            panicked: load(&totals.panicked),
            datagrams: load(&totals.datagrams),
            bytes: load(&totals.bytes),
            links: rest.links,
            notices_dropped: load(&totals.notices_dropped),
            app: rest.app.clone(),
            mqtt: [load(&totals.mqtt[0]), load(&totals.mqtt[1])],
            terminals: self.registry.terminals(),
            filing: rest.filing.clone(),
            platforms: rest.platforms.clone(),
        }
    }
}

/// A gateway that runs.
pub struct Gateway {
    hub: Arc<Hub>,
    tasks: JoinSet<()>,
    tcp: Option<SocketAddr>,
    udp: Option<SocketAddr>,
    osmand: Option<SocketAddr>,
    notices: Option<mpsc::Receiver<Notice>>,
    platform_events: Option<mpsc::Receiver<PlatformEvent>>,
}

impl Gateway {
    /// Opens the sockets of the configuration over a log. Reports of the last time are read back first, so that what
    /// terminals send again is known.
    ///
    /// # Errors
    /// [`GatewayError`] if a socket cannot be opened, the log cannot be read, or the configuration is unusable.
    pub async fn start(config: &Config, log: PositionLog, clocks: Clocks) -> Result<Self, GatewayError> {
        let registry = Registry::new(config.sessions()?);
        restore(&log, &registry)?;
        let (sender, notices) = mpsc::channel(limits::NOTICES_MAX);
        let archive = match config.tracks {
            true => Some(Arc::new(Archive::open(config.dir.join(TRACKS))?)),
            false => None,
        };
        let (platform_sender, platform_events) = mpsc::channel(limits::PLATFORM_EVENTS_MAX);
        let hub = Arc::new(Hub {
            archive: archive.clone(),
            platform_requests: Mutex::default(),
            platform_events: platform_sender,
            held: Mutex::default(),
            log,
            registry,
            clocks,
            totals: Totals::default(),
            connections_max: config.connections_max,
            connections_an_address_max: config.connections_an_address_max,
            controls: Mutex::default(),
            addresses: Mutex::default(),
            notices: sender,
            commands: Mutex::default(),
            command_ended: Notify::new(),
            give_way_until_ms: AtomicI64::new(0),
            started: Instant::now(),
            draining: watch::channel(false).0,
        });
        let mut gateway = Self {
            hub,
            tasks: JoinSet::new(),
            tcp: None,
            udp: None,
            osmand: None,
            notices: Some(notices),
            platform_events: Some(platform_events),
        };
        if let Some(address) = config.tcp {
            let refuse = |source| GatewayError::Listen { address, source };
            let listener = listen(address).map_err(refuse)?;
            gateway.tcp = Some(listener.local_addr().map_err(refuse)?);
            gateway.tasks.spawn(tcp::accept(Arc::clone(&gateway.hub), listener));
        }
        if let Some(address) = config.udp {
            let refuse = |source| GatewayError::Listen { address, source };
            let socket = UdpSocket::bind(address).await.map_err(refuse)?;
            gateway.udp = Some(socket.local_addr().map_err(refuse)?);
            gateway.tasks.spawn(udp::serve(Arc::clone(&gateway.hub), socket));
        }
        if let Some(address) = config.osmand {
            let refuse = |source| GatewayError::Listen { address, source };
            let listener = listen(address).map_err(refuse)?;
            gateway.osmand = Some(listener.local_addr().map_err(refuse)?);
            gateway.tasks.spawn(osmand::serve(Arc::clone(&gateway.hub), listener));
        }
        if let Some(broker) = &config.mqtt {
            let client = mqtt::Client::new(broker)?;
            gateway.tasks.spawn(client.run(Arc::clone(&gateway.hub)));
        }
        for platform in &config.platforms {
            let (requests, waiting) = mpsc::channel(limits::PLATFORM_REQUESTS_MAX);
            let held = Arc::new(AtomicU64::new(0));
            let hub = &gateway.hub;
            let opened = Platform::open(platform, &config.dir, hub, Arc::clone(&held), waiting).await?;
            relock(&hub.held).push(held);
            relock(&hub.platform_requests).insert(platform.name.clone(), requests);
            gateway.tasks.spawn(opened.run(Arc::clone(hub)));
        }
        if let Some(archive) = archive {
            gateway.tasks.spawn(tracks::run(Arc::clone(&gateway.hub), archive, config.retention()));
        }
        Ok(gateway)
    }

    /// What all sockets share: log, registry, counters, commands down.
    #[must_use]
    pub fn hub(&self) -> &Arc<Hub> {
        &self.hub
    }

    /// Where TCP listens.
    #[must_use]
    pub fn tcp(&self) -> Option<SocketAddr> {
        self.tcp
    }

    /// Where UDP listens.
    #[must_use]
    pub fn udp(&self) -> Option<SocketAddr> {
        self.udp
    }

    /// Where phone apps report.
    #[must_use]
    pub fn osmand(&self) -> Option<SocketAddr> {
        self.osmand
    }

    /// What listens where.
    #[must_use]
    pub fn addresses(&self) -> Vec<(&'static str, SocketAddr)> {
        let all = [("jt808/tcp", self.tcp), ("jt808/udp", self.udp), ("osmand", self.osmand)];
        all.into_iter().filter_map(|(name, address)| Some((name, address?))).collect()
    }

    /// The stream of notices, once.
    pub fn notices(&mut self) -> Option<mpsc::Receiver<Notice>> {
        self.notices.take()
    }

    /// The stream of events of upper platforms, once.
    pub fn platform_events(&mut self) -> Option<mpsc::Receiver<PlatformEvent>> {
        self.platform_events.take()
    }

    /// Completes when the log has failed, so that the process must end.
    pub async fn failed(&self) {
        loop {
            let ticket = self.hub.log.last_ticket();
            // A ticket beyond the last: ready only by failure, or by the next append.
            if self.hub.durable(Ticket(ticket.0 + 1)).await.is_err() {
                return;
            }
        }
    }

    /// Takes nothing more, answers what was taken, and closes; gives the final counts.
    pub async fn drain(mut self) -> Counts {
        self.hub.draining.send_replace(true);
        let all = async { while self.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(limits::DRAIN + Duration::from_secs(2), all).await.is_err() {
            self.tasks.abort_all();
        }
        let ticket = self.hub.log.last_ticket();
        // A failed log has been told already by `failed`.
        let _ = self.hub.durable(ticket).await;
        self.hub.counts()
    }
}

/// Completes when the gateway drains.
pub(super) async fn drained(receiver: &mut watch::Receiver<bool>) {
    // An error is a hub that is gone: the same wish.
    let _ = receiver.wait_for(|d| *d).await;
}

/// A listener whose queue holds a storm of reconnecting terminals.
fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket =
        if address.is_ipv4() { tokio::net::TcpSocket::new_v4()? } else { tokio::net::TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(4096)
}

fn restore(log: &PositionLog, registry: &Registry) -> Result<(), LogError> {
    let keys = registry.keys_by_vehicle();
    let names = log.devices();
    log.recent(limits::RESTORE_POSITIONS, |record| {
        let Some(name) = names.get(record.device.0 as usize) else { return };
        let key = keys.get(&**name).cloned().unwrap_or_else(|| TerminalKey::verbatim(name));
        // A name that the log holds can be kept again.
        let _ = registry.restore(&key, record, log);
    })
}
