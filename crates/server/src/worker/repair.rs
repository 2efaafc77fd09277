//! Repairs for the exceptions of the day: made on a copy of the day, sent as offers, accepted only by a person or by a rule
//! that the county has set.

use super::roads::Closures;
use super::{Ask, Hand};
use crate::app::App;
use crate::config::AutoRule;
use crate::forks::Fork;
use crate::machine::{World, read};
use crate::metrics::Reason;
use crate::plans::Loaded;
use crate::problem::Problem;
use crate::runs::order_record;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};
use xiangyun_dispatch::command::{Command as DayCommand, Offer};
use xiangyun_dispatch::event::ExceptionKind;
use xiangyun_dispatch::state::{ExceptionState, State};
use xiangyun_model::order::OrderRecord;
use xiangyun_model::problem::Problems;
use xiangyun_planning::orders::{self, OrderRow, Source};
use xiangyun_planning::repair::{NoOffer, Patch, Running};
use xiangyun_redispatch::{NoRepair, Redispatch};

/// Business time until an exception without a repair is tried again; doubled each time up to [`RETRY_MAX_MS`].
pub const RETRY_MS: i64 = 60_000;
/// Longest business time between two tries.
pub const RETRY_MAX_MS: i64 = 15 * 60_000;
/// Wall time between two tries of one exception.
pub const RETRY_PAUSE: Duration = Duration::from_secs(2);
/// Offers of one round, so that a request never waits for many.
pub const OFFERS_A_ROUND: usize = 8;

/// Orders without a place that one request raises as exceptions.
pub const UNPLANNED_MAX: usize = 2_000;

/// Kinds that a change of the plan may mend, the most urgent first.
const KINDS: [ExceptionKind; 8] = [
    ExceptionKind::Breakdown,
    ExceptionKind::RoadClosed,
    ExceptionKind::TrunkLate,
    ExceptionKind::Unassigned,
    ExceptionKind::Cancelled,
    ExceptionKind::LateRisk,
    ExceptionKind::Deviation,
    ExceptionKind::TidyUp,
];

/// Whether a change of the plan may mend an exception of this kind.
#[must_use]
pub fn by_plan(kind: ExceptionKind) -> bool {
    KINDS.contains(&kind)
}

/// The plan that the day follows.
struct Under {
    plan: String,
    worker: Redispatch,
    applied: BTreeSet<String>,
    /// The part of the day that repairs read, as of an event of the log.
    part: Arc<State>,
    part_seq: i64,
    /// Event of the log up to which it was looked whether a tidy-up is wanted.
    tidied_seq: i64,
}

struct Tried {
    times: u32,
    next_ms: i64,
    at: Instant,
    /// What it was tried on, for orders: a legal step done or a new promise is a reason to try at once.
    version: i64,
}

/// Makes offers.
#[derive(Default)]
pub struct Repairer {
    under: Option<Under>,
    /// A published plan that could not be read.
    unread: Option<String>,
    closures: Closures,
    tried: HashMap<String, Tried>,
    made: u64,
}

/// What an offer is made from.
struct Case {
    part: Arc<State>,
    found: ExceptionState,
    record: Option<OrderRecord>,
    accepted: Vec<(u64, String, String)>,
    seq: i64,
}

