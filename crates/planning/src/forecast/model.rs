//! The fitted model and a day's forecast.

use super::history::{DayCounts, Direction};
use super::quantile::negative_binomial;
use jiff::civil::Date;
use serde::Serialize;
use std::collections::BTreeMap;
use xiangyun_model::calendar::{CalendarEntry, CalendarKind};
use xiangyun_model::county::County;
use xiangyun_model::id::SiteId;
use xiangyun_model::time::weekday_index;

/// Weight of a new day in the level.
const LEVEL_RATE: f64 = 0.08;
/// Weeks of evidence that hold a weekday's factor at one.
const WEEKDAY_PRIOR: f64 = 1.0;
/// Entries of evidence that hold a calendar kind at the factor that the calendar states.
const KIND_PRIOR: f64 = 6.0;
/// Days of evidence that hold a village at its township's mean.
const SITE_PRIOR: f64 = 2.0;
/// Least and most correction of a stated calendar factor.
const CORRECTION: (f64, f64) = (0.7, 1.4);

/// One direction's fitted numbers.
#[derive(Clone, Debug)]
struct Fit {
    /// Orders on a day without weekday or calendar.
    level: f64,
    weekday: [f64; 7],
    /// What entries of a kind really did, against what the calendar states.
    correction: BTreeMap<&'static str, f64>,
    /// Share of each site.
    share: Vec<f64>,
    /// Coefficient of variation of a day's total that nothing explains.
    spread: f64,
}

/// A model fitted to history.
#[derive(Clone, Debug)]
pub struct Model {
    fits: [Fit; 2],
    /// Share of each carrier by direction.
    carriers: [Vec<f64>; 2],
    days: usize,
}

/// The forecast of one place and direction.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// Where, by position in `County::sites`.
    #[serde(skip)]
    pub site: SiteId,
    /// Which way.
    pub direction: Direction,
    /// Expected orders, in thousandths.
    pub mean_milli: i64,
    /// Not exceeded on one day in two.
    pub p50: u32,
    /// Not exceeded on four days in five.
    pub p80: u32,
    /// Not exceeded on nine days in ten.
    pub p90: u32,
    /// What the weekday does, in ten-thousandths.
    pub weekday_bp: i64,
    /// What the calendar does here, in ten-thousandths.
    pub calendar_bp: i64,
    /// The calendar's entries that do it, in the calendar's words.
    pub because: String,
}

/// A day's forecast.
#[derive(Clone, Debug, Serialize)]
pub struct Forecast {
    /// The day.
    pub date: Date,
    /// Places with anything to expect, by site and direction.
    pub rows: Vec<Row>,
    /// Carriers' shares in thousandths, by position in `County::carriers`; parcels down, then lots up.
    pub carriers_pm: [Vec<i64>; 2],
    /// Days of history behind it.
    pub days: usize,
}

fn kind_name(kind: CalendarKind) -> Option<&'static str> {
    match kind {
        CalendarKind::Market => Some("market"),
        CalendarKind::Festival => Some("festival"),
        CalendarKind::Peak => Some("peak"),
        CalendarKind::Weather => Some("weather"),
        CalendarKind::TruckLimit { .. } => None,
    }
}

fn stated(entry: &CalendarEntry, direction: Direction) -> f64 {
    (if direction == Direction::Down { entry.down_bp } else { entry.up_bp }) as f64 / 10_000.0
}

/// Entries that concern a site on a date.
fn entries(
    county: &County,
    date: Date,
    site: SiteId,
) -> impl Iterator<Item = (&CalendarEntry, &'static str)> {
    let station = county.station_of(site);
    county
        .calendar
        .iter()
        .filter(move |e| e.date == date && e.site.is_none_or(|s| s == station))
        .filter_map(|e| kind_name(e.kind).map(|k| (e, k)))
}

impl Model {
    /// Fits a model to past days in order of date.
    #[must_use]
    pub fn fit(county: &County, history: &[DayCounts]) -> Self {
        let fits = Direction::ALL.map(|direction| fit(county, history, direction));
        let carriers = Direction::ALL.map(|direction| {
            let mut sums = vec![1.0; county.carriers.len()];
            for day in history.iter().rev().take(28) {
                for (sum, &n) in sums.iter_mut().zip(&day.carriers[direction as usize]) {
                    *sum += f64::from(n);
                }
            }
            let all: f64 = sums.iter().sum();
            sums.iter().map(|s| s / all).collect()
        });
        Self { fits, carriers, days: history.len() }
    }

