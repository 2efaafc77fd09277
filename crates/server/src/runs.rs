//! Planner runs and studies: jobs in a bounded queue, one at a time on a thread of its own, with progress and a stop.

use crate::app::App;
use crate::auth::secret::random_id;
use crate::live::Told;
use crate::machine::{Command, Done};
use crate::metrics::Reason;
use crate::office::Fact;
use crate::plans::Loaded;
use crate::problem::Problem;
use crate::studies::{self, Study};
use axum::http::StatusCode;
use jiff::civil::Date;
use serde::Serialize;
use serde_json::Value;
use std::collections::{HashMap, VecDeque};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Notify;
use utoipa::ToSchema;
use xiangyun_model::county::County;
use xiangyun_model::problem::Problems;
use xiangyun_planning::county::Files;
use xiangyun_planning::inputs::Inputs;
use xiangyun_planning::mend::{self, Arrived};
use xiangyun_planning::orders::{self, OrderRow, Source};
use xiangyun_planning::publish::{Made, PublishError, publish};
use xiangyun_planning::search::{Effort, Variant};
use xiangyun_planning::{closing, county, generate, network, night};
use xiangyun_roads::Network;
use xiangyun_solver::{Control, Progress};

/// Runs that are remembered.
pub const KEPT_MAX: usize = 200;
/// Reports that are remembered with their runs, the last ones.
pub const REPORTS_MAX: usize = 24;

/// What a run is asked for.
#[derive(Clone, Debug)]
pub struct Wish {
    /// The day.
    pub date: Date,
    /// Seconds of search, unless steps are given.
    pub seconds: f64,
    /// Steps of search, so that no clock counts.
    pub steps: Option<u64>,
    /// Seed.
    pub seed: u64,
    /// `run`, `night` or `fork`.
    pub origin: String,
    /// The plan it is compared with.
    pub base: Option<String>,
    /// Only orders of the running day that are placed and not begun.
    pub live_orders: bool,
    /// Only what is known: the county's file and orders of the running day, never a made-up demand.
    pub known_only: bool,
    /// The evening's plan that is mended to what has come in since, instead of a plan made anew.
    pub mends: Option<String>,
    /// Vehicles left out.
    pub without_vehicles: Vec<String>,
    /// Which part of the engine may be used.
    pub variant: Variant,
    /// What is different, in words.
    pub summary: String,
}

/// What a run does.
#[derive(Clone, Debug)]
pub enum Job {
    /// Makes a plan.
    Plan(Wish),
    /// Looks into a plan or the county's past.
    Study(Study),
}

impl Job {
    fn date(&self) -> String {
        match self {
            Self::Plan(wish) => wish.date.to_string(),
            Self::Study(study) => study.date(),
        }
    }

    fn word(&self) -> &'static str {
        match self {
            Self::Plan(_) => "plan",
            Self::Study(study) => study.word(),
        }
    }
}

/// What came of a run.
enum Outcome {
    Plan(Arc<Loaded>, Wish),
    Report(Value),
}

/// How a run stands.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RunView {
    /// Id.
    pub id: String,
    /// `plan`, `robustness`, `what_if`, `forecast`, `rounds`.
    pub kind: String,
    /// The day; of a study of a plan, the plan.
    pub date: String,
    /// `waiting`, `running`, `done`, `failed`, `cancelled`.
    pub state: String,
    /// Seconds of search so far.
    pub seconds: f64,
    /// Best cost found so far, fen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost_fen: Option<i64>,
    /// Steps of search so far.
    pub steps: u64,
    /// The plan that came of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan: Option<String>,
    /// Where its report lies.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub report: Option<String>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
    /// Who asked.
    pub by: String,
}

struct Run {
    job: Job,
    view: RunView,
    report: Option<Arc<Value>>,
    stop: Arc<AtomicBool>,
}

