//! The daemon: everything put together, started, and ended in order.

use crate::api;
use crate::app::{App, Parts};
use crate::auth::session::Doors;
use crate::clock::{Clock, wall_ms};
use crate::config::Config;
use crate::fleet::{Seals, note_seals, track};
use crate::http;
use crate::machine::{Day, Env, World, read};
use crate::metrics::Reason;
use crate::pages::map::Background;
use crate::{live, relay, runs, tables, ticks, worker};
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, RwLock};
use std::time::Duration;
use thiserror::Error;
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use xiangyun_model::problem::Problems;
use xiangyun_planning::output::MapData;
use xiangyun_planning::{county, network};
use xiangyun_store::backend::Store;
use xiangyun_store::error::StoreError;
use xiangyun_store::log;
use xiangyun_store::personal::{KEY_BYTES, MasterKey, Vault};
use xiangyun_store::writer::Writer;
use xiangyun_telematics::gateway::{Clocks, Config as GatewayConfig, Gateway, GatewayError};
use xiangyun_telematics::segments::{Folder, LogError, PositionLog};

/// Longest time to end in all.
pub const END: Duration = Duration::from_secs(15);
/// Days that answers to Idempotency-Keys are kept.
pub const KEYS_KEPT_DAYS: i64 = 3;

/// Days that delivered items of the outbox are kept.
pub const DELIVERED_KEPT_DAYS: i64 = 7;

