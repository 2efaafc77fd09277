//! What every request shares.

use crate::ask::{Context, reply};
use crate::auth::session::Doors;
use crate::clock::Clock;
use crate::config::Config;
use crate::fleet::Fleet;
use crate::http::guard::Guard;
use crate::live::Live;
use crate::machine::{Audit, Command, Day, Done, Remember, Reply, Shared, World};
use crate::metrics::Metrics;
use crate::plans::Shelf;
use crate::problem::Problem;
use crate::runs::Runs;
use crate::ticks::Etas;
use axum::http::StatusCode;
use axum::response::Response;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};
use tokio::sync::watch;
use xiangyun_model::county::County;
use xiangyun_model::site::Site;
use xiangyun_roads::Network;
use xiangyun_store::backend::Store;
use xiangyun_store::error::StoreError;
use xiangyun_store::personal::{MasterKey, Vault};
use xiangyun_store::writer::{Undone, WriterHandle};
use xiangyun_telematics::gateway::Hub;

/// Longest Idempotency-Key in bytes.
pub const KEY_BYTES_MAX: usize = 200;

/// What every request shares.
pub struct App {
    /// Settings.
    pub config: Arc<Config>,
    /// The county's tables.
    pub county: Arc<County>,
    /// Its code.
    pub code: String,
    /// Business clock.
    pub clock: Clock,
    /// The store.
    pub store: Store,
    /// The state.
    pub world: Shared,
    /// Sessions and secrets.
    pub doors: Doors,
    /// Counters.
    pub metrics: Metrics,
    /// The live stream.
    pub live: Live,
    /// Where vehicles are.
    pub fleet: Fleet,
    /// Plans at hand.
    pub plans: Shelf,
    /// Planner runs.
    pub runs: Runs,
    /// Expected arrivals.
    pub etas: Etas,
    /// The desk of the thinking thread.
    pub worker: crate::worker::Desk,
    /// Steps of the nightly schedule.
    pub night: crate::night::Steps,
    /// The road network, once it is read.
    pub roads: OnceLock<Arc<Network>>,
    /// Lines of the map, once the roads are read.
    pub map: OnceLock<crate::pages::map::Background>,
    /// Places and rates of requests.
    pub guard: Guard,
    /// The gateway, once it runs.
    pub gateway: OnceLock<Arc<Hub>>,
    /// The master key of personal data.
    pub master: MasterKey,
    /// Personal data.
    pub vault: tokio::sync::Mutex<Vault>,
    /// Forks are changed one at a time.
    pub editing: tokio::sync::Mutex<()>,
    /// Set when the daemon takes nothing more.
    pub draining: watch::Sender<bool>,
    /// Set when everything a request needs is there.
    pub ready: watch::Sender<bool>,
    sites: HashMap<String, usize>,
    writer: RwLock<Option<WriterHandle<Day>>>,
    in_flight: Mutex<HashSet<(String, String)>>,
}

/// What an app is made of.
pub struct Parts {
    /// Settings.
    pub config: Arc<Config>,
    /// The county.
    pub county: Arc<County>,
    /// Business clock.
    pub clock: Clock,
    /// The store.
    pub store: Store,
    /// The state.
    pub world: Shared,
    /// Sessions and secrets.
    pub doors: Doors,
    /// Master key.
    pub master: MasterKey,
    /// Personal data.
    pub vault: Vault,
    /// The writer.
    pub writer: WriterHandle<Day>,
}