impl Repairer {
    /// One look: requests first, then exceptions without an offer.
    pub fn round(&mut self, hand: &Hand<'_>, asks: Vec<Ask>) {
        let app = hand.app;
        self.follow_plan(app);
        let now_ms = app.clock.now_ms();
        if let Some(under) = &mut self.under
            && let running = under.worker.running()
            && let Some(travel) = self.closures.changed(app, &running.inputs().county, running.plan().date)
        {
            under.worker.roads_changed(travel);
        }
        for ask in asks {
            // Whoever asked may have gone; what was made stands.
            match ask {
                Ask::Repair { exception, answer } => {
                    let _ = answer.send(self.one(hand, &exception, now_ms));
                }
                Ask::Copy { plan, answer } => {
                    let _ = answer.send(self.copy(app, &plan));
                }
                // Looking is what this round does; the thread itself answers when all of it is over.
                Ask::Look { .. } => {}
            }
        }
        if self.under.is_none() {
            return;
        }
        self.wish_tidy_up(hand);
        for _ in 0..OFFERS_A_ROUND {
            let Some((id, version)) = self.next(app, now_ms) else { break };
            let outcome = self.one(hand, &id, now_ms);
            let times = self.tried.get(&id).map_or(0, |t| t.times);
            if outcome.is_err() {
                let wait_ms = (RETRY_MS << times.min(8)).min(RETRY_MAX_MS);
                let (at, next_ms) = (Instant::now(), now_ms + wait_ms);
                self.tried.insert(id, Tried { times: times + 1, next_ms, at, version });
            } else {
                self.tried.remove(&id);
            }
        }
    }

    /// Reads the published plan when it is another one.
    fn follow_plan(&mut self, app: &Arc<App>) {
        let published = read(&app.world).office.published.clone();
        let Some(id) = published else { return };
        if self.under.as_ref().is_some_and(|u| u.plan == id) || self.unread.as_ref() == Some(&id) {
            return;
        }
        match app.plans.get(&id) {
            Ok(loaded) => {
                let mut worker =
                    Redispatch::new(loaded.plan.clone(), loaded.inputs.clone(), loaded.midnight_ms());
                worker.set_budget(app.config.repairs.moved_stops_max);
                match Fork::read(app, &id) {
                    Ok(fork) => worker.set_locks(fork.map_or_else(Vec::new, |f| f.locks)),
                    Err(problem) => {
                        tracing::warn!(
                            plan = id,
                            detail = problem.detail,
                            "no repairs: its locks cannot be read"
                        );
                        self.unread = Some(id);
                        return;
                    }
                }
                app.plans.pin(&loaded);
                let part = Arc::new(State::new(&app.code));
                self.under = Some(Under {
                    plan: id,
                    worker,
                    applied: BTreeSet::new(),
                    part,
                    part_seq: -1,
                    tidied_seq: -1,
                });
                self.closures.renew();
                self.tried.clear();
            }
            Err(problem) => {
                tracing::warn!(
                    plan = id,
                    detail = problem.detail,
                    "no repairs: the day's plan cannot be read"
                );
                self.unread = Some(id);
            }
        }
    }

    /// Where the county wants it, so many orders that came one by one make a tidy-up wanted.
    fn wish_tidy_up(&mut self, hand: &Hand<'_>) {
        let Some(every) = hand.app.config.repairs.tidy_up_every.map(|n| n.max(1) as usize) else { return };
        let Some(under) = &mut self.under else { return };
        let wanted = {
            let world = read(&hand.app.world);
            if world.seq == under.tidied_seq {
                return;
            }
            under.tidied_seq = world.seq;
            under.tidy_up_wanted(&world, every)
        };
        if let Some(wish) = wanted
            && let Err(problem) = hand.send(wish)
        {
            tracing::warn!(detail = problem.detail, "a wanted tidy-up was not noted");
        }
    }

    /// A copy of the plan as it runs.
    fn copy(&mut self, app: &Arc<App>, plan: &str) -> Option<Running> {
        let under = self.under.as_mut().filter(|u| u.plan == plan)?;
        let (part, accepted) = {
            let world = read(&app.world);
            (under.part(&world), under.accepted(&world))
        };
        under.catch_up(app, &accepted);
        under.worker.follow(&part, app.clock.now_ms());
        Some(under.worker.running().fork())
    }

