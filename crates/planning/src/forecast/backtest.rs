//! How well the model would have done: days held out one by one, beside yesterday's counts and last week's.

use super::history::DayCounts;
use super::model::Model;
use serde::Serialize;
use xiangyun_model::county::County;

/// Errors of one direction over all village points and held-out days, in thousandths.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Errors {
    /// Orders in the held-out days.
    pub orders: u64,
    /// Weighted absolute percentage error of the model's median.
    pub ours_pm: u64,
    /// The same of yesterday's counts.
    pub naive_pm: u64,
    /// The same of the counts a week before.
    pub seasonal_naive_pm: u64,
    /// Counts at most the P90, in thousandths of all.
    pub p90_coverage_pm: u64,
    /// Counts at most the P50.
    pub p50_coverage_pm: u64,
}

/// A backtest's report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Backtest {
    /// Days held out.
    pub days: usize,
    /// Parcels down.
    pub down: Errors,
    /// Lots up.
    pub up: Errors,
}

/// Forecasts each of the last `days` days of a history from what lies before it.
#[must_use]
pub fn backtest(county: &County, history: &[DayCounts], days: usize) -> Backtest {
    let first = history.len().saturating_sub(days).max(8);
    let mut sums = [Sums::default(), Sums::default()];
    for at in first..history.len() {
        let model = Model::fit(county, &history[..at]);
        let forecast = model.day(county, history[at].date);
        for row in &forecast.rows {
            let d = row.direction as usize;
            let i = row.site.index();
            let of = |day: &DayCounts| i64::from(day.sites[d][i]);
            let real = of(&history[at]);
            let sum = &mut sums[d];
            sum.cells += 1;
            sum.real += real;
            sum.ours += (i64::from(row.p50) - real).abs();
            sum.naive += (of(&history[at - 1]) - real).abs();
            sum.seasonal += (of(&history[at - 7]) - real).abs();
            sum.below90 += i64::from(real <= i64::from(row.p90));
            sum.below50 += i64::from(real <= i64::from(row.p50));
        }
    }
    let [down, up] = sums.map(|s| s.errors());
    Backtest { days: history.len() - first.min(history.len()), down, up }
}

#[derive(Default)]
struct Sums {
    cells: i64,
    real: i64,
    ours: i64,
    naive: i64,
    seasonal: i64,
    below90: i64,
    below50: i64,
}

impl Sums {
    fn errors(&self) -> Errors {
        let pm = |part: i64, whole: i64| u64::try_from((part * 1000 + whole / 2) / whole.max(1)).unwrap_or(0);
        Errors {
            orders: u64::try_from(self.real).unwrap_or(0),
            ours_pm: pm(self.ours, self.real),
            naive_pm: pm(self.naive, self.real),
            seasonal_naive_pm: pm(self.seasonal, self.real),
            p90_coverage_pm: pm(self.below90, self.cells),
            p50_coverage_pm: pm(self.below50, self.cells),
        }
    }
}
