//! A county's past days: its own order files where it keeps enough of them, else days generated from its assumptions.

use super::{DayCounts, count};
use crate::generate::{self, CannotGenerate};
use crate::orders::{self, Source};
use jiff::civil::Date;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use xiangyun_model::county::County;
use xiangyun_model::problem::Problems;

/// Fewest kept days that stand for a county's past by themselves.
pub const DAYS_LEAST: usize = 14;
/// Most days that are looked at.
const DAYS_MOST: usize = 400;
/// Seed of generated days; the same as a plan takes for its day.
const DEMAND_SEED: u64 = 1;

/// Past days in order.
#[derive(Debug)]
pub struct Past {
    /// Counts of each day.
    pub days: Vec<DayCounts>,
    /// Whether the days are generated, and so no fact.
    pub generated: bool,
}

/// Why there is no past to look at.
#[derive(Debug, thiserror::Error)]
pub enum NoPast {
    /// A kept file has faults.
    #[error("{} faults in the orders of past days", .0.list().len())]
    Faulty(Problems),
    /// A kept file cannot be read.
    #[error("{0}: {1}")]
    Unreadable(PathBuf, #[source] std::io::Error),
    /// Nothing is kept and nothing can be generated.
    #[error(transparent)]
    CannotGenerate(#[from] CannotGenerate),
}

/// The `back` days before a date, oldest first.
#[must_use]
pub fn days_before(date: Date, back: u32) -> Vec<Date> {
    let back = i64::from(back).min(DAYS_MOST as i64);
    (1..=back).rev().filter_map(|n| date.checked_sub(jiff::Span::new().days(n)).ok()).collect()
}

/// The days of a span, both ends included, at most 400 of them.
#[must_use]
pub fn days_between(from: Date, to: Date) -> Vec<Date> {
    std::iter::successors(Some(from), |d| d.tomorrow().ok())
        .take_while(|d| *d <= to)
        .take(DAYS_MOST)
        .collect()
}

/// The past of a county directory on some dates. Kept files (`orders/DATE.csv`) count where there are [`DAYS_LEAST`] of them
/// or one for every date: a few real days among generated ones would look like a change of the county's level.
///
/// # Errors
/// A kept file that cannot be read or has faults; a county without demand assumptions.
pub fn past(county: &County, dir: &Path, dates: &[Date]) -> Result<Past, NoPast> {
    let file = |date: Date| dir.join("orders").join(format!("{date}.csv"));
    let kept: Vec<Date> = dates.iter().copied().filter(|&d| file(d).is_file()).collect();
    if !kept.is_empty() && kept.len() >= DAYS_LEAST.min(dates.len()) {
        let days = kept.iter().map(|&date| read(county, &file(date), date));
        return Ok(Past { days: days.collect::<Result<_, _>>()?, generated: false });
    }
    let made = dates.iter().map(|&date| {
        let records = generate::day(county, date, DEMAND_SEED, "default")?;
        Ok(count(county, date, &records))
    });
    Ok(Past { days: made.collect::<Result<_, NoPast>>()?, generated: true })
}

fn read(county: &County, path: &Path, date: Date) -> Result<DayCounts, NoPast> {
    let bytes = std::fs::read(path).map_err(|err| NoPast::Unreadable(path.to_owned(), err))?;
    let mut problems = Problems::new();
    let name = path.to_string_lossy();
    let rows = orders::read(&name, &bytes, Source::Own, &HashMap::new(), county, date, &mut problems);
    if !problems.is_empty() {
        return Err(NoPast::Faulty(problems));
    }
    let records: Vec<_> = rows.into_iter().map(|row| row.record).collect();
    Ok(count(county, date, &records))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::county::load_dir;

    #[test]
    fn kept_days_count_only_where_there_are_enough() {
        let kept = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/baofeng"));
        let county = load_dir(kept).expect("the committed county");
        let dir = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(dir.path().join("orders")).expect("a folder");
        let dates = days_before(county.default_date, 15);
        assert_eq!(dates.len(), 15);
        assert_eq!(days_between(dates[0], dates[14]), dates);
        let day = |date: Date| generate::day(&county, date, 7, "default").expect("generates");
        for &date in &dates[..13] {
            let file = dir.path().join("orders").join(format!("{date}.csv"));
            std::fs::write(file, orders::write(&day(date))).expect("written");
        }
        let thirteen = past(&county, dir.path(), &dates).expect("generated");
        assert!(thirteen.generated);
        assert_eq!(thirteen.days.len(), 15);
        let whole = past(&county, dir.path(), &dates[3..10]).expect("kept");
        assert!(!whole.generated, "each of the seven dates is kept");
        let file = dir.path().join("orders").join(format!("{}.csv", dates[13]));
        std::fs::write(&file, orders::write(&day(dates[13]))).expect("written");
        let fourteen = past(&county, dir.path(), &dates).expect("kept");
        assert!(!fourteen.generated);
        assert_eq!(fourteen.days.len(), 14);
        assert_eq!(fourteen.days[13].sites, count(&county, dates[13], &day(dates[13])).sites);
        std::fs::write(&file, "id,kind\nA,sideways\n").expect("written");
        assert!(matches!(past(&county, dir.path(), &dates), Err(NoPast::Faulty(_))));
    }
}