impl App {
    /// Puts it together.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        let sites =
            parts.county.sites.iter().enumerate().map(|(i, s)| (s.id.as_str().to_owned(), i)).collect();
        Self {
            code: parts.county.code.clone(),
            live: Live::new(),
            fleet: Fleet::default(),
            plans: Shelf::new(parts.config.data.join("plans")),
            runs: Runs::default(),
            etas: Etas::default(),
            worker: crate::worker::Desk::default(),
            night: crate::night::Steps::default(),
            roads: OnceLock::new(),
            map: OnceLock::new(),
            gateway: OnceLock::new(),
            metrics: Metrics::new(),
            guard: Guard::new(&parts.config.limits),
            draining: watch::channel(false).0,
            ready: watch::channel(false).0,
            in_flight: Mutex::default(),
            editing: tokio::sync::Mutex::default(),
            writer: RwLock::new(Some(parts.writer)),
            vault: tokio::sync::Mutex::new(parts.vault),
            config: parts.config,
            county: parts.county,
            clock: parts.clock,
            store: parts.store,
            world: parts.world,
            doors: parts.doors,
            master: parts.master,
            sites,
        }
    }

    /// Whether it serves TLS.
    #[must_use]
    pub fn secure(&self) -> bool {
        self.config.listen.tls_cert.is_some()
    }

    /// A site of the county.
    #[must_use]
    pub fn site(&self, id: &str) -> Option<&Site> {
        self.sites.get(id).map(|i| &self.county.sites[*i])
    }

    /// The day's plan, where it is in memory.
    #[must_use]
    pub fn day_plan(&self) -> Option<Arc<crate::plans::Loaded>> {
        let published = crate::machine::read(&self.world).office.published.clone()?;
        self.plans.cached(&published)
    }

    /// The way to the writer, while it takes anything.
    #[must_use]
    pub fn writer(&self) -> Option<WriterHandle<Day>> {
        self.writer.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Lets the writer end once what is under way is done.
    pub fn close_writer(&self) {
        self.writer.write().unwrap_or_else(PoisonError::into_inner).take();
    }

    /// Sends to the writer and waits until it is durable.
    ///
    /// # Errors
    /// The refusal, or what keeps the store from it.
    pub async fn send(&self, command: Command) -> Result<Reply, Problem> {
        let Some(writer) = self.writer() else {
            return Err(Undone::Store(StoreError::WriterGone { county: self.code.clone() }).into());
        };
        writer.send(command).await.map(|(reply, _)| reply).map_err(Problem::from)
    }

    /// Does what a caller asks: the same key again gives the same answer, `If-Match` is kept, the audit knows.
    ///
    /// # Errors
    /// The refusal.
    pub async fn act(
        self: &Arc<Self>,
        context: &Context,
        action: &str,
        resource: &str,
        work: impl FnOnce(&World, i64) -> Result<Done, Problem> + Send + 'static,
    ) -> Result<Response, Problem> {
        let Some(key) = context.key.clone() else {
            let reply = self.send(self.command(context, action, resource, None, Box::new(work))).await?;
            return Ok(answer(&reply, false));
        };
        let subject = context.caller.who.clone();
        let _guard = InFlight::enter(self, subject.clone(), key.clone())?;
        if let Some(given) = self.replayed(context).await? {
            return Ok(given);
        }
        let remember = Remember { subject, key, hash: context.hash.to_vec() };
        let reply =
            self.send(self.command(context, action, resource, Some(remember), Box::new(work))).await?;
        Ok(answer(&reply, false))
    }

    /// The answer that the caller's Idempotency-Key was given already, for work that is done before the writer is asked.
    ///
    /// # Errors
    /// `H609` for another request under the same key.
    pub async fn replayed(&self, context: &Context) -> Result<Option<Response>, Problem> {
        let Some(key) = &context.key else { return Ok(None) };
        let Some((hash, status, body)) = self.remembered(&context.caller.who, key).await? else {
            return Ok(None);
        };
        if hash != context.hash {
            return Err(Problem::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "H609",
                "this Idempotency-Key was used for another request; use a new key for a new request",
            ));
        }
        let body = serde_json::from_str(&body).unwrap_or(serde_json::Value::Null);
        Ok(Some(answer(&Reply { status, body, changed: false }, true)))
    }

    fn command(
        &self,
        context: &Context,
        action: &str,
        resource: &str,
        remember: Option<Remember>,
        work: crate::machine::Work,
    ) -> Command {
        let caller = &context.caller;
        let expects = context.if_match.map(|version| (resource.to_owned(), version));
        let audit = Audit {
            who: caller.who.clone(),
            role: caller.role().word().to_owned(),
            action: action.to_owned(),
            resource: resource.to_owned(),
            from: caller.from.to_string(),
            request: caller.request.clone(),
        };
        Command { work, audit: Some(audit), expects, remember }
    }

    async fn remembered(&self, subject: &str, key: &str) -> Result<Option<(Vec<u8>, u16, String)>, Problem> {
        use sqlx::Row;
        let row = sqlx::query(
            "SELECT hash, status, body FROM idempotency WHERE county = $1 AND subject = $2 AND name = $3",
        )
        .bind(self.code.clone())
        .bind(subject.to_owned())
        .bind(key.to_owned())
        .fetch_optional(self.store.readers())
        .await?;
        let Some(row) = row else { return Ok(None) };
        let status: i64 = row.try_get("status")?;
        Ok(Some((row.try_get("hash")?, u16::try_from(status).unwrap_or(200), row.try_get("body")?)))
    }
}

fn answer(given: &Reply, again: bool) -> Response {
    let status = StatusCode::from_u16(given.status).unwrap_or(StatusCode::OK);
    let mut response = reply(status, &given.body);
    if again {
        response.headers_mut().insert("idempotency-replayed", axum::http::HeaderValue::from_static("true"));
    }
    response
}

/// A key being worked on; two at once would both find it unused.
struct InFlight<'a> {
    app: &'a App,
    entry: (String, String),
}

impl<'a> InFlight<'a> {
    fn enter(app: &'a App, subject: String, key: String) -> Result<Self, Problem> {
        let entry = (subject, key);
        let fresh = app.in_flight.lock().unwrap_or_else(PoisonError::into_inner).insert(entry.clone());
        if fresh {
            Ok(Self { app, entry })
        } else {
            Err(Problem::new(
                StatusCode::CONFLICT,
                "H610",
                "a request with this Idempotency-Key is under way",
            )
            .retry(1))
        }
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.app.in_flight.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.entry);
    }
}