    /// The most urgent exception without an offer whose time has come.
    fn next(&mut self, app: &App, now_ms: i64) -> Option<(String, i64)> {
        let world = read(&app.world);
        let version =
            |e: &ExceptionState| if e.subject.starts_with("order/") { world.version(&e.subject) } else { 0 };
        let due = |id: &String, e: &ExceptionState| {
            self.tried.get(id).is_none_or(|t| {
                version(e) != t.version
                    || (now_ms >= t.next_ms && (app.clock.is_stepped() || t.at.elapsed() >= RETRY_PAUSE))
            })
        };
        let rank = |kind: ExceptionKind| KINDS.iter().position(|k| *k == kind);
        let open = || world.day.exceptions.iter().filter(|(_, e)| !e.closed);
        let found = open()
            .filter(|(id, e)| e.offers.is_empty() && due(id, e))
            .filter_map(|(id, e)| Some((rank(e.kind)?, -e.price_fen, id, version(e))))
            .min()
            .map(|(_, _, id, version)| (id.clone(), version));
        if found.is_none() && self.tried.len() > 1_000 {
            let known: HashSet<&String> = open().map(|(id, _)| id).collect();
            self.tried.retain(|id, _| known.contains(id));
        }
        found
    }

    /// Makes an offer for one exception and stores it; gives its number. All of a round is at one time: what has not
    /// changed since the exception before is not timed again.
    fn one(&mut self, hand: &Hand<'_>, id: &str, now_ms: i64) -> Result<String, Problem> {
        let app = hand.app;
        let Some(under) = &mut self.under else {
            return Err(Problem::conflict("no plan is published that could be repaired"));
        };
        let began = Instant::now();
        let count = |word: &str| {
            app.metrics.repairs.get_or_create(&Reason { reason: word.to_owned() }).inc();
        };
        let case = case(app, under, id)?;
        under.catch_up(app, &case.accepted);
        under.worker.follow(&case.part, now_ms);
        self.made += 1;
        let name = format!("{}.{}-{}", under.plan, case.seq, self.made);
        let offer = match under.offer(&case, id, &name) {
            Ok(offer) => offer,
            Err(Nothing::Settled(how)) => {
                hand.send(DayCommand::Close { exception: id.to_owned(), how: how.clone(), acted: false })?;
                app.worker.explain(id, None);
                return Err(Problem::conflict(how));
            }
            Err(Nothing::Found(why)) => {
                count("none");
                app.worker.explain(id, Some(why.clone()));
                return Err(Problem::conflict(why));
            }
        };
        app.worker.explain(id, None);
        let rule = app.config.repairs.auto.get(&crate::project::word(&case.found.kind));
        let by_rule = rule.is_some_and(|rule| allows(rule, &offer));
        hand.send(DayCommand::Offer(offer))?;
        count("offered");
        app.metrics.repair_seconds.observe(began.elapsed().as_secs_f64());
        if by_rule {
            let accept = DayCommand::AcceptOffer { offer: name.clone(), by: "rule".into() };
            match hand.send(accept) {
                Ok(()) => count("accepted_by_rule"),
                Err(problem) => {
                    tracing::debug!(offer = name, detail = problem.detail, "a rule's acceptance was refused");
                }
            }
        }
        Ok(name)
    }
}

/// Whether a county's rule accepts an offer without asking anybody.
fn allows(rule: &AutoRule, offer: &Offer) -> bool {
    offer.price_fen <= rule.price_fen_max
        && offer.moved_stops <= rule.moved_stops_max
        && rule.lateness_s_max.is_none_or(|most| offer.lateness_s <= most)
}

/// Copies what an offer is made from; the lock is held no longer than that takes.
fn case(app: &App, under: &mut Under, id: &str) -> Result<Case, Problem> {
    let world = read(&app.world);
    let found = world.day.exceptions.get(id).ok_or_else(|| Problem::not_found("exception", id))?.clone();
    if found.closed {
        return Err(Problem::conflict(format!("exception {id} is closed")));
    }
    let accepted = under.accepted(&world);
    let record = match (found.kind, found.subject.strip_prefix("order/")) {
        (ExceptionKind::Unassigned, Some(order)) => record(app, under, &world, order),
        _ => None,
    };
    Ok(Case { part: under.part(&world), found, record, accepted, seq: world.seq })
}

fn record(app: &App, under: &Under, world: &World, order: &str) -> Option<OrderRecord> {
    let date = under.worker.running().plan().date;
    let state = world.day.orders.get(order)?;
    Some(order_record(&app.county.time_zone, date, order, state, Some(app.clock.now_ms())))
}

