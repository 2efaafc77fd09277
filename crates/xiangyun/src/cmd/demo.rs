//! `xiangyun demo`: plans the county's day, starts the daemon, and drives a simulated fleet through its real protocols.

mod setup;
mod words;

use super::plan::{self, PlanArgs};
use super::simulate::api::Keys;
use super::simulate::http::Remote;
use super::simulate::terminal::Terminals;
use super::simulate::{judge_remote, later_orders, midnight_ms, open_desk, publish, vehicles, ways};
use crate::locale::Lang;
use crate::report::{EXIT_COULD_NOT, Failure, print_json};
use clap::Args;
use jiff::civil::Date;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use tokio::runtime::Runtime;
use xiangyun_model::county::County;
use xiangyun_model::plan::Plan;
use xiangyun_model::site::SiteKind;
use xiangyun_planning::check;
use xiangyun_planning::inputs::Inputs;
use xiangyun_planning::orders::OrderRow;
use xiangyun_server::config::Config;
use xiangyun_server::daemon::Daemon;
use xiangyun_simulation::desk::Desk;
use xiangyun_simulation::faults::Faults;
use xiangyun_simulation::ways::Ways;
use xiangyun_simulation::world::{BEGIN_S, END_S, Setting, TICK_MS, World};

/// Steps of search of the demonstration's plan: bounded by steps, so that every machine tells the same story.
const PLAN_STEPS: u64 = 1_000;
/// Seconds before the first arrival at a village at which a running clock begins.
const EARLY_S: i64 = 900;
/// Business time between two lines of the summary.
const SUMMARY_MS: i64 = 600_000;
/// A breakdown falls into this part of the day's beginning, in seconds after the clock's start, so that a visitor sees it.
const SEEN_S: (i64, i64) = (900, 3_000);
/// Before a further day begins, its night plan is made this long ahead, in seconds.
const NIGHT_S: i64 = 3_600;
/// What has found no end today is promised for then, in seconds after midnight: tomorrow at eight in the evening.
pub(super) const PROMISE_S: i64 = 44 * 3_600;

/// Arguments of `demo`.
#[derive(Args, Debug)]
pub(crate) struct DemoArgs {
    /// Directory for the results
    #[arg(long, value_name = "DIR", default_value = "demo-out")]
    dir: PathBuf,
    /// County directory
    #[arg(long, value_name = "DIR", default_value = "data/baofeng")]
    county: PathBuf,
    /// Where the daemon listens
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// How many times faster than real time the day runs
    #[arg(long, value_name = "X", default_value_t = 60.0)]
    speed: f64,
    /// Finish the day as fast as possible and print its figures as JSON
    #[arg(long)]
    headless: bool,
    /// Keep the daemon up after the day's end
    #[arg(long)]
    stay: bool,
    /// Seed of everything by chance
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Days in a row; each begins with what the day before has left
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=31))]
    days: u32,
    /// Steps of the plan's search
    #[arg(long, value_name = "N", default_value_t = PLAN_STEPS)]
    steps: u64,
    /// What goes wrong, as JSON
    #[arg(long, value_name = "FILE")]
    faults: Option<PathBuf>,
}

/// A demonstration under way.
struct Demo<'a> {
    args: &'a DemoArgs,
    lang: Lang,
    runtime: Runtime,
    /// Nothing only while it is started again.
    daemon: Option<Daemon>,
    places: setup::Places,
    password: String,
}

/// Runs the demonstration.
pub(crate) fn run(args: &DemoArgs, lang: Lang) -> Result<ExitCode, Failure> {
    if !(args.speed.is_finite() && (0.001..=10_000.0).contains(&args.speed)) {
        return Err(Failure::input(
            lang.pick("--speed 须在 0.001 到 10000 之间", "--speed must be from 0.001 to 10000"),
        ));
    }
    let faults = super::simulate::read_faults(args.faults.as_deref())?;
    setup::make_room(&args.dir, lang)?;
    let (plan_dir, plan, inputs) = first_plan(args, lang)?;
    let midnight = midnight_ms(&inputs.county, plan.date)?;
    let places = setup::Places::find(args)?;
    let config = setup::write_config(args, &places, &inputs.county, None, midnight + BEGIN_S * 1_000)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|err| Failure::could_not(&err))?;
    let daemon = start(&runtime, &config)?;
    let password = setup::password(&args.dir)?;
    let mut demo = Demo { args, lang, runtime, daemon: Some(daemon), places, password };
    let outcome = demo.live(&plan_dir, &plan, &inputs, &faults);
    if args.stay && outcome.is_ok() {
        demo.say(lang.pick("守护进程继续运行，按 Ctrl-C 结束", "the daemon stays up; Ctrl-C ends it"));
        let _ = demo.runtime.block_on(tokio::signal::ctrl_c());
    }
    if let Some(daemon) = demo.daemon {
        demo.runtime.block_on(daemon.end()).map_err(|err| Failure::could_not(&err))?;
    }
    outcome
}

