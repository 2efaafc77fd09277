//! The orders that an evening draft is planned on: the carriers' advance notice, filled up by forecast parcels.

use super::history::{Direction, count};
use super::model::Forecast;
use jiff::civil::Date;
use xiangyun_model::county::County;
use xiangyun_model::demand::ClassDemand;
use xiangyun_model::order::OrderRecord;

/// What a draft is filled up to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantile {
    /// Nothing: the notice as it is.
    Notice,
    /// The median.
    P50,
    /// Not exceeded on four days in five.
    P80,
}

impl Quantile {
    /// Reads `notice`, `p50` or `p80`.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "notice" => Some(Self::Notice),
            "p50" => Some(Self::P50),
            "p80" => Some(Self::P80),
            _ => None,
        }
    }
}

/// Spreads items over shares evenly: the n-th goes to whoever is furthest behind.
struct Deal {
    shares: Vec<i64>,
    given: Vec<i64>,
    count: i64,
}

impl Deal {
    fn new(shares: impl Iterator<Item = i64>) -> Self {
        let shares: Vec<i64> = shares.collect();
        Self { given: vec![0; shares.len()], shares, count: 0 }
    }

    fn next(&mut self) -> usize {
        self.count += 1;
        let all: i64 = self.shares.iter().sum::<i64>().max(1);
        let behind = |i: usize| self.shares[i] * self.count - self.given[i] * all;
        let next = (0..self.shares.len()).max_by_key(|&i| (behind(i), std::cmp::Reverse(i))).unwrap_or(0);
        if let Some(given) = self.given.get_mut(next) {
            *given += 1;
        }
        next
    }
}

/// Makes the orders of a draft. Forecast ones have ids that begin with `F-` and sizes of their class's mean.
#[must_use]
pub fn draft(
    county: &County,
    date: Date,
    forecast: &Forecast,
    notice: &[OrderRecord],
    quantile: Quantile,
) -> Vec<OrderRecord> {
    let mut orders = notice.to_vec();
    if quantile == Quantile::Notice {
        return orders;
    }
    let known = count(county, date, notice);
    let demand = &county.demand;
    let mut classes = [&demand.down, &demand.up].map(|c| Deal::new(c.iter().map(|c| c.share_bp)));
    let mut carriers = [0, 1].map(|d| Deal::new(forecast.carriers_pm[d].iter().copied()));
    let mut number = 0;

    for row in &forecast.rows {
        let d = row.direction as usize;
        let want = match quantile {
            Quantile::P80 => row.p80,
            _ => row.p50,
        };
        for _ in known.sites[d][row.site.index()]..want {
            number += 1;
            let list: &[ClassDemand] =
                if row.direction == Direction::Down { &demand.down } else { &demand.up };
            let mut class = &list[classes[d].next()];
            let place = county.site(row.site);
            if class.stations_only && place.kind != xiangyun_model::site::SiteKind::Station {
                class = &list[0];
            }
            let carrier = &county.carriers[carriers[d].next()];
            orders.push(one(
                county,
                date,
                number,
                row.direction,
                place.id.as_str(),
                class,
                carrier.id.as_str(),
            ));
        }
    }
    orders
}

fn one(
    county: &County,
    date: Date,
    number: u32,
    direction: Direction,
    place: &str,
    class: &ClassDemand,
    carrier: &str,
) -> OrderRecord {
    let clock = |s: i64| format!("{date}T{:02}:{:02}", s / 3600, s / 60 % 60);
    let hub = county.site(county.hub).id.to_string();
    let arrivals = county.inbound.iter().filter(|i| county.carrier(i.carrier).id.as_str() == carrier);
    // The truck that brings most of a carrier's parcels.
    let arrives = arrivals.max_by_key(|i| i.share_bp).map_or(6 * 3600, |i| i.arrives_s);
    let down = direction == Direction::Down;
    let (origin, destination) = if down { (hub, place.to_owned()) } else { (place.to_owned(), hub) };
    OrderRecord {
        id: format!("F-{}-{number:06}", if down { "D" } else { "U" }),
        kind: direction.word().to_owned(),
        carrier: carrier.to_owned(),
        origin,
        destination,
        class: class.class.clone(),
        pieces: "1".into(),
        weight_g: format!("{:.0}", class.kg_mean * 1000.0),
        volume_cm3: format!("{:.0}", class.l_mean * 1000.0),
        ready: clock(if down { arrives } else { 7 * 3600 + 1800 }),
        promise: clock(if down { county.demand.down_promise.0 } else { county.demand.up_promise.0 }),
        cleared: "yes".into(),
        ..OrderRecord::default()
    }
}
