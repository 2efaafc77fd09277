//! The lower platform of JT/T 809 on real sockets: one task for each upper platform drives [`Lower`].

use super::config::{ConfigFault, PlatformConfig, read_secret};
use super::hub::{Hub, drained};
use super::limits;
use super::outbox::LogOutbox;
use crate::jt808::Edition;
use crate::jt809::{Action, Cipher, Event, Input, Link, Lower, LowerSettings, VehicleMessage};
use std::future::Future;
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

/// Something to say to an upper platform.
#[derive(Clone, Debug)]
pub enum PlatformRequest {
    /// A message between platforms, such as the answer to a post check (0x1300, 0x1301).
    Platform {
        /// Message id.
        id: u16,
        /// Sub id.
        sub_id: u16,
        /// Sub body.
        body: Vec<u8>,
    },
    /// A message about a vehicle, such as a planned route (0x1200, 0x120E).
    Vehicle {
        /// Message id.
        id: u16,
        /// Plate.
        plate: String,
        /// Colour of the plate.
        colour: u8,
        /// Sub id.
        sub_id: u16,
        /// Sub body.
        body: Vec<u8>,
    },
}

/// What an upper platform did or said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlatformEvent {
    /// Name of the platform in the configuration.
    pub platform: String,
    /// What happened.
    pub event: Event,
}

/// One upper platform, ready to run.
pub(super) struct Platform {
    name: String,
    address: String,
    lower: Lower,
    outbox: LogOutbox,
    listener: Option<TcpListener>,
    requests: mpsc::Receiver<PlatformRequest>,
    /// The outbox failed: it is left alone until the next tick.
    rests: bool,
}

type Connecting = Pin<Box<dyn Future<Output = io::Result<TcpStream>> + Send>>;

/// A link that is up.
struct Wire {
    read: OwnedReadHalf,
    write: OwnedWriteHalf,
}

impl Wire {
    fn new(stream: TcpStream) -> Self {
        let (read, write) = stream.into_split();
        Self { read, write }
    }
}

/// Reads what a link brings; never ready where there is none.
async fn receive(wire: &mut Option<Wire>, bytes: &mut [u8]) -> io::Result<usize> {
    match wire {
        Some(wire) => wire.read.read(bytes).await,
        None => std::future::pending().await,
    }
}

impl Platform {
    /// Reads secrets, opens the outbox and the socket for the link back.
    pub(super) async fn open(
        config: &PlatformConfig,
        dir: &Path,
        hub: &Hub,
        held: Arc<AtomicU64>,
        requests: mpsc::Receiver<PlatformRequest>,
    ) -> Result<Self, super::GatewayError> {
        let form = |message: String| ConfigFault::Form { path: dir.to_owned(), message };
        let edition = match config.edition {
            2011 => Edition::V2011,
            2019 => Edition::V2019,
            other => {
                let message = format!("platforms.{}: edition {other} must be 2011 or 2019", config.name);
                return Err(form(message).into());
            }
        };
        let good = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
        if config.name.is_empty() || !config.name.bytes().all(good) {
            let message = format!("platforms.name {:?} must be letters, digits, - or _", config.name);
            return Err(form(message).into());
        }
        let password = read_secret(&config.password_file)?;
        let mut settings = LowerSettings::new(edition, config.user, &password, config.access_code);
        if let Some([m1, ia1, ic1]) = config.encryption {
            let cipher = Cipher::new(m1, ia1, ic1)
                .map_err(|fault| form(format!("platforms.{}: {fault}", config.name)))?;
            settings.cipher = Some((cipher, config.access_code.max(1)));
        }
        let listener = match config.listen {
            Some(address) => {
                let refuse = |source| super::GatewayError::Listen { address, source };
                Some(TcpListener::bind(address).await.map_err(refuse)?)
            }
            None => None,
        };
        if let Some(told) = &config.told_address {
            settings.down_ip.clone_from(told);
        }
        let port = listener.as_ref().and_then(|l| l.local_addr().ok()).map_or(0, |a| a.port());
        settings.down_port = port;
        let path = dir.join(format!("{}.outbox", config.name));
        let outbox = LogOutbox::open(&path, &config.vehicles, &hub.log, hub.clocks.clone(), held)?;
        Ok(Self {
            name: config.name.clone(),
            address: config.address.clone(),
            lower: Lower::new(settings, &outbox),
            outbox,
            listener,
            requests,
            rests: false,
        })
    }