/// Why the daemon does not start or must end.
#[derive(Debug, Error)]
pub enum DaemonError {
    /// The county cannot be read.
    #[error("H652 the county cannot be read: {} problems", .0.list().len())]
    County(Problems),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The gateway.
    #[error(transparent)]
    Gateway(#[from] GatewayError),
    /// The position log.
    #[error(transparent)]
    Positions(#[from] LogError),
    /// A socket.
    #[error("H653 cannot listen on {address}: {source}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// A file of the daemon's own.
    #[error("H654 {}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The configuration of the gateway.
    #[error("H651 [gateway]: {0}")]
    GatewayForm(String),
}

/// A running daemon.
pub struct Daemon {
    app: Arc<App>,
    address: SocketAddr,
    gateway: Gateway,
    first_run: Option<String>,
    writer: oneshot::Receiver<Result<(), StoreError>>,
    server: JoinHandle<()>,
    tasks: Vec<JoinHandle<()>>,
    thinker: std::thread::JoinHandle<()>,
}

/// Reads the master key, or makes it where there is none.
///
/// # Errors
/// A file that cannot be read or written, or holds no key.
pub fn master_key(path: &Path) -> Result<MasterKey, DaemonError> {
    let file = |source| DaemonError::File { path: path.to_owned(), source };
    match std::fs::read(path) {
        Ok(bytes) => {
            let key: [u8; KEY_BYTES] =
                bytes.try_into().map_err(|_| file(io::Error::other("a master key has 32 bytes")))?;
            Ok(MasterKey::new(key))
        }
        Err(err) if err.kind() == io::ErrorKind::NotFound => {
            use std::io::Write;
            use std::os::unix::fs::OpenOptionsExt;
            if let Some(dir) = path.parent() {
                std::fs::create_dir_all(dir).map_err(file)?;
            }
            let key = MasterKey::generate();
            let mut out = std::fs::OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(path)
                .map_err(file)?;
            out.write_all(key.bytes()).and_then(|()| out.sync_all()).map_err(file)?;
            Ok(key)
        }
        Err(err) => Err(file(err)),
    }
}

/// Opens the store with its read models.
///
/// # Errors
/// The database's faults.
pub async fn open_store(config: &Config) -> Result<Store, DaemonError> {
    std::fs::create_dir_all(&config.data)
        .map_err(|source| DaemonError::File { path: config.data.clone(), source })?;
    let store = Store::open(&config.store_url()).await?;
    store.define(tables::TABLES).await?;
    store.define(tables::OWN).await?;
    Ok(store)
}

fn gateway_config(config: &Config) -> Result<GatewayConfig, DaemonError> {
    let mut table = config.gateway.clone();
    let dir = config.data.join("positions");
    table.insert("dir".into(), toml::Value::String(dir.display().to_string()));
    let text = toml::to_string(&table).map_err(|e| DaemonError::GatewayForm(e.to_string()))?;
    GatewayConfig::parse(&text).map_err(DaemonError::GatewayForm)
}

fn listen(address: SocketAddr) -> Result<TcpListener, DaemonError> {
    let refuse = |source| DaemonError::Listen { address, source };
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }.map_err(refuse)?;
    socket.set_reuseaddr(true).map_err(refuse)?;
    socket.bind(address).map_err(refuse)?;
    socket.listen(4_096).map_err(refuse)
}

impl Daemon {
    /// Starts everything; requests are answered when this returns.
    ///
    /// # Errors
    /// [`DaemonError`] names what cannot be opened.
    pub async fn start(config: Config) -> Result<Self, DaemonError> {
        let config = Arc::new(config);
        let county = {
            let dir = config.county.clone();
            let loaded = tokio::task::spawn_blocking(move || county::load_dir(&dir)).await;
            Arc::new(
                loaded.map_err(|e| DaemonError::GatewayForm(e.to_string()))?.map_err(DaemonError::County)?,
            )
        };
        let gateway_config = gateway_config(&config)?;
        let acceptor = match (&config.listen.tls_cert, &config.listen.tls_key) {
            (Some(cert), Some(key)) => Some(
                http::tls(cert, key).map_err(|source| DaemonError::File { path: cert.clone(), source })?,
            ),
            _ => None,
        };
        let listener = listen(config.listen.http)?;
        let address = listener
            .local_addr()
            .map_err(|source| DaemonError::Listen { address: config.listen.http, source })?;
        let store = open_store(&config).await?;
        let master = master_key(&config.key_file())?;
        let head = log::head(&store, &county.code).await?;
        let last = log::read(&store, &county.code, head.seq - 1, 1).await?;
        let clock = Clock::new(&config.clock, last.first().map_or(0, |e| e.at_ms));
        let world = Arc::new(RwLock::new(World::new(&county.code)));
        let env = Env {
            county: county.code.clone(),
            clock: clock.clone(),
            config: Arc::clone(&config),
            world: Arc::clone(&world),
            zone_offset_s: ticks::zone_offset_s(&county.time_zone, clock.now_ms()),
        };
        let (writer, handle) = Writer::<Day>::recover(&store, &county.code, &env).await?;
        let doors = Doors::load(&store, &county.code).await?;
        let first_run = (!read(&world).office.has_admin()).then(|| doors.open_first_run());
        let vault = Vault::open(&store, master.clone()).await?;
        let writer = writer.spawn().map_err(|source| DaemonError::File { path: "writer".into(), source })?;
        let parts = Parts {
            config,
            county,
            clock: clock.clone(),
            store,
            world,
            doors,
            master,
            vault,
            writer: handle,
        };
        let app = Arc::new(App::new(parts));
        let (gateway, mut tasks) = start_gateway(&app, gateway_config).await?;
        tasks.push(tokio::spawn(live::pump(Arc::clone(&app))));
        tasks.push(tokio::spawn(ticks::run(Arc::clone(&app))));
        tasks.push(tokio::spawn(relay::run(Arc::clone(&app))));
        tasks.push(tokio::spawn(runs::work(Arc::clone(&app))));
        tasks.push(tokio::spawn(housekeeping(Arc::clone(&app))));
        let (weak, handle) = (Arc::downgrade(&app), tokio::runtime::Handle::current());
        let thinker = std::thread::Builder::new()
            .name("thinker".into())
            .spawn(move || worker::run(&weak, &handle))
            .map_err(|source| DaemonError::File { path: "thinker".into(), source })?;
        let roads = load_roads(&app);
        if clock.is_stepped() {
            // The same steps are the same day, however long reading takes.
            let _ = roads.await;
        }
        let router = api::router(&app);
        let server = tokio::spawn(http::serve(Arc::clone(&app), listener, router, acceptor));
        app.ready.send_replace(true);
        Ok(Self { app, address, gateway, first_run, writer, server, tasks, thinker })
    }

    /// Where HTTP listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its URL.
    #[must_use]
    pub fn url(&self) -> String {
        format!("{}://{}", if self.app.secure() { "https" } else { "http" }, self.address)
    }

    /// Where JT/T 808 listens on TCP.
    #[must_use]
    pub fn jt808(&self) -> Option<SocketAddr> {
        self.gateway.tcp()
    }

    /// Everything that listens beside HTTP.
    #[must_use]
    pub fn feeds(&self) -> Vec<(&'static str, SocketAddr)> {
        self.gateway.addresses()
    }

    /// The token for the first administrator, when there is none yet.
    #[must_use]
    pub fn first_run(&self) -> Option<&str> {
        self.first_run.as_deref()
    }

