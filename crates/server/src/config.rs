//! The configuration file (TOML). Every key has a default but `county`; `docs/operations.md` lists them all.

use serde::Deserialize;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Why a configuration cannot be used.
#[derive(Debug, Error)]
pub enum ConfigFault {
    /// The file cannot be read.
    #[error("H650 {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the file system said.
        source: std::io::Error,
    },
    /// The file is not what it should be; the message names line and key.
    #[error("H651 {path}: {message}")]
    Form {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
}

/// Everything that `serve` can be told. Unknown keys are refused.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// County directory.
    pub county: PathBuf,
    /// The daemon's own folder: log, positions, plans, keys, outgoing files.
    #[serde(default = "defaults::data")]
    pub data: PathBuf,
    /// Store, `sqlite://PATH` or `postgres://…`; absent: `county.db` in `data`.
    #[serde(default)]
    pub store: Option<String>,
    /// File with the 32-byte master key of personal data, made when absent; absent: `master.key` in `data`.
    #[serde(default)]
    pub master_key_file: Option<PathBuf>,
    /// Where HTTP listens and with what certificate.
    #[serde(default)]
    pub listen: Listen,
    /// Business clock.
    #[serde(default)]
    pub clock: ClockConfig,
    /// Bounds against overload.
    #[serde(default)]
    pub limits: Limits,
    /// Sessions.
    #[serde(default)]
    pub auth: AuthConfig,
    /// Vehicle feeds: the keys of `telematics gateway`, without `dir`.
    #[serde(default)]
    pub gateway: toml::Table,
    /// Planner runs.
    #[serde(default)]
    pub planner: Planner,
    /// The nightly schedule; absent: plans are made by hand.
    #[serde(default)]
    pub night: Option<Night>,
    /// What the county accepts of repairs without asking anybody.
    #[serde(default)]
    pub repairs: Repairs,
    /// What is watched.
    #[serde(default)]
    pub watch: WatchConfig,
    /// Messages to recipients and keepers.
    #[serde(default)]
    pub notices: Notices,
    /// Scans told to carriers, by carrier.
    #[serde(default)]
    pub carriers: BTreeMap<String, CarrierFeed>,
}

/// Where HTTP listens.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Listen {
    /// Address.
    pub http: SocketAddr,
    /// Certificate chain (PEM); with `tls_key` HTTP becomes HTTPS.
    pub tls_cert: Option<PathBuf>,
    /// Private key (PEM).
    pub tls_key: Option<PathBuf>,
}

impl Default for Listen {
    fn default() -> Self {
        Self { http: SocketAddr::from(([127, 0, 0, 1], 8080)), tls_cert: None, tls_key: None }
    }
}

/// Which clock the business runs by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClockSource {
    /// The machine's.
    #[default]
    System,
    /// From `start` on, `speed` times as fast.
    Scaled,
    /// Stands at `start` until it is moved by `POST /api/v1/clock`.
    Stepped,
}

/// The business clock.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ClockConfig {
    /// Which clock.
    pub source: ClockSource,
    /// First instant of a scaled or stepped clock, RFC 3339; the last event's time if that is later.
    pub start: Option<String>,
    /// How fast a scaled clock runs.
    pub speed: f64,
}

impl Default for ClockConfig {
    fn default() -> Self {
        Self { source: ClockSource::System, start: None, speed: 60.0 }
    }
}

/// Requests worked on at once for each processor unless the configuration says otherwise: what more are let in only wait for
/// each other.
pub const REQUESTS_A_PROCESSOR: usize = 64;

/// Bounds against overload.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// HTTP connections at once.
    pub connections_max: usize,
    /// HTTP connections at once from one address; 127.0.0.1 is not bounded.
    pub connections_an_address_max: usize,
    /// Requests worked on at once; more are refused with 503 within milliseconds.
    pub requests_max: usize,
    /// Places beside these kept for proof of delivery and scans.
    pub requests_reserved: usize,
    /// Requests a second of one caller, on average.
    pub rate_a_second: f64,
    /// Requests one caller may save up.
    pub rate_burst: f64,
    /// Sign-in attempts a minute of one account or address.
    pub logins_a_minute: f64,
    /// Bytes of a body.
    pub body_bytes_max: usize,
    /// Bytes of a body that carries many items (bulk, imports, hand-overs, positions, plans).
    pub bulk_bytes_max: usize,
    /// Live streams at once.
    pub streams_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_max: 2_000,
            connections_an_address_max: 200,
            requests_max: REQUESTS_A_PROCESSOR * std::thread::available_parallelism().map_or(1, usize::from),
            requests_reserved: 64,
            rate_a_second: 200.0,
            rate_burst: 2_000.0,
            logins_a_minute: 10.0,
            body_bytes_max: 256 * 1024,
            bulk_bytes_max: 32 * 1024 * 1024,
            streams_max: 1_000,
        }
    }
}

