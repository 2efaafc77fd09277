//! Counters in the text format of Prometheus: every drop, shed and refusal has one.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::AtomicU64;

/// Labels of a request.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct RequestLabels {
    /// Method.
    pub method: String,
    /// Path as declared.
    pub path: String,
    /// Status.
    pub status: u16,
}

/// One label.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Reason {
    /// Why, or what.
    pub reason: String,
}

/// All counters.
pub struct Metrics {
    registry: Mutex<Registry>,
    /// Requests by method, path, status.
    pub requests: Family<RequestLabels, Counter>,
    /// Seconds of requests by path.
    pub seconds: Family<Reason, Histogram, fn() -> Histogram>,
    /// Refusals by code.
    pub refused: Family<Reason, Counter>,
    /// Connections turned away or cut, by reason.
    pub connections_cut: Family<Reason, Counter>,
    /// Open connections.
    pub connections: Gauge,
    /// Live streams open.
    pub streams: Gauge,
    /// Live streams cut because they did not read.
    pub streams_cut: Counter,
    /// Events of the log, by kind.
    pub events: Family<Reason, Counter>,
    /// Last event of the log.
    pub seq: Gauge,
    /// Positions looked at by the tracker.
    pub positions: Counter,
    /// Positions the tracker had to skip because it was behind.
    pub positions_skipped: Counter,
    /// Deliveries to others, by target kind and outcome.
    pub deliveries: Family<Reason, Counter>,
    /// Things dropped because a bound was reached, by what.
    pub dropped: Family<Reason, Counter>,
    /// Repairs: offered, accepted by rule, none found.
    pub repairs: Family<Reason, Counter>,
    /// Seconds from the copy of the day to the stored offer.
    pub repair_seconds: Histogram,
    /// Panics caught.
    pub panics: Counter,
    /// Planner runs, by outcome.
    pub runs: Family<Reason, Counter>,
    /// Figures of the gateway, by name, read when asked.
    pub gateway: Family<Reason, Gauge<f64, AtomicU64>>,
}

fn seconds_histogram() -> Histogram {
    Histogram::new(exponential_buckets(0.001, 2.0, 14))
}

impl Metrics {
    /// All at zero.
    #[must_use]
    pub fn new() -> Self {
        let metrics = Self {
            registry: Mutex::default(),
            requests: Family::default(),
            seconds: Family::new_with_constructor(seconds_histogram as fn() -> Histogram),
            refused: Family::default(),
            connections_cut: Family::default(),
            connections: Gauge::default(),
            streams: Gauge::default(),
            streams_cut: Counter::default(),
            events: Family::default(),
            seq: Gauge::default(),
            positions: Counter::default(),
            positions_skipped: Counter::default(),
            deliveries: Family::default(),
            dropped: Family::default(),
            repairs: Family::default(),
            repair_seconds: seconds_histogram(),
            panics: Counter::default(),
            runs: Family::default(),
            gateway: Family::default(),
        };
        {
            let mut r = metrics.registry.lock().unwrap_or_else(PoisonError::into_inner);
            let r = r.sub_registry_with_prefix("xiangyun");
            r.register("http_requests", "Requests", metrics.requests.clone());
            r.register("http_seconds", "Seconds of requests by path", metrics.seconds.clone());
            r.register("refused", "Refusals by code", metrics.refused.clone());
            r.register("connections_cut", "Connections turned away or cut", metrics.connections_cut.clone());
            r.register("connections", "Open HTTP connections", metrics.connections.clone());
            r.register("streams", "Open live streams", metrics.streams.clone());
            r.register("streams_cut", "Live streams cut for not reading", metrics.streams_cut.clone());
            r.register("events", "Events committed by kind", metrics.events.clone());
            r.register("seq", "Last event of the log", metrics.seq.clone());
            r.register("positions", "Positions tracked", metrics.positions.clone());
            r.register("positions_skipped", "Positions not tracked live", metrics.positions_skipped.clone());
            r.register("deliveries", "Deliveries to others by outcome", metrics.deliveries.clone());
            r.register("dropped", "Dropped at a bound", metrics.dropped.clone());
            r.register("repairs", "Repairs by outcome", metrics.repairs.clone());
            r.register("repair_seconds", "Seconds until an offer is stored", metrics.repair_seconds.clone());
            r.register("panics", "Panics caught", metrics.panics.clone());
            r.register("runs", "Planner runs by outcome", metrics.runs.clone());
            r.register("gateway", "Counters of the gateway", metrics.gateway.clone());
        }
        metrics
    }

    /// The text that Prometheus reads.
    #[must_use]
    pub fn text(&self) -> String {
        let mut out = String::new();
        let registry = self.registry.lock().unwrap_or_else(PoisonError::into_inner);
        // Writing into a string cannot fail.
        let _ = encode(&mut out, &registry);
        out
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}