    /// What every request shares, for those in the same process.
    #[must_use]
    pub fn app(&self) -> &Arc<App> {
        &self.app
    }

    /// Completes when the store or the position log has failed: the process must end, the next start recovers.
    pub async fn failed(&mut self) -> String {
        tokio::select! {
            ended = &mut self.writer => match ended {
                Ok(Ok(())) => "the writer ended".to_owned(),
                Ok(Err(err)) => err.to_string(),
                Err(err) => err.to_string(),
            },
            () = self.gateway.failed() => "the position log failed".to_owned(),
        }
    }

    /// Ends in order: nothing more is taken, what is under way is finished, the writer leaves a snapshot.
    ///
    /// # Errors
    /// What the writer met last.
    pub async fn end(self) -> Result<(), StoreError> {
        self.app.ready.send_replace(false);
        self.app.draining.send_replace(true);
        self.app.runs.stop_all();
        let _ = self.server.await;
        self.gateway.drain().await;
        for task in self.tasks {
            task.abort();
            let _ = task.await;
        }
        // It ends by itself within a look; a round that takes longer is not waited for, the store refuses its commands.
        let thinker = self.thinker;
        let thought = tokio::task::spawn_blocking(move || thinker.join());
        let _ = tokio::time::timeout(END / 3, thought).await;
        self.app.close_writer();
        match tokio::time::timeout(END, self.writer).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(err)) => Err(StoreError::Fatal { what: err.to_string() }),
            Err(_) => Err(StoreError::Fatal { what: "the writer did not end in time".into() }),
        }
    }
}

async fn start_gateway(
    app: &Arc<App>,
    config: GatewayConfig,
) -> Result<(Gateway, Vec<JoinHandle<()>>), DaemonError> {
    let business = {
        let clock = app.clock.clone();
        Arc::new(move || clock.now_ms()) as xiangyun_telematics::segments::Clock
    };
    let clocks = Clocks { wall: Arc::new(wall_ms), business };
    let (sender, seals) = mpsc::channel(crate::fleet::SEALED_MAX);
    let folder =
        Folder::open(&config.dir).map_err(|source| DaemonError::File { path: config.dir.clone(), source })?;
    let positions = PositionLog::open(folder, config.segments(Arc::clone(&clocks.wall)), Seals(sender))?;
    let follower = positions.follow(positions.end());
    let mut gateway = Gateway::start(&config, positions, clocks).await?;
    let hub = Arc::clone(gateway.hub());
    // Set once, here.
    let _ = app.gateway.set(hub);
    let mut tasks = vec![
        tokio::spawn(track(Arc::clone(app), follower)),
        tokio::spawn(note_seals(Arc::clone(app), seals)),
    ];
    if let Some(mut notices) = gateway.notices() {
        tasks.push(tokio::spawn(async move {
            while let Some(notice) = notices.recv().await {
                tracing::debug!(?notice, "terminal");
            }
        }));
    }
    Ok((gateway, tasks))
}

/// Reads the roads on a thread of its own: requests do not wait for them.
fn load_roads(app: &Arc<App>) -> JoinHandle<()> {
    let app = Arc::clone(app);
    tokio::task::spawn_blocking(move || {
        let background = |map: &MapData| Background::new(&app.county, map);
        match network::open(&app.county, &app.config.county) {
            Ok(roads) => {
                let current = read(&app.world).office.published.clone();
                let loaded = current.and_then(|id| app.plans.get(&id).ok());
                let map = match loaded {
                    Some(loaded) => network::map_data(&roads, &app.county, &loaded.plan),
                    None => network::map_data(&roads, &app.county, &empty_plan(&app.county.code)),
                };
                let _ = app.map.set(background(&map));
                let _ = app.roads.set(Arc::new(roads));
            }
            Err(problems) => {
                let first = problems.list().first().map_or_else(String::new, ToString::to_string);
                tracing::warn!(
                    first,
                    "no roads: the map shows places only, reported closures act on no route"
                );
            }
        }
    })
}