/// All runs.
#[derive(Default)]
pub struct Runs {
    by_id: Mutex<HashMap<String, Run>>,
    order: Mutex<VecDeque<String>>,
    wake: Notify,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Runs {
    /// Puts a run into the queue.
    ///
    /// # Errors
    /// `H618` when as many wait as may.
    pub fn start(&self, job: Job, by: &str, waiting_max: usize) -> Result<RunView, Problem> {
        let mut runs = lock(&self.by_id);
        let open = runs.values().filter(|r| matches!(r.view.state.as_str(), "waiting" | "running")).count();
        if open > waiting_max {
            return Err(Problem::new(
                StatusCode::TOO_MANY_REQUESTS,
                "H631",
                format!("{open} runs wait or run; at most {waiting_max} may wait"),
            )
            .retry(30));
        }
        let id = random_id();
        let view = RunView {
            id: id.clone(),
            kind: job.word().to_owned(),
            date: job.date(),
            state: "waiting".into(),
            seconds: 0.0,
            cost_fen: None,
            steps: 0,
            plan: None,
            report: None,
            fault: None,
            by: by.to_owned(),
        };
        let stop = Arc::new(AtomicBool::new(false));
        runs.insert(id.clone(), Run { job, view: view.clone(), report: None, stop });
        let mut order = lock(&self.order);
        order.push_back(id);
        while order.len() > KEPT_MAX {
            if let Some(oldest) = order.pop_front() {
                runs.remove(&oldest);
            }
        }
        drop((runs, order));
        self.wake.notify_one();
        Ok(view)
    }

    /// All runs, the last one first.
    #[must_use]
    pub fn all(&self) -> Vec<RunView> {
        let runs = lock(&self.by_id);
        lock(&self.order).iter().rev().filter_map(|id| runs.get(id).map(|r| r.view.clone())).collect()
    }

    /// One run.
    #[must_use]
    pub fn one(&self, id: &str) -> Option<RunView> {
        lock(&self.by_id).get(id).map(|r| r.view.clone())
    }

    /// The report of a run that has one.
    #[must_use]
    pub fn report(&self, id: &str) -> Option<Arc<Value>> {
        lock(&self.by_id).get(id).and_then(|r| r.report.clone())
    }

    /// Keeps a report and forgets the oldest ones.
    fn keep_report(&self, id: &str, report: Value) {
        let mut runs = lock(&self.by_id);
        let order = lock(&self.order);
        if let Some(run) = runs.get_mut(id) {
            run.report = Some(Arc::new(report));
            run.view.report = Some(format!("/api/v1/runs/{id}/report"));
        }
        let mut kept = 0;
        for id in order.iter().rev() {
            let Some(run) = runs.get_mut(id).filter(|r| r.report.is_some()) else { continue };
            kept += 1;
            if kept > REPORTS_MAX {
                run.report = None;
                run.view.report = None;
            }
        }
    }

    /// Stops a run; one that waits never begins.
    #[must_use]
    pub fn cancel(&self, id: &str) -> Option<RunView> {
        let mut runs = lock(&self.by_id);
        let run = runs.get_mut(id)?;
        run.stop.store(true, Ordering::Relaxed);
        if run.view.state == "waiting" {
            run.view.state = "cancelled".into();
        }
        Some(run.view.clone())
    }

    /// Stops everything, when the daemon ends.
    pub fn stop_all(&self) {
        for run in lock(&self.by_id).values() {
            run.stop.store(true, Ordering::Relaxed);
        }
        self.wake.notify_one();
    }

    fn next(&self) -> Option<(String, Job, Arc<AtomicBool>)> {
        let mut runs = lock(&self.by_id);
        let order = lock(&self.order);
        let id = order.iter().find(|id| runs.get(*id).is_some_and(|r| r.view.state == "waiting"))?.clone();
        let run = runs.get_mut(&id)?;
        run.view.state = "running".into();
        Some((id, run.job.clone(), Arc::clone(&run.stop)))
    }

    fn update(&self, id: &str, change: impl FnOnce(&mut RunView)) -> Option<RunView> {
        let mut runs = lock(&self.by_id);
        let run = runs.get_mut(id)?;
        change(&mut run.view);
        Some(run.view.clone())
    }
}

/// The search's clock, stop and progress.
pub(crate) struct Watch {
    began: Instant,
    stop: Arc<AtomicBool>,
    cost_fen: Arc<AtomicI64>,
    steps: Arc<AtomicU64>,
}

impl Control for Watch {
    fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    fn improved(&self, progress: &Progress) {
        self.cost_fen.store(progress.cost, Ordering::Relaxed);
        self.steps.store(progress.steps, Ordering::Relaxed);
    }
}

/// Works the queue until the daemon ends.
pub async fn work(app: Arc<App>) {
    let mut draining = app.draining.subscribe();
    loop {
        let Some((id, job, stop)) = app.runs.next() else {
            tokio::select! {
                () = app.runs.wake.notified() => {}
                () = crate::http::drained(&mut draining) => return,
            }
            continue;
        };
        one(&app, &id, job, stop).await;
        if *draining.borrow() {
            return;
        }
    }
}

async fn one(app: &Arc<App>, id: &str, job: Job, stop: Arc<AtomicBool>) {
    let (cost, steps) = (Arc::new(AtomicI64::new(i64::MAX)), Arc::new(AtomicU64::new(0)));
    let began = Instant::now();
    let watch =
        Watch { began, stop: Arc::clone(&stop), cost_fen: Arc::clone(&cost), steps: Arc::clone(&steps) };
    let mut work = {
        let app = Arc::clone(app);
        tokio::task::spawn_blocking(move || match job {
            Job::Plan(wish) => plan(&app, &wish, &watch).map(|loaded| Outcome::Plan(loaded, wish)),
            Job::Study(study) => studies::make(&app, &study, &watch).map(Outcome::Report),
        })
    };
    let progress = |view: &mut RunView| {
        view.seconds = began.elapsed().as_secs_f64();
        let best = cost.load(Ordering::Relaxed);
        view.cost_fen = (best != i64::MAX).then_some(best);
        view.steps = steps.load(Ordering::Relaxed);
    };
    let made = loop {
        tokio::select! {
            made = &mut work => break made.unwrap_or_else(|e| Err(e.to_string())),
            () = tokio::time::sleep(Duration::from_millis(500)) => {
                tell(app, app.runs.update(id, progress));
            }
        }
    };
    let outcome = match made {
        _ if stop.load(Ordering::Relaxed) => Err(("cancelled", String::new())),
        Err(fault) => Err(("failed", fault)),
        Ok(Outcome::Plan(loaded, wish)) => {
            taken(app, &wish, &loaded).await.map(Some).map_err(|p| ("failed", p.detail))
        }
        Ok(Outcome::Report(report)) => {
            app.runs.keep_report(id, report);
            Ok(None)
        }
    };
    let word = outcome.as_ref().map_or_else(|(w, _)| *w, |_| "done");
    app.metrics.runs.get_or_create(&Reason { reason: word.to_owned() }).inc();
    let view = app.runs.update(id, |view| {
        progress(view);
        view.state = word.to_owned();
        match outcome {
            Ok(plan) => view.plan = plan,
            Err((_, fault)) => view.fault = (!fault.is_empty()).then_some(fault),
        }
    });
    tell(app, view);
}

/// Takes a plan in as one of the daemon's own.
async fn taken(app: &App, wish: &Wish, loaded: &Loaded) -> Result<String, Problem> {
    let fact = loaded.taken(&wish.origin, wish.base.clone(), wish.summary.clone());
    let work = Command::own(move |world, _| {
        let Fact::PlanTaken { plan, .. } = &fact else { return Err(Problem::internal(&"no plan")) };
        let new = !world.office.plans.contains_key(plan);
        Ok(Done::new(StatusCode::OK, Value::Null).with(new.then_some(fact)))
    });
    app.send(work).await.map(|_| loaded.plan.id.clone())
}

fn tell(app: &App, view: Option<RunView>) {
    let Some(view) = view else { return };
    let data = serde_json::to_value(&view).unwrap_or_default();
    app.live.tell(Told::new(0, "RunProgress", format!("run/{}", view.id), data));
}

/// The road network: the daemon's own, or opened for this run while that is not there yet.
pub(crate) fn roads(app: &App, county: &County) -> Result<Arc<Network>, String> {
    match app.roads.get() {
        Some(roads) => Ok(Arc::clone(roads)),
        None => Ok(Arc::new(network::open(county, &app.config.county).map_err(|p| first(&p))?)),
    }
}

/// Threads of a run.
pub(crate) fn threads(app: &App) -> usize {
    match app.config.planner.threads {
        0 => std::thread::available_parallelism().map_or(1, |n| n.get().saturating_sub(1).max(1)),
        n => n,
    }
}

pub(crate) fn first(problems: &Problems) -> String {
    let list = problems.list();
    let head = list.first().map_or_else(String::new, ToString::to_string);
    format!("{head} ({} in all)", list.len())
}

/// The orders of a day: the county's file, else generated, and those that the running day has beside them.
fn day_rows(app: &App, wish: &Wish, problems: &mut Problems) -> Result<Vec<OrderRow>, String> {
    let date = wish.date;
    let kept = app.config.county.join("orders").join(format!("{date}.csv"));
    let mut rows = if wish.live_orders {
        Vec::new()
    } else {
        let (name, bytes) = if kept.is_file() {
            (
                kept.display().to_string(),
                std::fs::read(&kept).map_err(|e| format!("{}: {e}", kept.display()))?,
            )
        } else if wish.known_only {
            ("none".to_owned(), orders::write(&Vec::<xiangyun_model::order::OrderRecord>::new()))
        } else {
            let records = generate::day(&app.county, date, 1, "default").map_err(|e| e.to_string())?;
            (format!("orders/{date}.csv"), orders::write(&records))
        };
        orders::read(&name, &bytes, Source::Own, &HashMap::new(), &app.county, date, problems)
    };
    if wish.known_only && !wish.live_orders {
        let known: std::collections::HashSet<String> =
            rows.iter().map(|r| r.order.id.as_str().to_owned()).collect();
        let records: Vec<_> =
            live_records(app, date).into_iter().filter(|r| !known.contains(&r.id)).collect();
        let bytes = orders::write(&records);
        rows.extend(orders::read("live", &bytes, Source::Own, &HashMap::new(), &app.county, date, problems));
        if rows.is_empty() && problems.is_empty() {
            return Err(format!("no order is known for {date}"));
        }
    }
    if wish.live_orders {
        let records = live_records(app, date);
        if records.is_empty() {
            return Err(format!("the running day has no order for {date}"));
        }
        let bytes = orders::write(&records);
        rows = orders::read("live", &bytes, Source::Own, &HashMap::new(), &app.county, date, problems);
    }
    Ok(rows)
}

/// Orders of the running day that are not under way, as rows of a file.
fn live_records(app: &App, date: Date) -> Vec<xiangyun_model::order::OrderRecord> {
    use xiangyun_dispatch::holder::Holder;
    use xiangyun_dispatch::state::Phase;
    let zone = jiff::tz::TimeZone::get(&app.county.time_zone).unwrap_or(jiff::tz::TimeZone::UTC);
    let world = crate::machine::read(&app.world);
    world
        .day
        .orders
        .iter()
        .filter(|(_, o)| {
            matches!(o.phase, Phase::Placed | Phase::InCustody)
                && !matches!(o.holder, Holder::Vehicle(_))
                && crate::api::instant(o.promise_ms).to_zoned_datetime(zone.clone()).date() == date
        })
        .map(|(id, o)| order_record(&app.county.time_zone, date, id, o, None))
        // What lies where it is to be taken over by its carrier or recipient needs no ride.
        .filter(|r| r.origin != r.destination)
        .collect()
}

/// An order of the running day as a row of a file; ready at `ready_ms`, or with the first wave of the day.
pub(crate) fn order_record(
    zone: &str,
    date: Date,
    id: &str,
    o: &xiangyun_dispatch::state::OrderState,
    ready_ms: Option<i64>,
) -> xiangyun_model::order::OrderRecord {
    use xiangyun_dispatch::holder::Holder;
    let zone = jiff::tz::TimeZone::get(zone).unwrap_or(jiff::tz::TimeZone::UTC);
    let local = |ms: i64| {
        crate::api::instant(ms).to_zoned_datetime(zone.clone()).strftime("%Y-%m-%dT%H:%M").to_string()
    };
    let cleared = o.direction != "up" || o.acceptance.missing().is_none();
    xiangyun_model::order::OrderRecord {
        id: id.to_owned(),
        kind: o.direction.clone(),
        carrier: o.carrier.clone(),
        origin: match &o.holder {
            Holder::Site(site) => site.clone(),
            _ => o.origin.clone(),
        },
        destination: o.destination.clone(),
        class: o.class.clone(),
        pieces: o.pieces.to_string(),
        weight_g: o.g.to_string(),
        volume_cm3: o.cm3.to_string(),
        ready: ready_ms.map_or_else(|| format!("{date}T04:30"), local),
        promise: local(o.promise_ms),
        cleared: if cleared { "yes" } else { "no" }.into(),
        ..Default::default()
    }
}

/// Plans, checks and takes in; runs where blocking is allowed.
fn plan(app: &Arc<App>, wish: &Wish, watch: &Watch) -> Result<Arc<Loaded>, String> {
    let mut files = Files::read_dir(&app.config.county).map_err(|p| first(&p))?;
    let mut county = county::load(&files).map_err(|p| first(&p))?;
    let mut problems = Problems::new();
    let rows = day_rows(app, wish, &mut problems)?;
    if !problems.is_empty() {
        return Err(first(&problems));
    }
    county.vehicles.retain(|v| !wish.without_vehicles.iter().any(|w| w == v.id.as_str()));
    let opening = closing::empty(&county, wish.date.yesterday().unwrap_or(wish.date));
    let roads = roads(app, &county)?;
    let travel = network::travel(&roads, &county, wish.date).map_err(|p| first(&p))?;
    let threads = threads(app);
    let wished = Duration::from_secs_f64(wish.seconds);
    // People stand at the belt and wait for a dawn.
    let time = if wish.mends.is_some() { wished.min(mend::usual_time(rows.len())) } else { wished };
    let effort =
        Effort { steps: wish.steps, time: wish.steps.is_none().then_some(time), seed: wish.seed, threads };
    let mut inputs = Inputs { county, orders: rows, opening, travel };
    let plan = match &wish.mends {
        Some(evening) => {
            let evening = app.plans.get(evening).map_err(|p| p.detail)?;
            // What is known now is what is planned; nothing of it is absent until a wave says so.
            let arrived = Arrived { rows: inputs.orders.clone(), absent: 0 };
            let dawn = mend::mend(&evening.plan, &inputs, wish.date, &arrived, &[], &effort, watch);
            if dawn.waves != inputs.county.waves {
                let toml = files.get("county.toml").map(String::from_utf8_lossy).unwrap_or_default();
                let toml = mend::with_waves(&toml, &dawn.waves);
                files.insert("county.toml", toml.into_bytes());
                inputs.county.waves = dawn.waves;
            }
            inputs.orders = dawn.rows;
            dawn.plan
        }
        None => {
            let Inputs { county, orders, opening, travel } = &inputs;
            night::plan(county, wish.date, orders, travel, opening, &effort, wish.variant, watch)
        }
    };
    if watch.stopped() {
        return Err("stopped".into());
    }
    let map = network::map_data(&roads, &inputs.county, &plan);
    let made = Made {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        seed: wish.seed,
        steps: wish.steps,
        threads,
        synthetic_roads: inputs.county.synthetic_roads,
    };
    let out: PathBuf = app.plans.dir_of(&plan.id);
    match publish(&out, &plan, &inputs, &files, &made, &map) {
        Ok(()) | Err(PublishError::Occupied(_)) => {}
        Err(err) => return Err(err.to_string()),
    }
    app.plans.get(&plan.id).map_err(|p| p.detail)
}