/// Sessions.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AuthConfig {
    /// Minutes without a request after which a session ends.
    pub idle_minutes: i64,
    /// Hours after which a session ends in any case.
    pub session_hours: i64,
    /// Days that a personal record is kept after its order.
    pub personal_days: i64,
    /// Days that a tracking link holds.
    pub token_days: i64,
}

impl Default for AuthConfig {
    fn default() -> Self {
        Self { idle_minutes: 30, session_hours: 12, personal_days: 180, token_days: 14 }
    }
}

/// Planner runs.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Planner {
    /// Seconds of search of a night plan; a dawn takes them too, but never more than people wait for it.
    pub seconds: f64,
    /// Threads of a search; 0: all processors but one.
    pub threads: usize,
    /// Runs that may wait.
    pub waiting_max: usize,
}

impl Default for Planner {
    fn default() -> Self {
        Self { seconds: 40.0, threads: 0, waiting_max: 4 }
    }
}

/// The nightly schedule, in local time of the county.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Night {
    /// The draft for the coming day begins.
    pub draft: String,
    /// The draft is made again with what has come in meanwhile.
    pub dawn: String,
    /// The plan is published; when none is good, the last good plan's trips are.
    pub publish: String,
    /// Orders of the day are expected by then; fewer than `orders_min` raise an alarm.
    pub orders_by: String,
    /// Fewest orders of a usual day.
    pub orders_min: u64,
}

impl Default for Night {
    fn default() -> Self {
        Self {
            draft: "01:00".into(),
            dawn: "05:30".into(),
            publish: "05:50".into(),
            orders_by: "00:50".into(),
            orders_min: 1,
        }
    }
}

/// Repairs of the day's plan.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Repairs {
    /// Most stops that one offer may move; absent: no limit.
    pub moved_stops_max: Option<u32>,
    /// A tidy-up is wanted whenever so many orders of the day have got their places; absent: only when somebody asks.
    pub tidy_up_every: Option<u32>,
    /// Offers accepted without asking anybody, by kind of exception (`unassigned`, `cancelled`, `breakdown` and so on).
    pub auto: BTreeMap<String, AutoRule>,
}

/// When an offer is accepted without asking anybody: all of these must hold.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AutoRule {
    /// Dearest offer, fen.
    pub price_fen_max: i64,
    /// Most stops moved.
    pub moved_stops_max: u32,
    /// Most lateness left in the whole day, seconds; absent: any.
    #[serde(default)]
    pub lateness_s_max: Option<i64>,
}

/// What is watched.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WatchConfig {
    /// Whether vehicles away from the way between two stops are an exception.
    pub off_way: bool,
}

impl Default for WatchConfig {
    fn default() -> Self {
        Self { off_way: true }
    }
}

/// Messages to recipients and keepers.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Notices {
    /// Where to post them, for an SMS or WeChat service; absent: they are written to `outbox/notices.jsonl` in `data`.
    pub url: Option<String>,
    /// Nothing is sent from then, local time.
    pub quiet_from: String,
    /// Until then.
    pub quiet_to: String,
    /// Texts by template name over the built-in ones; `{waybill}`, `{site}`, `{code}`, `{shelf}`, `{until}`, `{link}`.
    pub templates: BTreeMap<String, String>,
}

impl Default for Notices {
    fn default() -> Self {
        Self { url: None, quiet_from: "21:30".into(), quiet_to: "07:30".into(), templates: BTreeMap::new() }
    }
}

/// How a carrier is told of scans.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CarrierFeed {
    /// Where to post them; absent: written to `outbox/carrier-ID.jsonl` in `data`.
    #[serde(default)]
    pub url: Option<String>,
    /// Names of the carrier's fields by ours: `waybill`, `status`, `status_zh`, `at`, `site`, `holder`.
    #[serde(default)]
    pub fields: BTreeMap<String, String>,
    /// Seconds after a scan by which the carrier wants it; what comes later is counted.
    #[serde(default = "defaults::deadline_s")]
    pub deadline_s: i64,
    /// Column of the status map that gives the carrier's codes; absent: our words.
    #[serde(default)]
    pub codes: Option<String>,
}

mod defaults {
    use std::path::PathBuf;