    /// Keeps the links, forwards positions, passes events on, until the gateway drains.
    pub(super) async fn run(mut self, hub: Arc<Hub>) {
        let mut draining = hub.draining.subscribe();
        let mut wires: [Option<Wire>; 2] = [None, None];
        let mut connecting: Option<Connecting> = None;
        let (mut main_bytes, mut sub_bytes) = (vec![0; limits::PLATFORM_READ_BYTES], vec![0; 4096]);
        let mut tick = tokio::time::interval(Duration::from_secs(1));
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let sends = !self.rests && self.lower.takes_positions(&self.outbox);
            let backlog = sends && self.outbox.last_read() > self.lower.sent();
            // The log wakes us only while what it has could be sent.
            let hungry = sends && !backlog && !self.outbox.is_full();
            let [main, sub] = &mut wires;
            let actions = tokio::select! {
                () = drained(&mut draining) => break,
                _ = tick.tick() => {
                    self.rests = false;
                    self.step(&hub, Input::Tick)
                }
                () = std::future::ready(()), if backlog => self.step(&hub, Input::Tick),
                more = self.outbox.follower().more(), if hungry => match more {
                    Ok(()) => self.step(&hub, Input::Tick),
                    Err(_) => break,
                },
                Some(request) = self.requests.recv() => self.say(&hub, request),
                made = async { match &mut connecting {
                    Some(connecting) => connecting.await,
                    None => std::future::pending().await,
                } } => {
                    connecting = None;
                    match made {
                        Ok(stream) => {
                            *main = Some(Wire::new(stream));
                            self.step(&hub, Input::Opened(Link::Main))
                        }
                        Err(_) => self.step(&hub, Input::Closed(Link::Main)),
                    }
                }
                accepted = accept(self.listener.as_ref()) => match accepted {
                    // The newest link is the one that counts, as with terminals.
                    Ok(stream) => {
                        *sub = Some(Wire::new(stream));
                        self.step(&hub, Input::Opened(Link::Subordinate))
                    }
                    Err(_) => Vec::new(),
                },
                read = receive(main, &mut main_bytes) => match read {
                    Ok(count) if count > 0 => self.step(&hub, Input::Bytes(Link::Main, &main_bytes[..count])),
                    _ => {
                        *main = None;
                        self.step(&hub, Input::Closed(Link::Main))
                    }
                },
                read = receive(sub, &mut sub_bytes) => match read {
                    Ok(count) if count > 0 => {
                        self.step(&hub, Input::Bytes(Link::Subordinate, &sub_bytes[..count]))
                    }
                    _ => {
                        *sub = None;
                        self.step(&hub, Input::Closed(Link::Subordinate))
                    }
                },
            };
            self.act(&hub, actions, &mut wires, &mut connecting).await;
        }
        let mut goodbye = Vec::new();
        self.lower.log_out((hub.clocks.wall)(), &mut goodbye);
        let parting = self.act(&hub, goodbye, &mut wires, &mut connecting);
        // A platform that does not read does not hold us up.
        let _ = tokio::time::timeout(Duration::from_secs(2), parting).await;
    }

    fn step(&mut self, hub: &Hub, input: Input<'_>) -> Vec<Action> {
        match self.lower.step((hub.clocks.wall)(), input, &mut self.outbox) {
            Ok(actions) => actions,
            Err(err) => {
                self.rests = true;
                hub.platform_failed(&self.name, &err);
                Vec::new()
            }
        }
    }

    fn say(&mut self, hub: &Hub, request: PlatformRequest) -> Vec<Action> {
        let mut actions = Vec::new();
        let now_ms = (hub.clocks.wall)();
        let sent = match request {
            PlatformRequest::Platform { id, sub_id, body } => {
                self.lower.send_platform(id, sub_id, body, now_ms, &mut actions)
            }
            PlatformRequest::Vehicle { id, plate, colour, sub_id, body } => {
                let plate = crate::text::Text::new(&plate);
                let message = VehicleMessage::new(&plate, colour, sub_id, body);
                self.lower.send_about_vehicle(id, message, now_ms, &mut actions)
            }
        };
        if !sent {
            hub.platform_unsent(&self.name);
        }
        actions
    }

    async fn act(
        &mut self,
        hub: &Hub,
        actions: Vec<Action>,
        wires: &mut [Option<Wire>; 2],
        connecting: &mut Option<Connecting>,
    ) {
        let mut todo = std::collections::VecDeque::from(actions);
        while let Some(action) = todo.pop_front() {
            match action {
                Action::Open => {
                    let address = self.address.clone();
                    *connecting = Some(Box::pin(async move {
                        tokio::time::timeout(limits::PLATFORM_CONNECT, TcpStream::connect(address))
                            .await
                            .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
                    }));
                }
                Action::Send(link, bytes) => {
                    let Some(wire) = &mut wires[usize::from(link == Link::Subordinate)] else { continue };
                    let write = wire.write.write_all(&bytes);
                    let written = tokio::time::timeout(limits::WRITE_STALL, write).await;
                    if !matches!(written, Ok(Ok(()))) {
                        wires[usize::from(link == Link::Subordinate)] = None;
                        todo.extend(self.step(hub, Input::Closed(link)));
                    }
                }
                Action::Close(link) => {
                    if wires[usize::from(link == Link::Subordinate)].take().is_some() {
                        todo.extend(self.step(hub, Input::Closed(link)));
                    }
                }
                Action::Event(event) => {
                    hub.tell_platform(PlatformEvent { platform: self.name.clone(), event });
                }
            }
        }
    }
}

async fn accept(listener: Option<&TcpListener>) -> io::Result<TcpStream> {
    match listener {
        Some(listener) => listener.accept().await.map(|(stream, _)| stream),
        None => std::future::pending().await,
    }
}
