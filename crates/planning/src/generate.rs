//! A day's demand from the county's stated assumptions: seed-stable, integer arithmetic only, so that the same county,
//! date, profile and seed give the same bytes everywhere.
//!
//! Volumes follow the profile, the weekday, the calendar (market days by township, peaks) and a bounded daily spread;
//! carriers by their shares, arrivals by their trucks, places by weight, classes by share. Assumptions, never facts.

use jiff::civil::Date;
use thiserror::Error;
use xiangyun_model::calendar::CalendarKind;
use xiangyun_model::county::County;
use xiangyun_model::demand::{ClassDemand, DemandProfile};
use xiangyun_model::id::{CarrierId, SiteId};
use xiangyun_model::order::OrderRecord;
use xiangyun_model::site::SiteKind;
use xiangyun_model::time::weekday_index;

/// Why no day can be generated.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum CannotGenerate {
    /// The county has no such profile.
    #[error("no demand profile {asked:?}; the county has {known}")]
    Profile {
        /// What was asked for.
        asked: String,
        /// The names that exist.
        known: String,
    },
    /// No place works on this date.
    #[error("no {0} works on {1}")]
    NoPlace(&'static str, Date),
}

/// Whole numbers at random: SplitMix64 (Steele, Lea, Flood 2014), chosen because its whole state is one seed.
#[derive(Clone, Debug)]
struct Dice(u64);

impl Dice {
    /// A sequence of its own for each text: FNV-1a over its bytes, then the generator's own mixing.
    fn of(text: &str) -> Self {
        let hash = text
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0000_0100_0000_01b3));
        Self(hash)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number in `0..n`; 0 when `n` is not positive. The bias of the multiplication is below 2^-40 for our ranges.
    fn below(&mut self, n: i64) -> i64 {
        if n <= 0 {
            return 0;
        }
        let wide = (u128::from(self.next()) * u128::from(n.unsigned_abs())) >> 64;
        i64::try_from(wide).expect("below n")
    }

    /// A position drawn by weight from cumulative sums.
    fn pick(&mut self, cumulative: &[i64]) -> usize {
        let total = cumulative.last().copied().unwrap_or(0);
        let x = self.below(total);
        cumulative.partition_point(|&c| c <= x).min(cumulative.len().saturating_sub(1))
    }
}

fn cumulate(weights: impl Iterator<Item = i64>) -> Vec<i64> {
    weights
        .scan(0_i64, |sum, w| {
            *sum += w.max(0);
            Some(*sum)
        })
        .collect()
}

/// Sixteen equally likely sizes against the mean, per mille: the mid-quantiles of a log-normal distribution with
/// sigma 0.7, scaled so that they average to 1000.
const SIZES_PM: [i64; 16] =
    [218, 318, 395, 465, 534, 605, 679, 758, 846, 946, 1062, 1202, 1380, 1625, 2016, 2951];

/// A mass in grams and a volume in cm³ for one order of a class.
fn size(dice: &mut Dice, class: &ClassDemand) -> (i64, i64) {
    // Means are decimal numbers in the file; they become whole grams and cm³ once, before anything is drawn.
    let g = (class.kg_mean * 1000.0).round() as i64;
    let cm3 = (class.l_mean * 1000.0).round() as i64;
    let both = SIZES_PM[usize::try_from(dice.below(16)).expect("0..16")];
    let mut one = |mean: i64| {
        let jitter = 800 + dice.below(401);
        (mean * both / 1000 * jitter / 1000).max(1)
    };
    (one(g), one(cm3))
}

/// Places of a kind with their weights on a date.
struct Places {
    ids: Vec<SiteId>,
    cumulative: Vec<i64>,
}

impl Places {
    fn draw(&self, dice: &mut Dice) -> SiteId {
        self.ids[dice.pick(&self.cumulative)]
    }
}