    pub(super) const fn deadline_s() -> i64 {
        1_800
    }

    pub(super) fn data() -> PathBuf {
        PathBuf::from("var")
    }
}

impl Config {
    /// Reads a configuration file; relative paths in it are taken from its own folder.
    ///
    /// # Errors
    /// [`ConfigFault`] names file, line and key.
    pub fn read(path: &Path) -> Result<Self, ConfigFault> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ConfigFault::Read { path: path.to_owned(), source })?;
        let mut config =
            Self::parse(&text).map_err(|message| ConfigFault::Form { path: path.to_owned(), message })?;
        let base = path.parent().unwrap_or(Path::new("."));
        for p in [&mut config.county, &mut config.data] {
            *p = base.join(&*p);
        }
        for p in [&mut config.master_key_file, &mut config.listen.tls_cert, &mut config.listen.tls_key]
            .into_iter()
            .flatten()
        {
            *p = base.join(&*p);
        }
        Ok(config)
    }

    /// Reads a configuration from text.
    ///
    /// # Errors
    /// What is wrong, with line and key.
    pub fn parse(text: &str) -> Result<Self, String> {
        let config: Self = toml::from_str(text).map_err(|err| err.to_string().trim().to_owned())?;
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> Result<(), String> {
        let clock = &self.clock;
        if let Some(start) = &clock.start {
            start
                .parse::<jiff::Timestamp>()
                .map_err(|e| format!("clock.start: {e}; 2026-11-24T04:00:00+08:00 would be right"))?;
        } else if clock.source != ClockSource::System {
            return Err("clock.start: missing; a scaled or stepped clock needs its first instant".into());
        }
        if !clock.speed.is_finite() || !(0.001..=10_000.0).contains(&clock.speed) {
            return Err(format!("clock.speed: {} is not in 0.001 to 10000", clock.speed));
        }
        if self.listen.tls_cert.is_some() != self.listen.tls_key.is_some() {
            return Err("listen: tls_cert and tls_key go together".into());
        }
        for kind in self.repairs.auto.keys() {
            let known = xiangyun_dispatch::event::ExceptionKind::ALL
                .into_iter()
                .filter(|k| crate::worker::repair::by_plan(*k))
                .map(|k| crate::project::word(&k));
            if !known.clone().any(|k| k == *kind) {
                let list = known.collect::<Vec<_>>().join(", ");
                return Err(format!("repairs.auto.{kind}: no kind that a plan can mend; one of {list}"));
            }
        }
        let night = self.night.iter().flat_map(|n| [&n.draft, &n.dawn, &n.publish, &n.orders_by]);
        for time in night.chain([&self.notices.quiet_from, &self.notices.quiet_to]) {
            time.parse::<jiff::civil::Time>()
                .map_err(|_| format!("\"{time}\" is not a time of day; 05:50 would be"))?;
        }
        Ok(())
    }

    /// The smallest configuration: a county and a folder, listening on a free port of this machine, no vehicle feeds.
    #[must_use]
    pub fn in_folder(county: impl Into<PathBuf>, data: impl Into<PathBuf>) -> Self {
        let mut config = Self::parse("county = \".\"\n[gateway]\n").expect("county is the only key needed");
        config.county = county.into();
        config.data = data.into();
        config.listen.http = SocketAddr::from(([127, 0, 0, 1], 0));
        config
    }

    /// URL of the store.
    #[must_use]
    pub fn store_url(&self) -> String {
        self.store.clone().unwrap_or_else(|| format!("sqlite://{}", self.data.join("county.db").display()))
    }

    /// Sign-ins a minute of one account from one address.
    #[must_use]
    pub fn auth_rate(&self) -> f64 {
        self.limits.logins_a_minute.max(1.0)
    }

    /// File of the master key.
    #[must_use]
    pub fn key_file(&self) -> PathBuf {
        self.master_key_file.clone().unwrap_or_else(|| self.data.join("master.key"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_county_is_enough_and_wrong_keys_are_named() {
        let config = Config::parse("county = \"data/baofeng\"").unwrap();
        assert_eq!(config.listen.http.port(), 8080);
        assert!(Config::parse("county = \"x\"\n[clock]\nspede = 2.0\n").unwrap_err().contains("spede"));
        assert!(
            Config::parse("county = \"x\"\n[clock]\nsource = \"stepped\"\n").unwrap_err().contains("start")
        );
        assert!(Config::parse("county = \"x\"\n[night]\ndawn = \"25:00\"\n").unwrap_err().contains("25:00"));
    }
}
