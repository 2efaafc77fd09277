//! What tomorrow brings, village by village: parcels down and lots up with P50, P80 and P90, from history, weekday and
//! calendar; and an orders file of it that an evening draft can be planned on.
//!
//! The model is multiplicative and small, because a county has weeks of history, not years: a level that follows the
//! county's deflated totals, a factor for each weekday shrunk towards one, the calendar's factors corrected by what past
//! entries of the same kind really did, and each village's share shrunk towards its township's. A village's count is
//! taken as Poisson about a day whose total is itself uncertain: negative binomial.

mod backtest;
mod draft;
mod history;
mod model;
mod past;
mod quantile;
mod table;

pub use backtest::{Backtest, Errors, backtest};
pub use draft::{Quantile, draft};
pub use history::{DayCounts, Direction, count};
pub use model::{Forecast, Model, Row};
pub use past::{DAYS_LEAST, NoPast, Past, days_before, days_between, past};
pub use table::{Line, lines, table};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::county::load_dir;
    use crate::generate;
    use std::path::Path;
    use xiangyun_model::county::County;

    fn county() -> County {
        load_dir(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/baofeng")))
            .expect("the committed county")
    }

    fn history(county: &County, days: i64) -> Vec<DayCounts> {
        (1..=days)
            .rev()
            .map(|back| {
                let date = county.default_date.checked_sub(jiff::Span::new().days(back)).expect("a date");
                count(county, date, &generate::day(county, date, 1, "default").expect("generates"))
            })
            .collect()
    }

    #[test]
    fn better_than_the_same_day_last_week_and_honest_about_its_width() {
        let county = county();
        let report = backtest(&county, &history(&county, 42), 10);
        for errors in [&report.down, &report.up] {
            assert!(errors.ours_pm * 100 <= errors.seasonal_naive_pm * 85, "{errors:?}");
            assert!((850..=950).contains(&errors.p90_coverage_pm), "{errors:?}");
        }
    }

    #[test]
    fn a_draft_is_the_notice_filled_up_to_the_quantile() {
        let county = county();
        let past = history(&county, 21);
        let forecast = Model::fit(&county, &past).day(&county, county.default_date);
        let real = generate::day(&county, county.default_date, 1, "default").expect("generates");
        let notice: Vec<_> = real.iter().step_by(2).cloned().collect();
        let orders = draft(&county, county.default_date, &forecast, &notice, Quantile::P50);
        assert!(notice.iter().all(|n| orders.iter().any(|o| o.id == n.id)));
        let n = |list: &[xiangyun_model::order::OrderRecord]| {
            list.iter().filter(|o| o.kind == "down").count() as f64
        };
        assert!((n(&orders) / n(&real) - 1.0).abs() < 0.12, "{} against {}", n(&orders), n(&real));
        let mut problems = xiangyun_model::problem::Problems::new();
        let rows = crate::orders::resolve("draft", &orders, &county, county.default_date, &mut problems);
        assert!(problems.is_empty() && rows.len() == orders.len(), "{:?}", problems.list().first());
        let wide = draft(&county, county.default_date, &forecast, &notice, Quantile::P80);
        assert!(wide.len() > orders.len());
    }
}