struct Generator<'a> {
    county: &'a County,
    date: Date,
    dice: Dice,
    records: Vec<OrderRecord>,
    carriers_down: Vec<i64>,
    carriers_up: Vec<i64>,
    gateways: Vec<SiteId>,
    villages_down: Places,
    villages_up: Places,
    stations: Places,
}

/// The names of the county's profiles.
#[must_use]
pub fn profiles(county: &County) -> Vec<&str> {
    county.demand.profiles.keys().map(String::as_str).collect()
}

/// Generates a day's orders.
///
/// # Errors
/// [`CannotGenerate`] when the profile is unknown or nothing is open on the date.
pub fn day(
    county: &County,
    date: Date,
    seed: u64,
    profile: &str,
) -> Result<Vec<OrderRecord>, CannotGenerate> {
    let volumes = county.demand.profiles.get(profile).ok_or_else(|| CannotGenerate::Profile {
        asked: profile.to_owned(),
        known: profiles(county).join(", "),
    })?;
    let mut generator = Generator::new(county, date, seed, profile)?;
    let totals = generator.totals(volumes);
    for number in 0..totals.down {
        generator.down(number);
    }
    for number in 0..totals.up {
        generator.up(number);
    }
    for number in 0..totals.transfers {
        generator.transfer(number);
    }
    for number in 0..totals.returns {
        generator.give_back(number);
    }
    Ok(generator.records)
}

impl<'a> Generator<'a> {
    fn new(county: &'a County, date: Date, seed: u64, profile: &str) -> Result<Self, CannotGenerate> {
        let works = |id: &SiteId| county.site(*id).works_on(date);
        let villages: Vec<SiteId> = county.sites_of(SiteKind::Village).filter(works).collect();
        let stations: Vec<SiteId> = county.sites_of(SiteKind::Station).filter(works).collect();
        if villages.is_empty() {
            return Err(CannotGenerate::NoPlace("village point", date));
        }
        if stations.is_empty() {
            return Err(CannotGenerate::NoPlace("station", date));
        }
        let weights = |down: bool| {
            cumulate(
                villages.iter().map(|&v| weight(county, v) * township_bp(county, date, v, down) / 10_000),
            )
        };
        let villages_down = Places { cumulative: weights(true), ids: villages.clone() };
        let parks: Vec<SiteId> = county.sites_of(SiteKind::Park).filter(works).collect();
        let mut origins = villages.clone();
        origins.extend(&parks);
        let up_weights = origins.iter().map(|&v| {
            let times = if county.site(v).kind == SiteKind::Park { 3 } else { 1 };
            times * weight(county, v) * township_bp(county, date, v, false) / 10_000
        });
        let villages_up = Places { cumulative: cumulate(up_weights), ids: origins.clone() };
        let station_weights = stations
            .iter()
            .map(|&s| 4 + villages.iter().filter(|&&v| county.station_of(v) == s).count() as i64);
        let mut gateways: Vec<SiteId> = county.lanes.iter().map(|lane| lane.gateway).collect();
        gateways.sort_unstable();
        gateways.dedup();
        Ok(Self {
            county,
            date,
            dice: Dice::of(&format!("{} {date} {seed} {profile}", county.code)),
            records: Vec::new(),
            carriers_down: cumulate(county.carriers.iter().map(|c| c.share_bp)),
            carriers_up: cumulate(county.carriers.iter().map(|c| c.share_up_bp)),
            gateways,
            stations: Places { cumulative: cumulate(station_weights), ids: stations.clone() },
            villages_down,
            villages_up,
        })
    }