fn start(runtime: &Runtime, config: &Path) -> Result<Daemon, Failure> {
    let config = Config::read(config).map_err(|err| Failure::input(err.to_string()))?;
    runtime.block_on(Daemon::start(config)).map_err(|err| Failure::input(err.to_string()))
}

/// Plans the county's default day into the demonstration's directory.
fn first_plan(args: &DemoArgs, lang: Lang) -> Result<(PathBuf, Plan, Inputs), Failure> {
    let county = xiangyun_planning::county::load_dir(&args.county)
        .map_err(|problems| Failure::Problems { problems, json: false })?;
    let text = lang.pick(
        format!("正在编制{} {} 的全县计划……", county.name_zh, county.default_date),
        format!("planning the day {} of {} …", county.default_date, county.name_en),
    );
    if args.headless {
        eprintln!("{text}");
    } else {
        println!("{text}");
    }
    let dir = args.dir.join("plan");
    if !plan::quietly(&PlanArgs::of(&args.county, county.default_date, &dir, args.steps, args.seed), lang)? {
        return Err(Failure::input(lang.pick("计划未通过检验", "the plan did not pass its checker")));
    }
    let (plan, inputs) = read_plan(&dir)?;
    Ok((dir, plan, inputs))
}

fn read_plan(dir: &Path) -> Result<(Plan, Inputs), Failure> {
    check::read_dir(dir).map_err(|violations| {
        let first = violations.first().map_or_else(String::new, |v| format!("{}: {}", v.at, v.found));
        Failure::input(format!("{}: {first}", dir.display()))
    })
}

/// New pickups of a day.
fn many(inputs: &Inputs, faults: &Faults) -> usize {
    inputs.orders.len() * faults.new_pickups as usize / 10_000
}

/// When the running clock begins, in seconds after midnight: shortly before the first village gets its goods. What comes
/// before, trucks that are unloaded, sorted and loaded, is driven as fast as it can be.
fn show_from_s(plan: &Plan, county: &County) -> i64 {
    let village =
        |site: &str| county.find_site(site).is_some_and(|s| county.site(s).kind == SiteKind::Village);
    let own = plan.trips.iter().filter(|t| t.driver.is_some());
    let stops = own.flat_map(|t| t.visits.iter().skip(1)).filter(|v| !v.unload.is_empty());
    let first = stops.filter(|v| village(&v.site)).map(|v| v.arrive).min();
    // On one of the clock's steps, which all summaries are counted in.
    let step_s = TICK_MS / 1_000;
    first.map_or(BEGIN_S, |s| ((s - EARLY_S) / step_s * step_s).max(BEGIN_S))
}

/// What stays the same over all days.
struct Stage<'a> {
    inputs: &'a Inputs,
    ways: Option<&'a Ways>,
    faults: &'a Faults,
}

impl<'a> Stage<'a> {
    fn world(&self, orders: &'a [OrderRow], later: &'a [OrderRow], midnight_ms: i64, seed: u64) -> World<'a> {
        World::new(Setting {
            county: &self.inputs.county,
            orders,
            later,
            travel: &self.inputs.travel,
            ways: self.ways,
            midnight_ms,
            seed,
            faults: self.faults.clone(),
        })
    }
}