    /// Forecasts a day.
    #[must_use]
    pub fn day(&self, county: &County, date: Date) -> Forecast {
        let weekday = weekday_index(date.weekday());
        let mut rows = Vec::new();
        for (at, site) in county.sites.iter().enumerate() {
            let id = SiteId::at(at);
            for direction in Direction::ALL {
                let fit = &self.fits[direction as usize];
                if fit.share[at] <= 0.0 || !site.works_on(date) {
                    continue;
                }
                let mut calendar = 1.0;
                let mut because = Vec::new();
                for (entry, kind) in entries(county, date, id) {
                    let factor = stated(entry, direction) * fit.correction.get(kind).copied().unwrap_or(1.0);
                    calendar *= factor;
                    if (factor - 1.0).abs() > 1e-9 {
                        because.push(if entry.note.is_empty() { kind } else { entry.note.as_str() });
                    }
                }
                let mean = fit.level * fit.weekday[weekday] * calendar * fit.share[at];
                let quantile = |q| negative_binomial(mean, fit.spread, q);
                let bp = |x: f64| (x * 10_000.0).round() as i64;
                rows.push(Row {
                    site: id,
                    direction,
                    mean_milli: (mean * 1000.0).round() as i64,
                    p50: quantile(0.5),
                    p80: quantile(0.8),
                    p90: quantile(0.9),
                    weekday_bp: bp(fit.weekday[weekday]),
                    calendar_bp: bp(calendar),
                    because: because.join("; "),
                });
            }
        }
        let carriers_pm =
            [0, 1].map(|d| self.carriers[d].iter().map(|s| (s * 1000.0).round() as i64).collect());
        Forecast { date, rows, carriers_pm, days: self.days }
    }
}

/// The factor that the stated calendar gives each site on a date.
fn factors(
    county: &County,
    date: Date,
    direction: Direction,
    correction: &BTreeMap<&'static str, f64>,
) -> Vec<f64> {
    let mut all = vec![1.0; county.sites.len()];
    if !county.calendar.iter().any(|e| e.date == date) {
        return all;
    }
    for (at, factor) in all.iter_mut().enumerate() {
        for (entry, kind) in entries(county, date, SiteId::at(at)) {
            *factor *= stated(entry, direction) * correction.get(kind).copied().unwrap_or(1.0);
        }
    }
    all
}

fn fit(county: &County, history: &[DayCounts], direction: Direction) -> Fit {
    let n = county.sites.len();
    let d = direction as usize;
    let mut correction: BTreeMap<&'static str, f64> = BTreeMap::new();
    let (mut share, mut weekday, mut level, mut spread) = (vec![0.0; n], [1.0; 7], 0.0, 0.0);
    // Each part is estimated with the others held: three rounds settle it.
    for _ in 0..3 {
        let deflators: Vec<Vec<f64>> =
            history.iter().map(|day| factors(county, day.date, direction, &correction)).collect();
        share = shares(county, history, d, &deflators);
        let inflated = |f: &[f64]| f.iter().zip(&share).map(|(f, s)| f * s).sum::<f64>().max(1e-9);
        let flat: Vec<f64> = history
            .iter()
            .zip(&deflators)
            .map(|(day, f)| day.total(direction) as f64 / inflated(f))
            .collect();
        (level, weekday, spread) = levels(history, &flat, &share);
        correction = corrections(county, history, direction, &share, level, &weekday);
    }
    Fit { level, weekday, correction, share, spread }
}

