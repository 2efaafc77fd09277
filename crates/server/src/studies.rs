//! Studies: what a plan withstands, what another county would cost, what tomorrow brings, master rounds. They wait in the
//! queue of the planner's runs, and their reports are the documents that the commands of the same names print.

use crate::app::App;
use crate::runs::{first, roads, threads};
use jiff::civil::Date;
use serde_json::{Value, json};
use xiangyun_planning::forecast::{self, Model, NoPast};
use xiangyun_planning::robustness::{Noise, replay, what_if};
use xiangyun_planning::search::Effort;
use xiangyun_planning::{county, network, rounds};
use xiangyun_solver::Control;

/// What to look into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Study {
    /// A plan replayed under noise.
    Robustness {
        /// The plan.
        plan: String,
        /// Replays.
        replays: u64,
        /// Seed.
        seed: u64,
    },
    /// A plan's day planned again with one thing changed each time.
    WhatIf {
        /// The plan.
        plan: String,
        /// Steps of search of each case.
        steps: u64,
        /// Seed.
        seed: u64,
    },
    /// Volumes of a day by place and direction.
    Forecast {
        /// The day.
        date: Date,
        /// Days of history.
        history: u32,
    },
    /// Weekly master rounds from a span of past days.
    Rounds {
        /// First day.
        from: Date,
        /// Last day.
        to: Date,
        /// Steps of search.
        steps: u64,
        /// Seed.
        seed: u64,
    },
}

impl Study {
    /// Its word in the API.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Robustness { .. } => "robustness",
            Self::WhatIf { .. } => "what_if",
            Self::Forecast { .. } => "forecast",
            Self::Rounds { .. } => "rounds",
        }
    }

    /// The day or the plan that it is about.
    #[must_use]
    pub fn date(&self) -> String {
        match self {
            Self::Robustness { plan, .. } | Self::WhatIf { plan, .. } => plan.clone(),
            Self::Forecast { date, .. } => date.to_string(),
            Self::Rounds { to, .. } => to.to_string(),
        }
    }
}

/// Makes a study's report; runs where blocking is allowed.
///
/// # Errors
/// In words: a plan that is not there, faults in the county's tables or in orders of past days, a stop.
pub(crate) fn make(app: &App, study: &Study, control: &dyn Control) -> Result<Value, String> {
    let report = match study {
        Study::Robustness { plan, replays, seed } => {
            let loaded = app.plans.get(plan).map_err(|p| p.detail)?;
            let report = replay(&loaded.plan, &loaded.inputs, *replays, &Noise::default(), *seed);
            serde_json::to_value(report).map_err(|e| e.to_string())?
        }
        Study::WhatIf { plan, steps, seed } => {
            let loaded = app.plans.get(plan).map_err(|p| p.detail)?;
            let effort = Effort { steps: Some(*steps), time: None, seed: *seed, threads: threads(app) };
            let rows = what_if(&loaded.plan, &loaded.inputs, &effort, control);
            serde_json::to_value(rows).map_err(|e| e.to_string())?
        }
        Study::Forecast { date, history } => forecast_of(app, *date, *history)?,
        Study::Rounds { from, to, steps, seed } => rounds_of(app, (*from, *to), *steps, *seed, control)?,
    };
    if control.stopped() { Err("stopped".into()) } else { Ok(report) }
}

fn forecast_of(app: &App, date: Date, history: u32) -> Result<Value, String> {
    let county = &app.county;
    let days = forecast::days_before(date, history);
    let past = forecast::past(county, &app.config.county, &days).map_err(in_words)?;
    let forecast = Model::fit(county, &past.days).day(county, date);
    Ok(json!({
        "date": date,
        "history_days": past.days.len(),
        "history_generated": past.generated,
        "rows": forecast::lines(county, &forecast).collect::<Vec<_>>(),
    }))
}

fn rounds_of(
    app: &App,
    (from, to): (Date, Date),
    steps: u64,
    seed: u64,
    control: &dyn Control,
) -> Result<Value, String> {
    let county = county::load_dir(&app.config.county).map_err(|p| first(&p))?;
    let days = forecast::days_between(from, to);
    let past = forecast::past(&county, &app.config.county, &days).map_err(in_words)?;
    let roads = roads(app, &county)?;
    let travel = network::travel(&roads, &county, to).map_err(|p| first(&p))?;
    let effort = Effort { steps: Some(steps), time: None, seed, threads: threads(app) };
    let made =
        rounds::design(county, &past.days, (from, to), travel, &effort, control).map_err(|p| first(&p))?;
    let county = &made.inputs.county;
    let without = rounds::without(&made.master, county);
    Ok(json!({
        "history_days": past.days.len(),
        "history_generated": past.generated,
        "rounds": made.master,
        "timetable_html": rounds::timetable(&made.master, county),
        "without": without.iter().map(|&s| county.site(s).id.as_str()).collect::<Vec<_>>(),
        "violations": made.verdict.violations.len(),
    }))
}

fn in_words(err: NoPast) -> String {
    match err {
        NoPast::Faulty(problems) => first(&problems),
        other => other.to_string(),
    }
}
