//! The day board: map, vehicles, exceptions with their repairs.

use super::{both, map, page, words};
use crate::api::alarms::{AlarmView, since};
use crate::api::exceptions::{ChangeView, ExceptionView, exception_view};
use crate::app::App;
use crate::ask::Context;
use crate::auth::{Action, Resource, authorize};
use crate::machine::{World, read};
use crate::worker::repair;
use axum::extract::State;
use axum::response::{Html, IntoResponse, Response};
use maud::{Markup, html};
use sqlx::Row;
use sqlx::any::AnyRow;
use std::collections::HashMap;
use std::sync::Arc;
use xiangyun_dispatch::duties;
use xiangyun_dispatch::eta::Eta;
use xiangyun_dispatch::event::{Condition, ExceptionKind};
use xiangyun_dispatch::state::StopPhase;

/// Settled exceptions on the board.
const SETTLED_SHOWN: i64 = 8;

/// The board.
pub(super) async fn show(State(app): State<Arc<App>>, context: Context) -> Response {
    let (alarms, settled) = (alarms(&app).await, settled(&app).await);
    let world = read(&app.world);
    if let Err(problem) = authorize(&world, &context.caller, Action::ReadExceptions, Resource::Any) {
        return super::sorry(&problem);
    }
    let may_repair = Action::Repair.allows(context.caller.role());
    let synthetic = app.map.get().is_some_and(map::Background::synthetic);
    let body = html! {
        header.bar {
            strong { (app.county.name_zh) " " (both("当日调度", "day board")) }
            span #clock data-source=(app.clock.name()) { (local(&app, app.clock.now_ms())) }
            span #live { (both("连接中", "connecting")) }
            span.who { (context.caller.who) " · " (context.caller.role().word()) " " a href="/login" { (both("换人", "switch")) } }
        }
        @if synthetic { p.note { (both("道路与多数村点为合成数据，仅供演示", "roads and most village points are synthetic, for demonstration")) } }
        div.columns {
            section.map { (map::svg(&app, &world)) }
            section.side #board { (board(&app, &world, (&alarms, &settled), may_repair)) }
        }
    };
    drop(world);
    page("当日调度", "day board", Some("board.js"), &body)
}

/// The part of the board that changes.
pub(super) async fn part(State(app): State<Arc<App>>, context: Context) -> Response {
    let (alarms, settled) = (alarms(&app).await, settled(&app).await);
    let world = read(&app.world);
    if let Err(problem) = authorize(&world, &context.caller, Action::ReadExceptions, Resource::Any) {
        return problem.into_response();
    }
    let may_repair = Action::Repair.allows(context.caller.role());
    Html(board(&app, &world, (&alarms, &settled), may_repair).into_string()).into_response()
}

/// Local time of the county.
pub(super) fn local(app: &App, ms: i64) -> String {
    let zone = jiff::tz::TimeZone::get(&app.county.time_zone).unwrap_or(jiff::tz::TimeZone::UTC);
    crate::api::instant(ms).to_zoned_datetime(zone).strftime("%m-%d %H:%M").to_string()
}

/// Alarms of the last day; a store that does not answer costs the page nothing else.
async fn alarms(app: &App) -> Vec<AlarmView> {
    since(app, app.clock.now_ms() - 86_400_000, 5).await.unwrap_or_default()
}

/// An exception that is over.
struct Settled {
    kind: String,
    subject: String,
    closed_ms: i64,
    how: String,
    /// Price in fen and stops moved of the repair that was accepted.
    repair: Option<(i64, i64)>,
}

/// The last exceptions that were settled; a store that does not answer costs the page nothing else.
async fn settled(app: &App) -> Vec<Settled> {
    let rows = sqlx::query(
        "SELECT e.kind, e.subject, e.closed_ms, e.how, r.price_fen, r.moved_stops FROM exceptions e \
         LEFT JOIN repairs r ON r.county = e.county AND r.exception_id = e.id AND r.accepted_ms IS NOT NULL \
         WHERE e.county = $1 AND e.closed_ms >= $2 ORDER BY e.closed_ms DESC LIMIT $3",
    )
    .bind(app.code.clone())
    .bind(app.clock.now_ms() - 86_400_000)
    .bind(SETTLED_SHOWN)
    .fetch_all(app.store.readers())
    .await
    .unwrap_or_default();
    let view = |r: &AnyRow| -> Result<Settled, sqlx::Error> {
        let price: Option<i64> = r.try_get("price_fen")?;
        let moved: Option<i64> = r.try_get("moved_stops")?;
        Ok(Settled {
            kind: r.try_get("kind")?,
            subject: r.try_get("subject")?,
            closed_ms: r.try_get("closed_ms")?,
            how: r.try_get::<Option<String>, _>("how")?.unwrap_or_default(),
            repair: price.zip(moved),
        })
    };
    rows.iter().filter_map(|r| view(r).ok()).collect()
}

