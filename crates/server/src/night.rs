//! The nightly schedule: the draft, the dawn plan with what has come in meanwhile, publishing; alarms when input is late
//! or no plan is good, and then the fallback that is stated here: the trips of the last good plan, at the same times of
//! the day, loaded with today's orders by destination.

use crate::api::instant;
use crate::api::plans::{load, publishing};
use crate::app::App;
use crate::config::Night;
use crate::machine::{Command, Done, World, read};
use crate::office::Fact;
use crate::plans::midnight_ms;
use crate::problem::Problem;
use crate::runs::{Job, Wish};
use axum::http::StatusCode;
use jiff::civil::{Date, Time};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use xiangyun_dispatch::command::Command as DayCommand;
use xiangyun_dispatch::decide::decide;
use xiangyun_dispatch::event::PlannedTrip;
use xiangyun_dispatch::holder::Holder;
use xiangyun_dispatch::published;
use xiangyun_dispatch::state::Phase;
use xiangyun_planning::search::Variant;

/// How long after its time a step is still made up for.
const LATE_MAX_S: i32 = 2 * 3_600;

/// Steps that were begun, by day; what a restart forgets is seen from the log.
#[derive(Default)]
pub struct Steps {
    begun: Mutex<BTreeSet<(Date, &'static str)>>,
}

impl Steps {
    /// Whether this is the first time.
    fn first(&self, day: Date, step: &'static str) -> bool {
        let mut begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
        if begun.len() > 1_000 {
            begun.clear();
        }
        begun.insert((day, step))
    }
}

/// Whether a step's time has come and is not long past.
fn due(now: Time, at: &str) -> bool {
    let at: Time = at.parse().unwrap_or_default();
    let seconds = |t: Time| i32::from(t.hour()) * 3_600 + i32::from(t.minute()) * 60 + i32::from(t.second());
    (0..LATE_MAX_S).contains(&(seconds(now) - seconds(at)))
}

/// Looks whether anything of the schedule is due.
pub(crate) async fn tick(app: &Arc<App>, now_ms: i64) {
    let Some(night) = app.config.night.clone() else { return };
    let Ok(zone) = jiff::tz::TimeZone::get(&app.county.time_zone) else { return };
    let local = instant(now_ms).to_zoned_datetime(zone);
    let (day, now) = (local.date(), local.time());
    let done = {
        let world = read(&app.world);
        let published = world.office.published.as_ref().and_then(|id| world.office.plans.get(id));
        published.is_some_and(|p| p.date == day.to_string())
    };
    if done {
        return;
    }
    if due(now, &night.orders_by) && app.night.first(day, "orders") {
        check_input(app, &night, day).await;
    }
    if due(now, &night.draft) && app.night.first(day, "draft") {
        start(app, day, "draft").await;
    }
    if due(now, &night.dawn) && app.night.first(day, "dawn") {
        start(app, day, "dawn").await;
    }
    if due(now, &night.publish) && app.night.first(day, "publish") {
        publish(app, day).await;
    }
}

/// Orders of the running day that are promised for a day and not under way.
fn orders_of(world: &World, app: &App, day: Date) -> u64 {
    let from = midnight_ms(day, &app.county.time_zone);
    let to = from + 86_400_000;
    world
        .day
        .orders
        .values()
        .filter(|o| (from..to).contains(&o.promise_ms) && matches!(o.phase, Phase::Placed | Phase::InCustody))
        .count() as u64
}

async fn check_input(app: &Arc<App>, night: &Night, day: Date) {
    let file = app.config.county.join("orders").join(format!("{day}.csv"));
    let known = orders_of(&read(&app.world), app, day);
    if !file.is_file() && known < night.orders_min {
        let (zh, en) = (
            format!("{day} 的订单尚未到齐：已有 {known} 单，应有至少 {} 单", night.orders_min),
            format!("input for {day} is late: {known} orders, at least {} expected", night.orders_min),
        );
        alarm(app, "late_input", zh, en).await;
    }
}

async fn start(app: &Arc<App>, day: Date, what: &str) {
    let draft = night_plans(&read(&app.world), day).into_iter().find(|(dawn, ..)| !dawn).map(|(.., id)| id);
    let wish = Wish {
        date: day,
        seconds: app.config.planner.seconds,
        steps: None,
        seed: 1,
        origin: "night".into(),
        base: None,
        live_orders: false,
        known_only: true,
        // The dawn plan keeps the draft's rounds: stations have sorted by them.
        mends: draft.filter(|_| what == "dawn"),
        without_vehicles: Vec::new(),
        variant: Variant::default(),
        summary: what.to_owned(),
    };
    if let Err(problem) = app.runs.start(Job::Plan(wish), "night", app.config.planner.waiting_max) {
        let zh = format!("{day} 的夜间计划未能启动：{}", problem.detail);
        let en = format!("the night run of {day} could not begin: {}", problem.detail);
        alarm(app, "run_refused", zh, en).await;
    }
}

/// Plans of a night, by whether they are the dawn's, orders served and id; the best last.
fn night_plans(world: &World, day: Date) -> Vec<(bool, u64, String)> {
    let mut plans: Vec<_> = world
        .office
        .plans
        .iter()
        .filter(|(_, p)| p.origin == "night" && p.date == day.to_string())
        .map(|(id, p)| (p.summary == "dawn", p.served, id.clone()))
        .collect();
    plans.sort();
    plans
}

async fn publish(app: &Arc<App>, day: Date) {
    // The dawn plan before the draft; among equals the one that serves more.
    let best = night_plans(&read(&app.world), day).pop().map(|(_, _, id)| id);
    let outcome = match best {
        Some(id) => match load(app, &id).await {
            Ok(loaded) => app
                .send(Command::own(move |world, now| publishing(world, now, &loaded, true)))
                .await
                .map(|_| ()),
            Err(problem) => Err(problem),
        },
        None => Err(Problem::conflict("no run has given a good plan")),
    };
    if let Err(problem) = outcome {
        let zh = format!("{day} 没有可用的新计划（{}），按上一个有效计划的车次运行", problem.detail);
        let en =
            format!("no good plan for {day} ({}); the trips of the last good plan are run", problem.detail);
        alarm(app, "fallback", zh, en).await;
        fall_back(app, day).await;
    }
}

/// The trips of the last good plan, moved to today and loaded with today's orders by destination.
async fn fall_back(app: &Arc<App>, day: Date) {
    let last = read(&app.world).office.published.clone();
    let Some(id) = last else { return };
    let Ok(loaded) = load(app, &id).await else { return };
    let shift_ms = midnight_ms(day, &app.county.time_zone) - loaded.midnight_ms();
    let (stem, from) = (loaded.trips(), loaded.plan.date);
    let work = move |world: &World, now: i64| {
        let trips = refill(world, &stem, shift_ms, (from, day));
        let command = DayCommand::Publish { plan: format!("fallback-{day}"), trips };
        let events = decide(&world.day, &command, now)?;
        Ok(Done::new(StatusCode::OK, serde_json::Value::Null).with(events))
    };
    if let Err(problem) = app.send(Command::own(work)).await {
        let zh = format!("{day} 的备用车次未能发布：{}", problem.detail);
        let en = format!("the fallback of {day} could not be published: {}", problem.detail);
        alarm(app, "no_plan", zh, en).await;
    }
}

/// Moves trips by whole days and fills them: an order rides on the first trip that starts where it lies and stops at its
/// destination.
fn refill(world: &World, stem: &[PlannedTrip], shift_ms: i64, (from, day): (Date, Date)) -> Vec<PlannedTrip> {
    let mut trips: Vec<PlannedTrip> = stem.to_vec();
    let mut at: BTreeMap<(String, String), Vec<(usize, usize)>> = BTreeMap::new();
    for (t, trip) in trips.iter_mut().enumerate() {
        // The stem's ids carry the day of its own plan.
        let renew = |id: &str| published::dated(day, published::undated(from, id).unwrap_or(id));
        trip.trip = renew(&trip.trip);
        let base = trip.visits.first().map(|v| v.site.clone()).unwrap_or_default();
        for (v, visit) in trip.visits.iter_mut().enumerate() {
            visit.visit = renew(&visit.visit);
            visit.arrive_ms += shift_ms;
            visit.start_ms += shift_ms;
            visit.depart_ms += shift_ms;
            visit.latest_ms += shift_ms;
            visit.load.clear();
            visit.unload.clear();
            if v > 0 {
                at.entry((base.clone(), visit.site.clone())).or_default().push((t, v));
            }
        }
    }
    for (id, order) in &world.day.orders {
        let here = match &order.holder {
            Holder::Site(site) => site,
            Holder::Carrier(_) | Holder::Sender(_) => &order.origin,
            _ => continue,
        };
        if !matches!(order.phase, Phase::Placed | Phase::InCustody) {
            continue;
        }
        if let Some((t, v)) = at.get(&(here.clone(), order.destination.clone())).and_then(|l| l.first()) {
            trips[*t].visits[0].load.push(id.clone());
            trips[*t].visits[*v].unload.push(id.clone());
        }
    }
    trips
}

/// Raises an alarm: in the log, the live stream and every webhook.
pub(crate) async fn alarm(app: &Arc<App>, kind: &str, text_zh: String, text_en: String) {
    tracing::warn!(kind, text_en, "alarm");
    let fact = Fact::AlarmRaised { alarm: kind.to_owned(), text_zh, text_en };
    let work = Command::own(move |_, _| Ok(Done::new(StatusCode::OK, serde_json::Value::Null).with([fact])));
    if let Err(problem) = app.send(work).await {
        tracing::error!(detail = problem.detail, "an alarm was not noted");
    }
}

#[cfg(test)]
mod tests {
    use super::due;
    use jiff::civil::time;

    #[test]
    fn a_step_is_due_for_two_hours() {
        assert!(!due(time(0, 59, 59, 0), "01:00"));
        assert!(due(time(1, 0, 0, 0), "01:00") && due(time(2, 59, 0, 0), "01:00"));
        assert!(!due(time(3, 0, 0, 0), "01:00"));
    }
}