/// A plan without a trip, for the lines of the roads alone.
fn empty_plan(county: &str) -> xiangyun_model::plan::Plan {
    use xiangyun_model::plan::{Bounds, DayState, PLAN_VERSION, Plan, STATE_VERSION};
    let date = jiff::civil::date(2000, 1, 1);
    Plan {
        version: PLAN_VERSION,
        id: String::new(),
        county: county.to_owned(),
        date,
        zone: "UTC".into(),
        orders: 0,
        trips: Vec::new(),
        duties: Vec::new(),
        loads: Vec::new(),
        unassigned: Vec::new(),
        deferrals: Vec::new(),
        breaches: Vec::new(),
        floors: Vec::new(),
        cost: Vec::new(),
        cost_fen: 0,
        bounds: Bounds {
            served_at_most: 0,
            served: 0,
            gap_ppm: 0,
            by_township: Vec::new(),
            scarce: Vec::new(),
        },
        closing: DayState {
            version: STATE_VERSION,
            county: county.to_owned(),
            date,
            backlog: Vec::new(),
            stock: Vec::new(),
            vehicles: Vec::new(),
            returnables: Vec::new(),
            service: Vec::new(),
        },
    }
}

/// Once an hour: old answers to keys and dead sessions go, expired persons are forgotten.
async fn housekeeping(app: Arc<App>) {
    use crate::machine::{Command, Done};
    use xiangyun_store::op::{Op, Value};
    let mut draining = app.draining.subscribe();
    loop {
        tokio::select! {
            () = tokio::time::sleep(Duration::from_secs(3_600)) => {}
            () = http::drained(&mut draining) => return,
        }
        let keys_before = wall_ms() - KEYS_KEPT_DAYS * 86_400_000;
        let sessions_before = wall_ms() - app.config.auth.session_hours * 3_600_000;
        let expired = match app.vault.lock().await.expired(&app.code, app.clock.now_ms()).await {
            Ok(list) => list,
            Err(err) => {
                tracing::warn!(%err, "expired persons could not be read");
                Vec::new()
            }
        };
        let (county, outbox_county) = (app.code.clone(), app.code.clone());
        let work = move |world: &World, now: i64| {
            let mut ops = vec![
                Op::new(
                    "DELETE FROM outbox WHERE county = $1 AND done_ms IS NOT NULL AND done_ms < $2",
                    vec![Value::Text(outbox_county), Value::Int(now - DELIVERED_KEPT_DAYS * 86_400_000)],
                ),
                Op::new("DELETE FROM idempotency WHERE at_ms < $1", vec![Value::Int(keys_before)]),
                Op::new("DELETE FROM session WHERE created_ms < $1", vec![Value::Int(sessions_before)]),
            ];
            let mut done = Done::new(axum::http::StatusCode::OK, serde_json::Value::Null);
            for person in expired {
                let command = xiangyun_dispatch::command::Command::ErasePerson { person };
                done = done.with(xiangyun_dispatch::decide::decide(&world.day, &command, now)?);
                ops.push(xiangyun_store::personal::erased(&county, person));
            }
            Ok(done.rows(ops))
        };
        if let Err(problem) = app.send(Command::own(work)).await {
            tracing::warn!(detail = problem.detail, "housekeeping was put off");
        }
    }
}

/// Copies the gateway's counters into the metrics.
pub(crate) fn gateway_figures(app: &App) {
    let Some(hub) = app.gateway.get() else { return };
    let Ok(serde_json::Value::Object(counts)) = serde_json::to_value(hub.counts()) else { return };
    fn put(app: &App, name: &str, value: &serde_json::Value) {
        match value {
            serde_json::Value::Number(n) => {
                let reason = Reason { reason: name.to_owned() };
                app.metrics.gateway.get_or_create(&reason).set(n.as_f64().unwrap_or(0.0));
            }
            serde_json::Value::Object(map) => {
                map.iter().for_each(|(k, v)| put(app, &format!("{name}_{k}"), v));
            }
            serde_json::Value::Array(list) => {
                list.iter().enumerate().for_each(|(i, v)| put(app, &format!("{name}_{i}"), v));
            }
            _ => {}
        }
    }
    counts.iter().for_each(|(name, value)| put(app, name, value));
}

/// Makes the read models anew from the log, after a restore or an upgrade; no daemon may serve the county meanwhile.
///
/// # Errors
/// A broken chain, or the database's faults.
pub async fn rebuild(config: &Config, store: &Store, county: &str) -> Result<i64, StoreError> {
    let env = Env {
        county: county.to_owned(),
        clock: Clock::new(&config.clock, 0),
        config: Arc::new(config.clone()),
        world: Arc::new(RwLock::new(World::new(county))),
        zone_offset_s: 0,
    };
    xiangyun_store::rebuild::read_models::<Day>(store, county, &env, tables::CLEAR).await
}
