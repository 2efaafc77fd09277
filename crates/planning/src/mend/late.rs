//! Carriers whose trucks came after the wave that they belong to: hold the wave, split off, or miss the day.

use crate::orders::OrderRow;
use jiff::civil::Date;
use serde::Serialize;
use xiangyun_model::county::County;
use xiangyun_model::id::CarrierId;
use xiangyun_model::order::OrderKind;
use xiangyun_model::wave::{Wave, Waves};

/// Least lateness that is looked at, in seconds.
const LATE_LEAST_S: i64 = 5 * 60;
/// Longest that a wave may wait, in seconds.
const HOLD_MOST_S: i64 = 90 * 60;

/// What can be done about a late carrier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// Its wave waits for it.
    Hold,
    /// It goes with a later wave of the day.
    Split,
    /// It stays for another day.
    Miss,
}

/// A carrier's late parcels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Late {
    carrier: CarrierId,
    /// The wave they should have been in.
    wave: usize,
    /// When the last of them came.
    arrived_s: i64,
    late_s: i64,
    orders: Vec<String>,
}

/// A decision with the prices it was made by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LateCarrier {
    /// The carrier.
    pub carrier: String,
    /// Parcels that came late.
    pub parcels: u64,
    /// How late the last of them came after their wave had closed, in seconds.
    pub late_s: i64,
    /// The wave they missed.
    pub wave: String,
    /// Every way with the whole day's cost in fen.
    pub ways: Vec<(Way, i64)>,
    /// The way taken.
    pub taken: Way,
}

/// Late parcels by carrier and wave: they came after the wave closed in which their truck is expected.
pub(super) fn lates(county: &County, _date: Date, rows: &[OrderRow]) -> Vec<Late> {
    let waves = Waves(&county.waves);
    let mut all: Vec<Late> = Vec::new();
    for (at, _) in county.carriers.iter().enumerate() {
        let carrier = CarrierId::at(at);
        let mut trucks: Vec<i64> =
            county.inbound.iter().filter(|i| i.carrier == carrier).map(|i| i.arrives_s).collect();
        trucks.sort_unstable();
        for row in rows.iter().filter(|r| {
            r.order.kind == OrderKind::Down && r.order.carrier == carrier && r.order.origin == county.hub
        }) {
            // The truck it came by is the last one due before it came.
            let Some(&due) = trucks.iter().rev().find(|&&t| t <= row.order.ready_s) else { continue };
            let Some(wave) = waves.wave_of(due) else { continue };
            let late_s = row.order.ready_s - county.waves[wave].closes.0;
            if late_s < LATE_LEAST_S {
                continue;
            }
            match all.iter_mut().find(|l| l.carrier == carrier && l.wave == wave) {
                Some(late) => {
                    late.arrived_s = late.arrived_s.max(row.order.ready_s);
                    late.late_s = late.late_s.max(late_s);
                    late.orders.push(row.record.id.clone());
                }
                None => all.push(Late {
                    carrier,
                    wave,
                    arrived_s: row.order.ready_s,
                    late_s,
                    orders: vec![row.record.id.clone()],
                }),
            }
        }
    }
    all
}

impl Late {
    /// Tries the three ways and takes the cheapest; the waves and orders that follow from it.
    pub(super) fn decide(
        &self,
        county: &County,
        waves: &[Wave],
        rows: &[OrderRow],
        price: impl Fn(&[Wave], &[OrderRow]) -> i64,
    ) -> (LateCarrier, Vec<Wave>, Vec<OrderRow>) {
        let without: Vec<OrderRow> =
            rows.iter().filter(|r| !self.orders.contains(&r.record.id)).cloned().collect();
        let missed: i64 = rows
            .iter()
            .filter(|r| self.orders.contains(&r.record.id))
            .map(|r| county.costs.unserved_fen(r.order.unserved_fen, r.order.deferrals))
            .sum();
        let mut ways = vec![(Way::Split, price(waves, rows)), (Way::Miss, price(waves, &without) + missed)];
        let mut held = waves.to_vec();
        let next = waves.get(self.wave + 1).map_or(i64::MAX, |w| w.closes.0);
        if self.late_s <= HOLD_MOST_S && self.arrived_s < next {
            held[self.wave].closes.0 = self.arrived_s;
            ways.push((Way::Hold, price(&held, rows)));
        }
        ways.sort_by_key(|&(way, fen)| (fen, way as u8));
        let taken = ways[0].0;
        let told = LateCarrier {
            carrier: county.carrier(self.carrier).id.to_string(),
            parcels: self.orders.len() as u64,
            late_s: self.late_s,
            wave: waves[self.wave].name.clone(),
            ways: ways.clone(),
            taken,
        };
        // A parcel that misses the day stays in the plan's orders: the plan leaves it, with a dated deferral.
        match taken {
            Way::Hold => (told, held, rows.to_vec()),
            Way::Split | Way::Miss => (told, waves.to_vec(), rows.to_vec()),
        }
    }
}

/// The settings file of a county with other closing times of its waves; everything else stays as written.
#[must_use]
pub fn with_waves(toml: &str, waves: &[Wave]) -> String {
    let mut out = String::with_capacity(toml.len());
    let mut block: Option<usize> = None;
    let mut next = 0;
    for line in toml.split_inclusive('\n') {
        let bare = line.trim();
        if bare == "[[waves]]" {
            block = Some(next);
            next += 1;
        } else if bare.starts_with('[') {
            block = None;
        }
        match block.and_then(|at| waves.get(at)) {
            Some(wave) if bare.starts_with("closes") => {
                let s = wave.closes.0;
                out.push_str(&format!("closes = \"{:02}:{:02}:{:02}\"\n", s / 3600, s / 60 % 60, s % 60));
            }
            _ => out.push_str(line),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use xiangyun_model::time::DayTime;

    #[test]
    fn only_the_waves_closing_times_change() {
        let toml = "a = 1\n[[waves]]\nname = \"W1\"\ncloses = \"05:30\"\n\n[[waves]]\nname = \"W2\"\ncloses = \"06:30\"\n[x]\ncloses = \"9\"\n";
        let wave = |name: &str, s: i64| Wave { name: name.into(), closes: DayTime(s), rate_h: 1 };
        let text = with_waves(toml, &[wave("W1", 19_800), wave("W2", 24_000)]);
        assert!(
            text.contains("name = \"W2\"\ncloses = \"06:40:00\"") && text.contains("[x]\ncloses = \"9\""),
            "{text}"
        );
    }
}