    /// The day's volumes: the profile's, by weekday, calendar and spread, unless they are exact.
    fn totals(&mut self, volumes: &DemandProfile) -> DemandProfile {
        if volumes.exact {
            return volumes.clone();
        }
        let demand = &self.county.demand;
        let day = weekday_index(self.date.weekday());
        // A sum of twelve uniform numbers has variance 1 and is near a normal one; cut at two standard deviations.
        let normal_pm: i64 = ((0..12).map(|_| self.dice.below(1001)).sum::<i64>() - 6000).clamp(-2000, 2000);
        let spread_bp = 10_000 + demand.daily_spread_bp * normal_pm / 1000;
        let whole = |down: bool| {
            let mut bp = 10_000;
            for entry in &self.county.calendar {
                if entry.date == self.date
                    && entry.site.is_none()
                    && !matches!(entry.kind, CalendarKind::TruckLimit { .. })
                {
                    bp = bp * if down { entry.down_bp } else { entry.up_bp } / 10_000;
                }
            }
            bp
        };
        let scale = |n: i64, factors: [i64; 3]| factors.iter().fold(n, |n, f| (n * f + 5000) / 10_000);
        let down = [demand.weekday_down_bp[day], whole(true), spread_bp];
        let up = [demand.weekday_up_bp[day], whole(false), spread_bp];
        DemandProfile {
            down: scale(volumes.down, down),
            up: scale(volumes.up, up),
            transfers: scale(volumes.transfers, up),
            returns: scale(volumes.returns, down),
            exact: true,
        }
    }