fn board(
    app: &App,
    world: &World,
    (alarms, settled): (&[AlarmView], &[Settled]),
    may_repair: bool,
) -> Markup {
    let balance = duties::balance(&world.day);
    let count = |word: &str| balance.get(word).copied().unwrap_or(0);
    let queue: Vec<ExceptionView> =
        world.day.queue().into_iter().take(50).map(|(id, e)| exception_view(app, world, id, e)).collect();
    let etas = app.etas.all();
    let mut vehicles: Vec<(Need, Markup)> =
        world.day.vehicles.keys().map(|v| vehicle_row(app, world, v, &etas)).collect();
    vehicles.sort_by_key(|(need, _)| *need);
    html! {
        div.sums {
            div { b { (world.figures.placed) } (both("订单", "orders")) }
            div { b { (count("delivered")) } (both("签收", "delivered")) }
            div { b { (count("held")) } (both("留存", "held")) }
            div { b { (count("open")) } (both("在途", "open")) }
            div { b { (world.figures.stops_served) } (both("已服务站点", "stops served")) }
            div { b.alert[!queue.is_empty()] { (queue.len()) } (both("待处理异常", "open exceptions")) }
        }
        @for alarm in alarms {
            p.alarm { b { (&local(app, alarm.at.as_millisecond())) } " " (alarm.text_zh) " " small.en { (alarm.text_en) } }
        }
        h2 { (both("异常", "Exceptions")) }
        @if queue.is_empty() { p.empty { (both("没有待处理的异常", "nothing to do")) } }
        @for e in &queue { (exception(app, world, e, may_repair)) }
        @if !settled.is_empty() {
            h2 { (both("最近处理", "Recently settled")) }
            ul.settled {
                @for s in settled {
                    @let (zh, en) = words::kind(&s.kind);
                    li {
                        time { (&local(app, s.closed_ms)[6..]) } " " (both(zh, en)) " " span.subject { (subject(app, world, &s.subject)) } " "
                        @match s.repair {
                            Some((fen, moved)) => { b.good { (both("已采纳方案", "repaired")) } " " (yuan(fen)) " · " (both("调整站点", "moved stops")) " " (moved) }
                            None => { (s.how) }
                        }
                    }
                }
            }
        }
        h2 { (both("车辆", "Vehicles")) }
        table.vehicles {
            thead { tr { th { (both("车辆", "vehicle")) } th { (both("进度", "progress")) } th { (both("下一站", "next stop")) } th { (both("预计", "expected")) } th { (both("定位", "seen")) } } }
            tbody { @for (_, row) in &vehicles { (row) } }
        }
    }
}

fn exception(app: &App, world: &World, e: &ExceptionView, may_repair: bool) -> Markup {
    let (zh, en) = words::kind(&e.kind);
    html! {
        article.exception data-id=(e.id) {
            h3 { (both(zh, en)) " " span.subject { (subject(app, world, &e.subject)) } span.price title="不处理可能的损失 what it may cost" { (yuan(e.price_fen)) } }
            p { (two_tongues(&named(app, world, &e.evidence))) }
            @for repair in e.repairs.iter().rev().take(1) {
                p.repair {
                    (both("方案", "repair")) " " (yuan(repair.price_fen)) " · "
                    (both("延误", "lateness")) " " (repair.lateness_s / 60) " min · "
                    (both("调整站点", "moved stops")) " " (repair.moved_stops) " · " (repair.vehicles.join(" "))
                    @if !repair.fresh { " " em { (both("情况已变，接受时重算", "the day moved on: reckoned anew when accepted")) } }
                    @if !repair.changes.is_empty() {
                        ul.changes { @for c in &repair.changes { li { (change(app, c)) } } }
                    }
                }
                @if may_repair {
                    div.buttons {
                        button data-verdict="accept" data-offer=(repair.offer) { (both("接受", "accept")) }
                        button data-verdict="refuse" data-offer=(repair.offer) { (both("拒绝", "refuse")) }
                    }
                }
            }
            @if let Some(why) = &e.no_repair { p.none { (both("暂无方案", "no repair")) " " (two_tongues(why)) } }
            @if e.repairs.is_empty() && may_repair {
                div.buttons {
                    @if by_plan(&e.kind) { button data-verdict="renew" { (both("再找方案", "look again")) } }
                    button data-close="1" { (both("已处理", "settled")) }
                }
            }
        }
    }
}

/// Evidence with the names of places instead of the numbers of stops and sites.
fn named(app: &App, world: &World, evidence: &str) -> String {
    let name = |word: &str| {
        let visit = world.day.visit(word).map(|(_, v, _)| v.site.as_str());
        let site = app.site(visit.unwrap_or(word))?;
        Some(site.name_zh.clone())
    };
    let known = |word: &str| {
        if let Some((head, tail)) = word.split_once('：')
            && let Some(name) = name(head)
        {
            return format!("{name}：{tail}");
        }
        let bare = word.trim_end_matches(['：', ':', '，', ',']);
        name(bare).map_or_else(|| word.to_owned(), |name| word.replacen(bare, &name, 1))
    };
    evidence.split(' ').map(known).collect::<Vec<_>>().join(" ")
}