enum Nothing {
    /// There is nothing to mend any more.
    Settled(String),
    /// No repair was found.
    Found(String),
}

impl Under {
    /// The part of the day that repairs read, copied only when something has happened since.
    fn part(&mut self, world: &World) -> Arc<State> {
        if self.part_seq != world.seq {
            self.part = Arc::new(world.day.plan_part());
            self.part_seq = world.seq;
        }
        Arc::clone(&self.part)
    }

    /// Changes that were accepted and are not on the plan yet: place in the log, offer, change.
    fn accepted(&self, world: &World) -> Vec<(u64, String, String)> {
        let prefix = format!("{}.", self.plan);
        world
            .day
            .offers
            .iter()
            .filter(|(name, o)| o.accepted && name.starts_with(&prefix) && !self.applied.contains(*name))
            .map(|(name, o)| (o.accepted_at, name.clone(), o.patch.clone()))
            .collect()
    }

    /// Lays changes on the plan that were accepted since, in their order.
    fn catch_up(&mut self, app: &App, accepted: &[(u64, String, String)]) {
        let mut sorted: Vec<_> = accepted.to_vec();
        sorted.sort();
        for (_, name, text) in sorted {
            let rows = self.new_rows(app, &text);
            if let Err(err) = self.worker.accepted(&text, rows) {
                tracing::error!(offer = name, %err, "an accepted change was not laid on the plan");
            }
            self.applied.insert(name);
        }
    }

    /// Orders that a change brings and that the plan does not know.
    fn new_rows(&self, app: &App, patch: &str) -> Vec<OrderRow> {
        let Ok(patch) = serde_json::from_str::<Patch>(patch) else { return Vec::new() };
        let known: HashSet<&str> =
            self.worker.running().inputs().orders.iter().map(|r| r.order.id.as_str()).collect();
        let world = read(&app.world);
        let records: Vec<OrderRecord> = patch
            .loads
            .iter()
            .flat_map(|l| &l.orders)
            .filter(|id| !known.contains(id.as_str()))
            .collect::<BTreeSet<_>>()
            .into_iter()
            .filter_map(|id| record(app, self, &world, id))
            .collect();
        drop(world);
        self.rows(&records).unwrap_or_default()
    }

    /// Records as the planner's orders.
    fn rows(&self, records: &[OrderRecord]) -> Result<Vec<OrderRow>, String> {
        if records.is_empty() {
            return Ok(Vec::new());
        }
        let running = self.worker.running();
        let mut problems = Problems::new();
        let bytes = orders::write(records);
        let (county, date) = (&running.inputs().county, running.plan().date);
        let rows = orders::read("day", &bytes, Source::Own, &HashMap::new(), county, date, &mut problems);
        match problems.list().first() {
            None => Ok(rows),
            Some(first) => Err(first.to_string()),
        }
    }

    /// The wish for a tidy-up when `every` orders have got their places since the last one.
    fn tidy_up_wanted(&self, world: &World, every: usize) -> Option<DayCommand> {
        let day = &world.day;
        let prefix = format!("{}.", self.plan);
        let mine = || day.offers.iter().filter(|(name, o)| o.accepted && name.starts_with(&prefix));
        let of = |kind: ExceptionKind| {
            mine().filter(move |(_, o)| day.exceptions.get(&o.exception).is_some_and(|e| e.kind == kind))
        };
        let last = of(ExceptionKind::TidyUp).map(|(_, o)| o.accepted_at).max().unwrap_or(0);
        let mut since: Vec<u64> =
            of(ExceptionKind::Unassigned).map(|(_, o)| o.accepted_at).filter(|at| *at > last).collect();
        since.sort_unstable();
        let whole = since.len() / every * every;
        let at = whole.checked_sub(1).and_then(|i| since.get(i))?;
        let exception = format!("TU-{}-{at}", self.plan);
        (!day.exceptions.contains_key(&exception)).then(|| DayCommand::Raise {
            exception,
            kind: ExceptionKind::TidyUp,
            subject: format!("plan/{}", self.plan),
            in_charge: None,
            evidence: format!(
                "已逐单插入 {whole} 单，可少量调整以降低成本 | {whole} orders were put in one by one; moving a few stops may cost less"
            ),
            price_fen: 0,
        })
    }

