//! Scans that carriers' systems must get: derived from the events by a fold, sent with retry, each with the carrier's own
//! deadline. What was sent and answered are events and are never overwritten; what is still to be sent is what no receipt
//! has closed.

use crate::event::Event;
use crate::holder::Holder;
use crate::state::State;
use crate::status::StatusRow;
use std::collections::BTreeMap;

/// First wait before a scan is sent again, in seconds; doubled each time.
pub const RETRY_FIRST_S: i64 = 60;
/// Longest wait before a scan is sent again, in seconds.
pub const RETRY_MAX_S: i64 = 3_600;
/// Most scans in one batch for a carrier.
pub const BATCH_MAX: usize = 200;

/// One scan for a carrier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scan {
    /// `order#n`: the n-th scan of the order.
    pub scan: String,
    /// Whose system.
    pub carrier: String,
    /// The waybill.
    pub order: String,
    /// Status in our vocabulary.
    pub status: &'static str,
    /// Where.
    pub site: String,
    /// When it happened.
    pub at_ms: i64,
    /// Not later than this at the carrier.
    pub deadline_ms: i64,
}

/// How one carrier wants its scans: a data row, not code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Seconds after the event by which the carrier wants the scan.
    pub deadline_s: i64,
    /// Column of the status map with the carrier's codes.
    pub codes: String,
    /// The record with `{order}`, `{status}`, `{code}`, `{zh}`, `{site}`, `{at_ms}` in it: a line of a file or a body.
    pub template: String,
}

impl Layout {
    /// One record as the carrier wants it. Values are escaped for JSON strings where the template is JSON.
    #[must_use]
    pub fn render(&self, scan: &Scan, map: &BTreeMap<String, StatusRow>) -> String {
        let row = map.get(scan.status);
        let code = row
            .and_then(|r| r.codes.get(&self.codes))
            .and_then(|c| c.split_whitespace().next())
            .unwrap_or(scan.status);
        // A record that starts with a placeholder is a line of a file; a JSON body starts with a quoted name.
        let body = self.template.trim_start();
        let json =
            body.starts_with('[') || body.strip_prefix('{').is_some_and(|r| r.trim_start().starts_with('"'));
        let safe = |text: &str| {
            let escaped: String = text
                .chars()
                .map(|c| match c {
                    '"' | '\\' if json => format!("\\{c}"),
                    '\n' | '\r' | '\t' => " ".to_owned(),
                    ',' | '"' if !json => " ".to_owned(),
                    _ => c.to_string(),
                })
                .collect();
            escaped
        };
        let mut out = String::with_capacity(self.template.len() + 64);
        let mut rest = self.template.as_str();
        // One pass, so that a value that looks like a placeholder is not replaced again.
        while let Some(at) = rest.find('{') {
            out.push_str(&rest[..at]);
            let tail = &rest[at..];
            let known = [
                ("{order}", safe(&scan.order)),
                ("{status}", scan.status.to_owned()),
                ("{code}", safe(code)),
                ("{zh}", row.map_or_else(String::new, |r| safe(&r.zh))),
                ("{site}", safe(&scan.site)),
                ("{at_ms}", scan.at_ms.to_string()),
            ];
            if let Some((name, value)) = known.iter().find(|(name, _)| tail.starts_with(name)) {
                out.push_str(value);
                rest = &tail[name.len()..];
            } else {
                out.push('{');
                rest = &tail[1..];
            }
        }
        out.push_str(rest);
        out
    }
}

/// All scans of a county's orders: a fold over the events.
#[derive(Clone, Debug, Default)]
pub struct Scans {
    carrier_of: BTreeMap<String, String>,
    made: BTreeMap<String, u32>,
    handovers: BTreeMap<String, (String, Holder)>,
    /// Every scan by number, oldest first within an order.
    pub all: BTreeMap<String, Scan>,
}

impl Scans {
    /// Folds one event in; `deadline_s` gives each carrier's time.
    pub fn apply(&mut self, event: &Event, at_ms: i64, deadline_s: impl Fn(&str) -> i64) {
        match event {
            Event::OrderPlaced(e) => {
                self.carrier_of.insert(e.order.clone(), e.carrier.clone());
            }
            Event::HandOverOpened(e) => {
                self.handovers.insert(e.handover.clone(), (e.site.clone(), e.to.clone()));
            }
            Event::HandOverConfirmed(e) => {
                let Some((site, to)) = self.handovers.remove(&e.handover) else { return };
                let status = match to {
                    Holder::Vehicle(_) => "out_for_delivery",
                    Holder::Carrier(_) => "in_transit",
                    _ => "at_station",
                };
                for order in &e.moved {
                    self.add(order, status, &site, e.at_ms, &deadline_s);
                }
            }
            Event::Shelved(e) => self.add(&e.order, "at_point", &e.site, at_ms, &deadline_s),
            Event::Delivered(e) => self.add(&e.order, "delivered", &e.site, e.at_ms, &deadline_s),
            Event::RefusedByRecipient(e) => self.add(&e.order, "refused", "", at_ms, &deadline_s),
            Event::ReturnStarted(e) => self.add(&e.order, "returning", "", at_ms, &deadline_s),
            Event::ReturnedToSender(e) => self.add(&e.order, "returned", "", e.at_ms, &deadline_s),
            Event::Deferred(e) => self.add(&e.order, "deferred", &e.site, at_ms, &deadline_s),
            Event::DeclaredLost(e) => self.add(&e.order, "exception", "", at_ms, &deadline_s),
            _ => {}
        }
    }

    fn add(&mut self, order: &str, status: &'static str, site: &str, at_ms: i64, s: &impl Fn(&str) -> i64) {
        let Some(carrier) = self.carrier_of.get(order) else { return };
        let n = self.made.entry(order.to_owned()).or_insert(0);
        *n += 1;
        let scan = format!("{order}#{n}");
        let deadline_ms = at_ms + s(carrier) * 1_000;
        let (carrier, order, site) = (carrier.clone(), order.to_owned(), site.to_owned());
        self.all.insert(scan.clone(), Scan { scan, carrier, order, status, site, at_ms, deadline_ms });
    }

    /// What is to be sent to a carrier now, nearest deadline first, at most [`BATCH_MAX`].
    #[must_use]
    pub fn due(&self, state: &State, carrier: &str, now_ms: i64) -> Vec<&Scan> {
        let open = |scan: &&Scan| {
            scan.carrier == carrier
                && state.scans.get(&scan.scan).is_none_or(|s| s.receipt.is_none() && s.retry_ms <= now_ms)
        };
        let mut due: Vec<&Scan> = self.all.values().filter(open).collect();
        due.sort_by_key(|s| (s.deadline_ms, s.at_ms, &s.scan));
        due.truncate(BATCH_MAX);
        due
    }

    /// Scans whose deadline has passed without a receipt.
    #[must_use]
    pub fn missed(&self, state: &State, now_ms: i64) -> Vec<&Scan> {
        let late = |s: &&Scan| {
            s.deadline_ms < now_ms && state.scans.get(&s.scan).is_none_or(|known| known.receipt.is_none())
        };
        self.all.values().filter(late).collect()
    }
}

/// When to send again after the `attempt`-th failure.
#[must_use]
pub fn retry_at(now_ms: i64, attempt: u32) -> i64 {
    let wait_s = RETRY_FIRST_S.saturating_mul(1 << attempt.saturating_sub(1).min(10)).min(RETRY_MAX_S);
    now_ms + wait_s * 1_000
}
