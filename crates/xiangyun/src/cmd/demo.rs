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
const PLAN_STEPS: u64 = 4_000;
/// Seconds before the first departure at which a running clock begins.
const EARLY_S: i64 = 300;
/// Business time between two lines of the summary.
const SUMMARY_MS: i64 = 600_000;
/// A breakdown falls into this part of the day's beginning, in seconds after the clock's start, so that a visitor sees it.
const SEEN_S: (i64, i64) = (1_800, 5_400);
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
    daemon: Daemon,
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
    let start_ms =
        midnight + 1_000 * if args.headless { BEGIN_S } else { first_departure_s(&plan) - EARLY_S };
    let config = setup::write_config(args, &inputs.county, start_ms)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|err| Failure::could_not(&err))?;
    let config = Config::read(&config).map_err(|err| Failure::input(err.to_string()))?;
    let daemon = runtime.block_on(Daemon::start(config)).map_err(|err| Failure::input(err.to_string()))?;
    let password = setup::password(&args.dir)?;
    let demo = Demo { args, lang, runtime, daemon, password };
    let outcome = demo.live(plan_dir, plan, inputs, &faults, start_ms);
    if args.stay && outcome.is_ok() {
        demo.say(lang.pick("守护进程继续运行，按 Ctrl-C 结束", "the daemon stays up; Ctrl-C ends it"));
        let _ = demo.runtime.block_on(tokio::signal::ctrl_c());
    }
    let Demo { runtime, daemon, .. } = demo;
    runtime.block_on(daemon.end()).map_err(|err| Failure::could_not(&err))?;
    outcome
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

fn first_departure_s(plan: &Plan) -> i64 {
    let departures = plan.trips.iter().filter(|t| t.driver.is_some()).filter_map(|t| t.visits.first());
    departures.map(|v| v.depart).min().unwrap_or(6 * 3_600)
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
        &self,
        dir: PathBuf,
        plan: Plan,
        inputs: Inputs,
        faults: &Faults,
        start_ms: i64,
    ) -> Result<ExitCode, Failure> {
        let county = inputs.county.clone();
        let ways = ways(&county, &self.args.county);
        let mut desk = self.desk(&county)?;
        self.say(words::where_to_look(self, &plan, &inputs, &dir));
        let zone = jiff::tz::TimeZone::get(&county.time_zone).unwrap_or(jiff::tz::TimeZone::UTC);
        if !self.args.headless {
            desk.tell = Some(words::teller(zone, self.lang));
        }
        let stage = Stage { inputs: &inputs, ways: ways.as_ref(), faults };
        let later = later_orders(&inputs, self.args.seed, many(&inputs, faults));
        let midnight = midnight_ms(&county, plan.date)?;
        let mut world = stage.world(&inputs.orders, &later, midnight, self.args.seed);
        world.open(&mut desk);
        desk.place_all();
        publish(&mut desk, &dir, &plan.id)?;
        self.drive(&mut desk, &mut world, midnight, start_ms);
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
        publish(desk, &self.daemon.app().plans.dir_of(&plan), &plan)?;
        self.drive(desk, &mut world, midnight, midnight);
        self.days(desk, stage, date, n + 1, world)
    }

    /// One day from the first truck to the last till.
    fn drive(&self, desk: &mut Remote, world: &mut World<'_>, midnight: i64, start_ms: i64) {
        world.draw_breakdowns(desk);
        if !self.args.headless {
            world.break_early(desk, start_ms + SEEN_S.0 * 1_000, start_ms + SEEN_S.1 * 1_000);
        }
        let end_ms = midnight + END_S * 1_000;
        let mut now_ms = world.begin_ms();
        while now_ms <= end_ms {
            world.step(desk, now_ms);
            desk.tick(now_ms);
            if !self.args.headless && now_ms % SUMMARY_MS == 0 && now_ms >= start_ms {
                words::summary(desk, now_ms - midnight, self.lang);
            }
            now_ms += TICK_MS;
        }
        world.close(desk, midnight + PROMISE_S * 1_000);
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
        let url = self.daemon.url();
        let gateway = self.daemon.jt808().ok_or_else(|| Failure::input("no JT/T 808 address"))?;
        let mut admin = setup::sign_in(&url, self.daemon.first_run().unwrap_or_default(), &self.password)?;
        let keys = Keys::make(&mut admin, county).map_err(|err| Failure::could_not(&err))?;
        let terminals = Terminals::new(&vehicles(county), gateway).map_err(|err| Failure::could_not(&err))?;
        open_desk(admin, keys, terminals, &url)
    }
}
