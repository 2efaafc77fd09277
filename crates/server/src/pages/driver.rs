//! The driver's page, opened by the QR code of the manifest: the stop, what is due there, scans and proof. It works
//! without a network: what was done is kept in the phone and sent, in order and once, when the network is back.

use super::{both, data, page, words};
use crate::app::App;
use crate::ask::Context;
use crate::auth::{Action, Resource, authorize};
use crate::machine::read;
use crate::problem::Problem;
use axum::extract::{Path, State};
use axum::response::Response;
use maud::html;
use std::sync::Arc;
use xiangyun_dispatch::holder::Holder;

/// Orders listed one by one; more are handed over as a whole.
const LISTED_MAX: usize = 200;

/// One stop of a plan.
pub(super) async fn show(
    State(app): State<Arc<App>>,
    Path((plan, stop)): Path<(String, String)>,
    context: Context,
) -> Response {
    let world = read(&app.world);
    // The manifest prints the plan's own id; the day's id carries the plan's date.
    let printed = world.office.plans.get(&plan).map(|p| format!("{}.{stop}", p.date));
    let stop = printed.filter(|id| world.day.stops.contains_key(id)).unwrap_or(stop);
    let Some((trip, visit, state)) = world.day.visit(&stop) else {
        return super::sorry(&Problem::not_found("stop", &stop));
    };
    if let Err(problem) = authorize(&world, &context.caller, Action::Scan, Resource::Vehicle(&trip.vehicle)) {
        return super::sorry(&problem);
    }
    let truck = Holder::Vehicle(trip.vehicle.clone());
    let site = app.site(&visit.site);
    let on_board: Vec<&String> = visit
        .unload
        .iter()
        .filter(|id| world.day.orders.get(*id).is_some_and(|o| o.holder == truck))
        .collect();
    let link = |index: Option<usize>| {
        index
            .and_then(|i| trip.visits.get(i))
            .map(|v| format!("/d/{}/{}", super::encode(&plan), super::encode(&v.visit)))
    };
    let (zh, en) = words::phase(&crate::project::word(&state.phase));
    let body = html! {
        header.bar {
            strong { (trip.vehicle) " · " (state.index + 1) "/" (trip.visits.len()) }
            span #state {}
            span.who { (context.caller.who) }
        }
        main.driver {
            nav.steps {
                @if let Some(to) = link(state.index.checked_sub(1)) { a href=(to) { "← " (both("上一站", "previous")) } }
                @if let Some(to) = link(Some(state.index + 1)) { a href=(to) { (both("下一站", "next")) " →" } }
            }
            h1 { (site.map_or(visit.site.as_str(), |s| s.name_zh.as_str())) }
            p { (both("计划到达", "planned")) " " b { (&super::board::local(&app, visit.arrive_ms)[6..]) } " · " (both(zh, en)) }
            p { (both("卸", "off")) " " b { (visit.unload.len()) } " · " (both("装", "on")) " " b { (visit.load.len()) } " · " (both("车上", "on board for here")) " " b { (on_board.len()) } }
            div.buttons.big {
                button data-scan="arrive" { (both("到达", "arrived")) }
                button data-scan="unload" { (both("全部卸下", "unload all")) }
                button data-scan="load" { (both("全部装上", "load all")) }
                button data-scan="depart" { (both("离开", "leave")) }
                button data-scan="fail" { (both("无法服务", "cannot serve")) }
            }
            form #form autocomplete="off" {
                input #scan placeholder="扫描交付 scan to deliver";
                select #proof { option value="scan" { "扫描 scan" } option value="proxy" { "代收 proxy" } option value="signature" { "签名 signature" } option value="photo" { "拍照 photo" } }
                button type="submit" { (both("交付", "deliver")) }
                button type="button" #refuse { (both("拒收", "refused")) }
            }
            p #answer role="status" {}
            ol #log {}
            @if on_board.len() <= LISTED_MAX {
                details { summary { (both("车上到此站", "on board for here")) }
                    ul.orders { @for id in &on_board { li { (id) @if let Some(o) = world.day.orders.get(*id) { @if let Some(cash) = &o.cash { " " strong { "¥" (cash.fen / 100) "." (format!("{:02}", cash.fen % 100)) } } } } } }
                }
            }
        }
        (data("page", &serde_json::json!({ "plan": plan, "stop": stop, "vehicle": trip.vehicle })))
    };
    drop(world);
    page("司机作业", "driver", Some("driver.js"), &body)
}