    fn class<'b>(&mut self, classes: &'b [ClassDemand]) -> &'b ClassDemand {
        let cumulative = cumulate(classes.iter().map(|c| c.share_bp));
        &classes[self.dice.pick(&cumulative)]
    }

    fn carrier(&mut self, up: bool) -> CarrierId {
        let cumulative = if up { &self.carriers_up } else { &self.carriers_down };
        CarrierId::at(self.dice.pick(cumulative))
    }

    fn instant(&self, seconds: i64) -> String {
        let date =
            self.date.checked_add(jiff::Span::new().days(seconds.div_euclid(86_400))).unwrap_or(self.date);
        let clock = seconds.rem_euclid(86_400);
        format!("{date}T{:02}:{:02}", clock / 3600, clock / 60 % 60)
    }

    #[allow(clippy::too_many_arguments)] // one row of a file, column by column
    fn push(
        &mut self,
        letter: char,
        number: i64,
        kind: &str,
        carrier: CarrierId,
        ends: (SiteId, SiteId),
        class: &ClassDemand,
        pieces: i64,
        ready_s: i64,
        promise_s: i64,
    ) {
        let (g, cm3) = size(&mut self.dice, class);
        let county = self.county;
        let (year, month, day) = (self.date.year() % 100, self.date.month(), self.date.day());
        self.records.push(OrderRecord {
            id: format!("{}{year:02}{month:02}{day:02}{letter}{number:06}", county.carrier(carrier).id),
            kind: kind.to_owned(),
            carrier: county.carrier(carrier).id.to_string(),
            origin: county.site(ends.0).id.to_string(),
            destination: county.site(ends.1).id.to_string(),
            class: class.class.clone(),
            pieces: pieces.to_string(),
            weight_g: g.to_string(),
            volume_cm3: cm3.to_string(),
            ready: self.instant(ready_s),
            promise: self.instant(promise_s),
            cleared: "yes".into(),
            ..OrderRecord::default()
        });
    }

    fn down(&mut self, number: i64) {
        let county = self.county;
        let class = self.class(&county.demand.down);
        let carrier = self.carrier(false);
        let arrivals: Vec<_> = county.inbound.iter().filter(|i| i.carrier == carrier).collect();
        let ready_s = if arrivals.is_empty() {
            county.waves[0].closes.0
        } else {
            arrivals[self.dice.pick(&cumulate(arrivals.iter().map(|i| i.share_bp)))].arrives_s
        };
        let at_station = class.stations_only || self.dice.below(10_000) < county.demand.station_share_bp;
        let to = if at_station {
            self.stations.draw(&mut self.dice)
        } else {
            self.villages_down.draw(&mut self.dice)
        };
        self.push(
            'D',
            number,
            "down",
            carrier,
            (county.hub, to),
            class,
            1,
            ready_s,
            county.demand.down_promise.0,
        );
    }

    /// When goods of a village are ready: a part since the evening before, most early, some until ten.
    fn ready_s(&mut self) -> i64 {
        match self.dice.below(20) {
            0..=4 => -7 * 3600,
            5..=14 => 7 * 3600 + self.dice.below(3) * 1800,
            _ => 8 * 3600 + 1800 + self.dice.below(4) * 1800,
        }
    }

    /// Where outbound goods go: a gateway with a lane, or the hub's own store.
    fn outbound_end(&mut self) -> SiteId {
        if self.gateways.is_empty() || self.dice.below(100) < 15 {
            return self.county.hub;
        }
        let i = usize::try_from(self.dice.below(self.gateways.len() as i64)).expect("within the list");
        self.gateways[i]
    }

    fn up(&mut self, number: i64) {
        let county = self.county;
        let class = self.class(&county.demand.up);
        let carrier = self.carrier(true);
        let from = self.villages_up.draw(&mut self.dice);
        let to = self.outbound_end();
        let pieces = 1 + self.dice.below(3);
        let ready_s = self.ready_s();
        self.push('U', number, "up", carrier, (from, to), class, pieces, ready_s, county.demand.up_promise.0);
    }

    fn give_back(&mut self, number: i64) {
        let county = self.county;
        let carrier = self.carrier(false);
        let station = self.dice.below(10_000) < county.demand.station_share_bp;
        let from = if station {
            self.stations.draw(&mut self.dice)
        } else {
            self.villages_down.draw(&mut self.dice)
        };
        let to = self.outbound_end();
        self.push(
            'R',
            number,
            "return",
            carrier,
            (from, to),
            &county.demand.down[0],
            1,
            7 * 3600,
            county.demand.up_promise.0,
        );
    }

    fn transfer(&mut self, number: i64) {
        let county = self.county;
        let class =
            if self.dice.below(10) < 7 { &county.demand.down[0] } else { self.class(&county.demand.up) };
        let carrier = self.carrier(true);
        let between_stations =
            self.stations.ids.len() > 1 && self.dice.below(10_000) < county.demand.transfer_station_share_bp;
        let from = if between_stations {
            self.stations.draw(&mut self.dice)
        } else {
            self.villages_down.draw(&mut self.dice)
        };
        let to = if between_stations { self.other_station(from) } else { self.neighbour(from) };
        let ready_s = 7 * 3600 + self.dice.below(4) * 1800;
        self.push(
            'T',
            number,
            "transfer",
            carrier,
            (from, to),
            class,
            1,
            ready_s,
            county.demand.transfer_promise.0,
        );
    }

    fn other_station(&mut self, from: SiteId) -> SiteId {
        let others: Vec<SiteId> = self.stations.ids.iter().copied().filter(|&s| s != from).collect();
        others[usize::try_from(self.dice.below(others.len() as i64)).expect("within the list")]
    }

    /// Another point of the same township, or its station where there is none.
    fn neighbour(&mut self, from: SiteId) -> SiteId {
        let county = self.county;
        let home = county.station_of(from);
        let near: Vec<SiteId> = self
            .villages_down
            .ids
            .iter()
            .copied()
            .filter(|&v| v != from && county.station_of(v) == home)
            .collect();
        if near.is_empty() {
            return home;
        }
        near[usize::try_from(self.dice.below(near.len() as i64)).expect("within the list")]
    }
}

/// Standing weight of a place in ten-thousandths: a stable draw by its id between 0.6 and 1.6, times the county
/// town's factor for points whose station lies in the hub's town (within two kilometres of the hub).
fn weight(county: &County, id: SiteId) -> i64 {
    let site = county.site(id);
    let own = 6000 + Dice::of(site.id.as_str()).below(10_001);
    let station = county.site(county.station_of(id));
    let in_town = station.place.metres_to(county.site(county.hub).place) < 2000.0;
    if in_town { own * county.demand.community_weight_bp / 10_000 } else { own }
}