impl Demo<'_> {
    /// A line for people: on standard output, or beside the JSON of a headless day.
    fn say(&self, text: impl AsRef<str>) {
        if self.args.headless {
            eprintln!("{}", text.as_ref());
        } else {
            println!("{}", text.as_ref());
        }
    }

    /// The days, one after the other, and their judgement.
    fn live(
        &mut self,
        dir: &Path,
        plan: &Plan,
        inputs: &Inputs,
        faults: &Faults,
    ) -> Result<ExitCode, Failure> {
        let county = inputs.county.clone();
        let ways = ways(&county, &self.args.county);
        let mut desk = self.desk(&county)?;
        self.say(words::where_to_look(self, plan, inputs, dir));
        let stage = Stage { inputs, ways: ways.as_ref(), faults };
        let later = later_orders(inputs, self.args.seed, many(inputs, faults));
        let midnight = midnight_ms(&county, plan.date)?;
        let mut world = stage.world(&inputs.orders, &later, midnight, self.args.seed);
        world.open(&mut desk);
        desk.place_all();
        publish(&mut desk, dir, &plan.id)?;
        world.draw_breakdowns(&mut desk);
        let mut from_ms = world.begin_ms();
        if !self.args.headless {
            let show_ms = midnight + show_from_s(plan, &county) * 1_000;
            world.break_early(&mut desk, show_ms + SEEN_S.0 * 1_000, show_ms + SEEN_S.1 * 1_000);
            self.drive(&mut desk, &mut world, from_ms, show_ms);
            self.let_run(&mut desk, &county, show_ms)?;
            from_ms = show_ms;
        }
        self.drive(&mut desk, &mut world, from_ms, midnight + END_S * 1_000);
        world.close(&mut desk, midnight + PROMISE_S * 1_000);
        self.days(&mut desk, &stage, plan.date, 1, world)
    }

    /// The days after the first; the last one is judged with all of them.
    fn days(
        &self,
        desk: &mut Remote,
        stage: &Stage<'_>,
        date: Date,
        n: u32,
        yesterday: World<'_>,
    ) -> Result<ExitCode, Failure> {
        if n == self.args.days {
            return self.judge(desk, &yesterday);
        }
        let county = &stage.inputs.county;
        let date = date.tomorrow().map_err(|err| Failure::could_not(&err))?;
        let midnight = midnight_ms(county, date)?;
        let seed = self.args.seed + u64::from(n);
        let (orders, later) = setup::demand(county, date, seed, stage.faults)?;
        desk.move_to(midnight + (BEGIN_S - NIGHT_S) * 1_000);
        let mut world = stage.world(&orders, &later, midnight, seed);
        world.follow(yesterday);
        world.open(desk);
        desk.place_all();
        let plan = setup::night_run(desk, date, self.args.steps, seed)?;
        self.say(
            self.lang.pick(format!("{date} 夜间计划 {plan}"), format!("{date}: plan of the night {plan}")),
        );
        publish(desk, &self.args.dir.join("var/plans").join(&plan), &plan)?;
        world.draw_breakdowns(desk);
        let from_ms = world.begin_ms();
        self.drive(desk, &mut world, from_ms, midnight + END_S * 1_000);
        world.close(desk, midnight + PROMISE_S * 1_000);
        self.days(desk, stage, date, n + 1, world)
    }

    /// A part of a day, step by step.
    fn drive(&self, desk: &mut Remote, world: &mut World<'_>, from_ms: i64, end_ms: i64) {
        let mut now_ms = from_ms;
        while now_ms < end_ms {
            world.step(desk, now_ms);
            desk.tick(now_ms);
            if !self.args.headless && now_ms % SUMMARY_MS == 0 {
                words::summary(desk, world.since_midnight_ms(now_ms), self.lang);
            }
            now_ms += TICK_MS;
        }
    }

    /// From now on the clock runs by itself: the daemon is ended and started again on its log with a scaled clock.
    fn let_run(&mut self, desk: &mut Remote, county: &County, now_ms: i64) -> Result<(), Failure> {
        let config = setup::write_config(self.args, &self.places, county, Some(self.args.speed), now_ms)?;
        let runtime = &self.runtime;
        let old = self.daemon.take();
        if let Some(old) = old {
            runtime.block_on(old.end()).map_err(|err| Failure::could_not(&err))?;
        }
        self.daemon = Some(start(runtime, &config)?);
        desk.run_free();
        let zone = jiff::tz::TimeZone::get(&county.time_zone).unwrap_or(jiff::tz::TimeZone::UTC);
        desk.tell = Some(words::teller(zone, self.lang));
        let speed = self.args.speed;
        self.say(self.lang.pick(
            format!("清晨的卸车、分拣与装车已快速走过；守护进程从日志恢复，以下按 {speed} 倍速进行"),
            format!("the morning's unloading, sorting and loading went by in haste; the daemon has come back from its log, and the day goes on {speed} times as fast"),
        ));
        Ok(())
    }

    /// The invariants over the exported log, and its figures counted anew.
    fn judge(&self, desk: &mut Remote, world: &World<'_>) -> Result<ExitCode, Failure> {
        let day = judge_remote(self.args.seed, world, desk)?;
        desk.stream.end();
        let good = day.faults.is_empty() && day.kpi_equal && !day.custody.contains_key("open");
        if self.args.headless {
            print_json(&day);
        } else {
            println!("{}", words::ending(&day, self.lang));
        }
        day.faults.iter().take(20).for_each(|fault| eprintln!("{fault}"));
        Ok(if good { ExitCode::SUCCESS } else { ExitCode::from(EXIT_COULD_NOT) })
    }

    /// Signs everybody in: the administrator, everybody's keys, the terminals, the live stream.
    fn desk(&self, county: &County) -> Result<Remote, Failure> {
        let url = self.places.url();
        let token = self.daemon.as_ref().and_then(Daemon::first_run).unwrap_or_default();
        let mut admin = setup::sign_in(&url, token, &self.password)?;
        let keys = Keys::make(&mut admin, county).map_err(|err| Failure::could_not(&err))?;
        let terminals =
            Terminals::new(&vehicles(county), self.places.gateway).map_err(|err| Failure::could_not(&err))?;
        open_desk(admin, keys, terminals, &url)
    }
}