    fn offer(&mut self, case: &Case, id: &str, name: &str) -> Result<Offer, Nothing> {
        let found = |err: NoRepair| Nothing::Found(why_none(&err));
        match case.found.kind {
            ExceptionKind::Unassigned => {
                let Some(record) = &case.record else {
                    return Err(Nothing::Settled("the order is not known any more".into()));
                };
                let planned = |l: &xiangyun_model::plan::Load| l.orders.contains(&record.id);
                if self.worker.running().plan().loads.iter().any(planned) {
                    return Err(Nothing::Settled("it is in the plan".into()));
                }
                let rows = self.rows(std::slice::from_ref(record)).map_err(Nothing::Found)?;
                let Some(row) = rows.first() else {
                    return Err(Nothing::Found("订单资料不可用 | the order's data cannot be used".into()));
                };
                self.worker.insert(&case.part, row, id, name).map(|(offer, _)| offer).map_err(found)
            }
            ExceptionKind::Cancelled => match self.worker.repair(&case.part, id, name) {
                Err(NoRepair::NoOffer(NoOffer::Unknown { .. })) => {
                    Err(Nothing::Settled("nothing is planned for it any more".into()))
                }
                other => other.map_err(found),
            },
            ExceptionKind::TidyUp => match self.worker.repair(&case.part, id, name) {
                Err(NoRepair::NoOffer(NoOffer::Nothing { .. })) => {
                    Err(Nothing::Settled("计划已无可整理 | there is nothing to tidy up".into()))
                }
                other => other.map_err(found),
            },
            _ => self.worker.repair(&case.part, id, name).map_err(found),
        }
    }
}

/// Why there is no repair, for the people at the board: Chinese, then English.
fn why_none(err: &NoRepair) -> String {
    let zh = match err {
        NoRepair::NotByPlan(_) => "调整计划无济于事，请人工处理",
        NoRepair::NoOffer(NoOffer::Impossible { .. }) => "今日无论如何无法运送",
        NoRepair::NoOffer(NoOffer::NoPlace { .. }) => "没有车辆能在规则之内接下",
        NoRepair::NoOffer(NoOffer::NoHelp { .. }) => "没有空闲且装得下的车辆能及时接驳",
        NoRepair::NoOffer(NoOffer::Budget { .. }) => "须调整的站点超过县里所设上限",
        NoRepair::NoOffer(NoOffer::Nothing { .. }) => "允许调整的站点之内没有更省的方案",
        NoRepair::NoOffer(NoOffer::Unknown { .. }) | NoRepair::Unknown(_) => "已不在计划之中",
        NoRepair::Patch(_) => "变更无法读取",
    };
    format!("{zh} | {err}")
}

/// Exceptions for orders of the day of a published plan that no planner has seen; `orders` are those looked at, by id,
/// class and promise.
pub fn unplanned<'a>(
    plan: &Loaded,
    orders: impl Iterator<Item = (&'a str, &'a str, i64)>,
) -> Vec<DayCommand> {
    let from = plan.midnight_ms();
    let prices: BTreeMap<&str, i64> =
        plan.inputs.county.classes.iter().map(|c| (c.id.as_str(), c.unserved_fen)).collect();
    orders
        .filter(|(_, _, promise_ms)| (from..from + 86_400_000).contains(promise_ms))
        .filter(|(id, ..)| !plan.knows(id))
        .take(UNPLANNED_MAX)
        .map(|(id, class, _)| DayCommand::Raise {
            exception: format!("UA-{id}"),
            kind: ExceptionKind::Unassigned,
            subject: format!("order/{id}"),
            in_charge: None,
            evidence: format!("{id} 当日新单，未排入 | {id} came in during the day, not in the plan"),
            price_fen: prices.get(class).copied().unwrap_or(0),
        })
        .collect()
}