/// A text of both languages, told apart by a bar.
fn two_tongues(text: &str) -> Markup {
    match text.split_once(" | ") {
        Some((zh, en)) => both(zh, en),
        None => html! { (text) },
    }
}

/// What an exception is about, by the names that people use.
fn subject(app: &App, world: &World, subject: &str) -> String {
    let name = |id: &str| app.site(id).map_or_else(|| id.to_owned(), |s| s.name_zh.clone());
    match subject.split_once('/') {
        Some(("site", id)) => name(id),
        Some(("order", id)) => match world.day.orders.get(id) {
            Some(o) => format!("{id} {} → {}", name(&o.origin), name(&o.destination)),
            None => id.to_owned(),
        },
        Some(("visit", id)) => world
            .day
            .visit(id)
            .map_or_else(|| id.to_owned(), |(t, v, _)| format!("{} {}", t.vehicle, name(&v.site))),
        Some((_, id)) => id.to_owned(),
        None => subject.to_owned(),
    }
}

/// One trip's change in a line.
fn change(app: &App, c: &ChangeView) -> Markup {
    let names = |ids: &[String]| -> String {
        let name = |id: &String| app.site(id).map_or_else(|| id.clone(), |s| s.name_zh.clone());
        ids.iter().map(name).collect::<Vec<_>>().join("、")
    };
    html! {
        b { (c.vehicle) } " "
        @if c.new { (both("新车次", "new trip")) " " }
        @if c.dropped { (both("取消车次", "trip falls away")) " " }
        @if !c.added.is_empty() { "+ " (names(&c.added)) " " }
        @if !c.removed.is_empty() { "− " (names(&c.removed)) " " }
        @if c.orders > 0 { (c.orders) " " (both("件", "orders")) " " }
        @if c.later_s.abs() >= 60 { (both("收车", "ends")) " " (format!("{:+} min", c.later_s / 60)) }
    }
}

/// Whether a change of the plan may mend an exception of this kind.
fn by_plan(kind: &str) -> bool {
    ExceptionKind::ALL.into_iter().any(|k| repair::by_plan(k) && crate::project::word(&k) == kind)
}

/// Fen as yuan.
fn yuan(fen: i64) -> String {
    format!("¥{}.{:02}", fen / 100, fen.abs() % 100)
}

/// How a vehicle stands on the board: the more it wants looking at, the lower.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Need {
    Broken,
    Late,
    UnderWay,
    Done,
}

/// A vehicle's line, and how much it wants looking at.
fn vehicle_row(app: &App, world: &World, vehicle: &str, etas: &HashMap<String, Eta>) -> (Need, Markup) {
    let mut all = 0usize;
    let mut done = 0usize;
    let mut next = None;
    for trip in crate::auth::trips(world, vehicle) {
        for visit in &trip.visits {
            all += 1;
            let phase = world.day.stops.get(&visit.visit).map_or(StopPhase::Planned, |s| s.phase);
            if matches!(phase, StopPhase::Served | StopPhase::Failed | StopPhase::Skipped) {
                done += 1;
            } else if next.is_none() {
                next = Some((visit, phase));
            }
        }
    }
    let seen = app.fleet.of(vehicle);
    let broken = world.day.vehicles.get(vehicle).is_some_and(|v| v.condition == Condition::Broken);
    let eta = next.and_then(|(visit, _)| etas.get(&visit.visit));
    let late = eta.is_some_and(|e| e.p50_ms > e.latest_ms);
    let need = match next {
        _ if broken => Need::Broken,
        None => Need::Done,
        Some(_) if late => Need::Late,
        Some(_) => Need::UnderWay,
    };
    let row = html! {
        tr data-vehicle=(vehicle) {
            td { (vehicle) @if broken { " " b.late { (both("故障", "broken")) } } }
            td { progress max=(all) value=(done) {} " " (done) "/" (all) }
            @if let Some((visit, phase)) = next {
                @let (zh, _) = words::phase(&crate::project::word(&phase));
                @let site = app.site(&visit.site).map_or(visit.site.as_str(), |s| s.name_zh.as_str());
                td { (site) " " small { (zh) } }
                td class=[late.then_some("late")] {
                    @if let Some(eta) = eta { (&local(app, eta.p50_ms)[6..]) "–" (&local(app, eta.p90_ms)[6..]) } @else { (&local(app, visit.arrive_ms)[6..]) }
                }
            } @else { td { (both("完成", "done")) } td {} }
            td { @if let Some(seen) = seen { (&local(app, seen.at.as_millisecond())[6..]) } @else { "–" } }
        }
    };
    (need, row)
}
