//! The page of a station or a village point: a keyboard-wedge scanner types into one field; what it means is chosen once.

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
use xiangyun_dispatch::state::{Phase, StopPhase};

/// Shows what is here, what comes, and takes scans.
pub(super) async fn show(State(app): State<Arc<App>>, Path(id): Path<String>, context: Context) -> Response {
    let world = read(&app.world);
    let Some(site) = app.site(&id) else { return super::sorry(&Problem::not_found("site", &id)) };
    if let Err(problem) = authorize(&world, &context.caller, Action::Scan, Resource::Site(&id)) {
        return super::sorry(&problem);
    }
    let here = Holder::Site(id.clone());
    let (mut lying, mut shelved, mut to_go) = (0u64, 0u64, 0u64);
    for order in world.day.orders.values().filter(|o| o.holder == here) {
        match order.phase {
            Phase::Shelved => shelved += 1,
            _ if order.destination == id => lying += 1,
            _ => to_go += 1,
        }
    }
    let mut stops: Vec<_> = world
        .day
        .trips
        .values()
        .flat_map(|t| t.visits.iter().map(move |v| (t, v)))
        .filter(|(_, v)| v.site == id)
        .filter_map(|(t, v)| world.day.stops.get(&v.visit).map(|s| (t, v, s.phase)))
        .filter(|(_, _, p)| !matches!(p, StopPhase::Served | StopPhase::Skipped))
        .collect();
    stops.sort_by_key(|(_, v, _)| v.arrive_ms);
    let now = app.clock.now_ms();
    let overdue: Vec<_> = world
        .day
        .orders
        .iter()
        .filter(|(_, o)| o.shelf.as_ref().is_some_and(|s| s.site == id && s.keep_until_ms < now))
        .take(50)
        .collect();
    let body = html! {
        header.bar {
            strong { (site.name_zh) " " small.en { (site.name_en) } }
            span #counts { (both("待上架", "to shelve")) " " b { (lying) } " · " (both("在架", "on shelf")) " " b { (shelved) } " · " (both("待发", "to go")) " " b { (to_go) } }
            span #state {}
            span.who { (context.caller.who) " " a href="/login" { (both("换人", "switch")) } }
        }
        main.station {
            div.modes role="radiogroup" {
                @for (mode, zh, en) in [("in", "到站入库", "in"), ("shelve", "上架", "shelve"), ("pickup", "取件出库", "pick up"), ("load", "装车", "load"), ("unload", "卸车", "unload"), ("refuse", "拒收", "refused"), ("return", "退回", "return")] {
                    button data-mode=(mode) { (both(zh, en)) }
                }
            }
            p.choose #stop-choice {
                label { (both("车次", "stop")) " "
                    select #stop {
                        @for (trip, visit, phase) in &stops {
                            @let (zh, _) = words::phase(&crate::project::word(phase));
                            option value=(visit.visit) { (trip.vehicle) " " (&super::board::local(&app, visit.arrive_ms)[6..]) " " (zh) " ↓" (visit.unload.len()) " ↑" (visit.load.len()) }
                        }
                    }
                }
                button #all { (both("按计划全部", "all as planned")) }
            }
            form #form autocomplete="off" {
                input #scan inputmode="text" autofocus placeholder="扫描单号 scan";
                input #code inputmode="numeric" placeholder="取件码 code" hidden;
                button type="submit" { (both("确定", "enter")) }
            }
            p #answer role="status" {}
            ol #log {}
            section #due { @if !stops.is_empty() {
                h2 { (both("今日到车", "vehicles due")) }
                table.vehicles {
                    thead { tr { th { (both("计划", "planned")) } th { (both("车辆", "vehicle")) } th { (both("卸", "off")) } th { (both("装", "on")) } th { (both("状态", "state")) } } }
                    tbody {
                        @for (trip, visit, phase) in stops.iter().take(30) {
                            @let (zh, en) = words::phase(&crate::project::word(phase));
                            tr { td { (&super::board::local(&app, visit.arrive_ms)[6..]) } td { (trip.vehicle) } td { (visit.unload.len()) } td { (visit.load.len()) } td { (both(zh, en)) } }
                        }
                    }
                }
            } }
            @if !overdue.is_empty() {
                h2 { (both("超期未取", "overdue")) }
                ul { @for (order, o) in overdue { li { (order) " " (o.shelf.as_ref().map_or("", |s| s.shelf.as_str())) } } }
            }
        }
        (data("page", &serde_json::json!({ "site": id })))
    };
    drop(world);
    page("站点作业", "station", Some("station.js"), &body)
}
