//! The live stream followed as a console does: trips as they are planned and changed, and how far it has come.

use super::api::Pass;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use xiangyun_dispatch::event::PlannedTrip;

/// Wait before a stream that was cut is opened again.
const AGAIN: Duration = Duration::from_millis(100);

#[derive(Default)]
struct Known {
    trips: BTreeMap<String, Arc<PlannedTrip>>,
    seq: i64,
    cuts: u64,
    ended: bool,
}

/// What the live stream has told.
#[derive(Clone, Default)]
pub(crate) struct Stream(Arc<(Mutex<Known>, Condvar)>);

#[derive(Deserialize)]
struct Told {
    kind: String,
    seq: i64,
    data: Value,
}

impl Stream {
    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Follows the daemon's stream from the beginning of its log in a thread of its own until [`Self::end`]; one that
    /// is cut is opened again where it was.
    pub(crate) fn follow(base: &str, pass: &Pass) -> io::Result<Self> {
        let Pass::Bearer(token) = pass else { return Err(io::Error::other("a key is needed")) };
        let (url, token) =
            (format!("{}/api/v1/events", base.trim_end_matches('/')), format!("Bearer {token}"));
        let agent = ureq::Agent::config_builder().build().new_agent();
        let open = move |after: i64| {
            let request = agent.get(format!("{url}?after={after}")).header("authorization", &token);
            request.call().map_err(io::Error::other)
        };
        let first = open(0)?;
        let stream = Self::default();
        let known = stream.clone();
        std::thread::spawn(move || {
            let mut answer = Some(first);
            while !known.lock().ended {
                match answer.take() {
                    Some(answer) => {
                        let lines = BufReader::new(answer.into_body().into_reader()).lines();
                        lines.map_while(Result::ok).for_each(|line| known.hear(&line));
                        known.lock().cuts += 1;
                    }
                    None => std::thread::sleep(AGAIN),
                }
                let seq = known.lock().seq;
                answer = open(seq).ok();
            }
        });
        Ok(stream)
    }

    fn hear(&self, line: &str) {
        let Some(told) = line.strip_prefix("data:").and_then(|d| serde_json::from_str::<Told>(d.trim()).ok())
        else {
            return;
        };
        let mut known = self.lock();
        known.seq = known.seq.max(told.seq);
        match told.kind.as_str() {
            "TripPlanned" => {
                let trip = told.data.get("trip").cloned().unwrap_or_default();
                if let Ok(trip) = serde_json::from_value::<PlannedTrip>(trip) {
                    known.trips.insert(trip.trip.clone(), Arc::new(trip));
                }
            }
            "TripDropped" => {
                if let Some(id) = told.data.get("trip").and_then(Value::as_str) {
                    known.trips.remove(id);
                }
            }
            _ => {}
        }
        drop(known);
        self.0.1.notify_all();
    }

    /// Waits until everything up to a number of the log was told; `false` when that takes too long.
    pub(crate) fn wait_for(&self, seq: i64, longest: Duration) -> bool {
        let until = Instant::now() + longest;
        let mut known = self.lock();
        while known.seq < seq {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            known = self.0.1.wait_timeout(known, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }

    /// Trips of a vehicle as planned now, in order of departure.
    pub(crate) fn trips(&self, vehicle: &str) -> Vec<Arc<PlannedTrip>> {
        let known = self.lock();
        let mut trips: Vec<Arc<PlannedTrip>> =
            known.trips.values().filter(|t| t.vehicle == vehicle).cloned().collect();
        drop(known);
        trips.sort_by_key(|t| t.visits.first().map_or(0, |v| v.depart_ms));
        trips
    }

    /// The vehicle of a planned stop.
    pub(crate) fn vehicle_of(&self, visit: &str) -> Option<String> {
        let known = self.lock();
        let found = known.trips.values().find(|t| t.visits.iter().any(|v| v.visit == visit));
        found.map(|t| t.vehicle.clone())
    }

    /// Times that the stream was cut or broke.
    pub(crate) fn cuts(&self) -> u64 {
        self.lock().cuts
    }

    /// Stops following once the daemon ends the stream.
    pub(crate) fn end(&self) {
        self.lock().ended = true;
    }
}