/// Each site's share of a day without calendar, shrunk towards the mean of its township.
fn shares(county: &County, history: &[DayCounts], d: usize, deflators: &[Vec<f64>]) -> Vec<f64> {
    let n = county.sites.len();
    let mut rate = vec![0.0; n];
    let mut weight = vec![0.0; n];
    for (age, (day, f)) in history.iter().zip(deflators).rev().enumerate() {
        // A village changes slowly: half of a day's weight is left after ninety days.
        let w = 0.5_f64.powf(age as f64 / 90.0);
        for at in 0..n {
            rate[at] += w * f64::from(day.sites[d][at]) / f[at].max(1e-9);
            weight[at] += w;
        }
    }
    let mut town: BTreeMap<SiteId, (f64, f64)> = BTreeMap::new();
    let key = |at: usize| {
        let id = SiteId::at(at);
        let own = county.station_of(id);
        if own == id { None } else { Some(own) }
    };
    for at in 0..n {
        if let Some(station) = key(at) {
            let entry = town.entry(station).or_default();
            entry.0 += rate[at] / weight[at].max(1e-9);
            entry.1 += 1.0;
        }
    }
    for at in 0..n {
        let mean = key(at).and_then(|s| town.get(&s)).map_or(0.0, |(sum, count)| sum / count);
        rate[at] = match key(at) {
            Some(_) if rate[at] > 0.0 => (rate[at] + SITE_PRIOR * mean) / (weight[at] + SITE_PRIOR),
            _ => rate[at] / weight[at].max(1e-9),
        };
    }
    let all: f64 = rate.iter().sum::<f64>().max(1e-9);
    rate.iter().map(|r| r / all).collect()
}

/// Level, weekday factors and unexplained spread of the deflated totals.
fn levels(history: &[DayCounts], flat: &[f64], share: &[f64]) -> (f64, [f64; 7], f64) {
    let mean = flat.iter().sum::<f64>() / flat.len().max(1) as f64;
    let mut sums = [(WEEKDAY_PRIOR * mean, WEEKDAY_PRIOR); 7];
    for (day, &total) in history.iter().zip(flat) {
        let at = weekday_index(day.date.weekday());
        sums[at].0 += total;
        sums[at].1 += 1.0;
    }
    let mut weekday = sums.map(|(sum, count)| if mean > 0.0 { sum / count / mean } else { 1.0 });
    let centre = weekday.iter().sum::<f64>() / 7.0;
    weekday = weekday.map(|w| w / centre.max(1e-9));
    let mut level = mean;
    let mut squares = 0.0;
    for (day, &total) in history.iter().zip(flat) {
        let plain = total / weekday[weekday_index(day.date.weekday())].max(1e-9);
        squares += (plain / mean.max(1e-9) - 1.0).powi(2);
        level += LEVEL_RATE * (plain - level);
    }
    let variance = squares / flat.len().max(1) as f64;
    // A part of that spread is only counting; and an error in the share of a village is of the order of its counts.
    let counted = 1.0 / mean.max(1.0);
    let places = share.iter().filter(|s| **s > 0.0).count() as f64;
    let own = places / mean.max(1.0) / history.len().max(1) as f64;
    (level, weekday, ((variance - counted).max(0.0) + own).sqrt())
}

/// What the entries of each kind really did at the sites they concern.
fn corrections(
    county: &County,
    history: &[DayCounts],
    direction: Direction,
    share: &[f64],
    level: f64,
    weekday: &[f64; 7],
) -> BTreeMap<&'static str, f64> {
    let mut sums: BTreeMap<&'static str, (f64, f64, f64)> = BTreeMap::new();
    for day in history {
        for entry in county.calendar.iter().filter(|e| e.date == day.date) {
            let Some(kind) = kind_name(entry.kind) else { continue };
            let concerned = |at: usize| entry.site.is_none_or(|s| county.station_of(SiteId::at(at)) == s);
            let (mut seen, mut base) = (0.0, 0.0);
            for at in (0..share.len()).filter(|&at| concerned(at)) {
                seen += f64::from(day.sites[direction as usize][at]);
                base += level * weekday[weekday_index(day.date.weekday())] * share[at];
            }
            let sum = sums.entry(kind).or_default();
            sum.0 += seen;
            sum.1 += base * stated(entry, direction);
            sum.2 += 1.0;
        }
    }
    sums.into_iter()
        .filter(|(_, (_, expected, _))| *expected > 0.0)
        .map(|(kind, (seen, expected, count))| {
            let prior = KIND_PRIOR * expected / count;
            (kind, ((seen + prior) / (expected + prior)).clamp(CORRECTION.0, CORRECTION.1))
        })
        .collect()
}