/// What the calendar does to a township on a date, in ten-thousandths.
fn township_bp(county: &County, date: Date, id: SiteId, down: bool) -> i64 {
    let station = county.station_of(id);
    county
        .calendar
        .iter()
        .filter(|e| e.date == date && e.site == Some(station))
        .fold(10_000, |bp, e| bp * if down { e.down_bp } else { e.up_bp } / 10_000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::county::load_dir;
    use crate::orders;
    use std::collections::BTreeMap;
    use std::path::Path;
    use xiangyun_model::problem::Problems;

    fn county() -> County {
        load_dir(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/baofeng")))
            .expect("the committed county")
    }

    fn count(records: &[OrderRecord], kind: &str) -> usize {
        records.iter().filter(|r| r.kind == kind).count()
    }

    #[test]
    fn sizes_average_to_their_mean() {
        assert_eq!(SIZES_PM.iter().sum::<i64>(), 16_000);
    }

    #[test]
    fn volumes_follow_the_profile_on_every_weekday() {
        let county = county();
        for later in 0..7 {
            let date =
                county.default_date.checked_add(jiff::Span::new().days(later)).expect("next week exists");
            for seed in 0..3 {
                let records = day(&county, date, seed, "default").expect("generates");
                let (down, up) = (count(&records, "down"), count(&records, "up"));
                assert!((9_000..=14_000).contains(&down), "{date} {seed}: {down} down");
                assert!(up >= 1_200, "{date} {seed}: {up} up");
                assert!(count(&records, "transfer") > 100 && count(&records, "return") > 200);
            }
        }
        for (profile, down) in [("30000", 30_000), ("60000", 60_000)] {
            assert_eq!(
                count(&day(&county, county.default_date, 1, profile).expect("generates"), "down"),
                down
            );
        }
        assert!(matches!(day(&county, county.default_date, 1, "1"), Err(CannotGenerate::Profile { .. })));
    }

    #[test]
    fn same_seed_same_bytes_and_every_row_is_good() {
        let county = county();
        let make = |seed| day(&county, county.default_date, seed, "default").expect("generates");
        let bytes = orders::write(&make(7));
        assert!(bytes == orders::write(&make(7)));
        assert!(bytes != orders::write(&make(8)));
        let mut problems = Problems::new();
        let rows = orders::read(
            "o.csv",
            &bytes,
            orders::Source::Own,
            &std::collections::HashMap::new(),
            &county,
            county.default_date,
            &mut problems,
        );
        assert!(problems.is_empty(), "{:#?}", &problems.list()[..problems.list().len().min(5)]);
        assert_eq!(rows.len(), make(7).len());
    }

    #[test]
    fn carriers_take_their_shares_and_market_days_bring_produce() {
        let county = county();
        let records = day(&county, county.default_date, 1, "30000").expect("generates");
        let mut by_carrier: BTreeMap<&str, i64> = BTreeMap::new();
        for record in records.iter().filter(|r| r.kind == "down") {
            *by_carrier.entry(&record.carrier).or_default() += 1;
        }
        for carrier in &county.carriers {
            let found = by_carrier[carrier.id.as_str()];
            let want = carrier.share_bp * 3;
            assert!((found - want).abs() < want / 10, "{}: {found} against {want}", carrier.id);
        }
        // 24 November 2026 is the sixteenth day of a lunar month: a market at Shiqiao, none at Zhouzhuang.
        let up_of = |station: &str| {
            let station = county.find_site(station).expect("it is there");
            let from = |r: &&OrderRecord| {
                r.kind == "up" && county.find_site(&r.origin).is_some_and(|o| county.station_of(o) == station)
            };
            let villages = county.sites_of(SiteKind::Village).filter(|&v| county.station_of(v) == station);
            records.iter().filter(from).count() as i64 * 1_000_000
                / villages.map(|v| weight(&county, v)).sum::<i64>()
        };
        assert!(up_of("S410421103") > up_of("S410421101"));
    }
}
