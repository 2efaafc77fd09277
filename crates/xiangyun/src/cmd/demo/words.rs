//! What the demonstration tells on the terminal.

use super::Demo;
use crate::cmd::simulate::Day;
use crate::cmd::simulate::http::{News, Remote, Tell};
use crate::locale::Lang;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;
use xiangyun_model::plan::Plan;
use xiangyun_model::site::SiteKind;
use xiangyun_planning::inputs::Inputs;

/// What was planned, and where to look now.
pub(super) fn where_to_look(demo: &Demo<'_>, plan: &Plan, inputs: &Inputs, dir: &Path) -> String {
    let url = demo.places.url();
    let (orders, served, yuan) = (plan.orders, plan.served(), plan.cost_fen / 100);
    let own: Vec<_> = plan.trips.iter().filter(|t| t.driver.is_some()).collect();
    let vehicles = own.iter().map(|t| t.vehicle.as_str()).collect::<BTreeSet<_>>().len();
    let (trips, stops) = (own.len(), own.iter().map(|t| t.visits.len()).sum::<usize>());
    let mut stations = inputs.county.sites_of(SiteKind::Station);
    let station = stations
        .next()
        .map(|s| inputs.county.site(s))
        .map_or_else(String::new, |s| format!("{url}/station/{}  {} {}", s.id, s.name_zh, s.name_en));
    let first = own.iter().filter(|t| t.visits.len() > 2).min_by_key(|t| t.visits[0].depart);
    let driver =
        first.map_or_else(String::new, |t| format!("{url}/d/{}/{}  {}", plan.id, t.visits[1].id, t.vehicle));
    let (dir, password, speed) = (dir.display(), &demo.password, demo.args.speed);
    let jt808 = demo.places.gateway;
    demo.lang.pick(
        format!(
            "\n计划 {}：订单 {orders}，已安排 {served}，车次 {trips}，停靠 {stops}，车辆 {vehicles}，费用 {yuan} 元，检验通过\n\
             \u{20}总览 {dir}/overview.html  交接单 {dir}/manifests/all.html\n\
             守护进程已启动，一天以 {speed} 倍速运行：车辆经 JT/T 808（{jt808}）上报，站点、网点与司机使用 HTTP 接口\n\
             \u{20}登录      {url}/login  用户 demo，密码 {password}（管理员为 admin，同一密码）\n\
             \u{20}当日调度  {url}/day\n\
             \u{20}站点      {station}\n\
             \u{20}司机      {driver}\n\
             \u{20}实时事件  {url}/api/v1/events  指标 {url}/api/v1/kpi  接口文档 {url}/api/docs\n\
             道路、多数村点与货量均为合成，仅供演示。以下为当日进展：",
            plan.id
        ),
        format!(
            "\nplan {}: {orders} orders, {served} served, {trips} trips, {stops} stops, {vehicles} vehicles, {yuan} yuan, checked\n\
             \u{20}overview {dir}/overview.html  manifests {dir}/manifests/all.html\n\
             the daemon is up and the day runs {speed} times as fast: vehicles report by JT/T 808 ({jt808}), stations, points and drivers use the API\n\
             \u{20}sign in   {url}/login  user demo, password {password} (the administrator is admin, same password)\n\
             \u{20}day board {url}/day\n\
             \u{20}station   {station}\n\
             \u{20}driver    {driver}\n\
             \u{20}stream    {url}/api/v1/events  figures {url}/api/v1/kpi  API docs {url}/api/docs\n\
             roads, most village points and the demand are synthetic, for demonstration. The day so far:",
            plan.id
        ),
    )
}

/// One line of the terminal summary.
pub(super) fn summary(desk: &mut Remote, since_midnight_ms: i64, lang: Lang) {
    let Ok(view) = desk.api.get("/api/v1/kpi") else { return };
    let custody =
        |word: &str| view.get("custody").and_then(|c| c.get(word)).and_then(Value::as_u64).unwrap_or(0);
    let figures = view.get("figures").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let figure = |id: &str| {
        let found = figures.iter().find(|f| f.get("id").and_then(Value::as_str) == Some(id));
        found.and_then(|f| f.get("numerator").and_then(Value::as_i64)).unwrap_or(0)
    };
    let minutes = since_midnight_ms / 60_000;
    let (h, m) = (minutes / 60, minutes % 60);
    let (done, held, open) = (custody("delivered"), custody("held"), custody("open"));
    let (stops, raised, repairs) = (figure("stops_served"), figure("exceptions"), figure("repairs"));
    println!(
        "{}",
        lang.pick(
            format!("{h:02}:{m:02}  签收 {done}  留存 {held}  在途 {open}  停靠 {stops}  异常 {raised}  已采纳修复 {repairs}"),
            format!("{h:02}:{m:02}  delivered {done}  held {held}  open {open}  stops {stops}  exceptions {raised}  repairs accepted {repairs}"),
        )
    );
}

/// Prints what the dispatcher sees and does, with the county's time.
pub(super) fn teller(zone: jiff::tz::TimeZone, lang: Lang) -> Tell {
    Box::new(move |now_ms, news| {
        let at = jiff::Timestamp::from_millisecond(now_ms).unwrap_or_default();
        let at = at.to_zoned_datetime(zone.clone()).strftime("%H:%M").to_string();
        let half = |text: &str| -> String {
            let (zh, en) = text.split_once(" | ").unwrap_or((text, text));
            lang.pick(zh.to_owned(), en.to_owned())
        };
        let line = match news {
            News::Raised(kind, subject, evidence) => {
                let (kind, evidence) = (kind_word(kind, lang), half(evidence));
                lang.pick(
                    format!("{at}  异常：{kind} {subject} {evidence}"),
                    format!("{at}  exception: {kind} {subject} {evidence}"),
                )
            }
            News::Repaired(kind, fen, moved) => {
                let (kind, yuan) = (kind_word(kind, lang), *fen as f64 / 100.0);
                lang.pick(
                    format!("{at}  采纳修复：{kind}，费用 {yuan:.2} 元，调整 {moved} 站"),
                    format!("{at}  repair accepted: {kind}, {yuan:.2} yuan, {moved} stops moved"),
                )
            }
            News::Settled(kind, subject) => {
                let kind = kind_word(kind, lang);
                lang.pick(
                    format!("{at}  人工处理：{kind} {subject}"),
                    format!("{at}  settled by hand: {kind} {subject}"),
                )
            }
        };
        println!("{line}");
    })
}

fn kind_word(kind: &str, lang: Lang) -> String {
    let zh = match kind {
        "late_risk" => "晚点风险",
        "deviation" => "偏离线路",
        "no_signal" => "无定位",
        "cold_excursion" => "温度超限",
        "cold_unproven" => "温度无记录",
        "overload" => "超载",
        "refused" => "拒收",
        "breakdown" => "车辆故障",
        "road_closed" => "道路封闭",
        "trunk_late" => "干线晚点",
        "unassigned" => "未安排",
        "wrong_place" => "错放",
        "hand_over_difference" => "交接差异",
        "tidy_up" => "整理计划",
        other => other,
    };
    lang.pick(zh.to_owned(), kind.replace('_', " "))
}

/// How the day ended.
pub(super) fn ending(day: &Day, lang: Lang) -> String {
    let custody: Vec<String> = day.custody.iter().map(|(k, n)| format!("{k} {n}")).collect();
    let custody = custody.join(", ");
    let (delivered, stops, repairs) = (day.kpi.delivered, day.kpi.stops_served, day.repairs_accepted);
    let same = day.kpi_equal;
    lang.pick(
        format!(
            "一天结束：签收 {delivered}，停靠 {stops}，采纳修复 {repairs}；每件都在唯一的保管状态（{custody}）；指标与由导出日志重算的{}",
            if same { "一致" } else { "不一致" }
        ),
        format!(
            "the day is over: {delivered} delivered, {stops} stops, {repairs} repairs accepted; every parcel in one custody state ({custody}); figures {} those counted from the exported log",
            if same { "equal" } else { "differ from" }
        ),
    )
}
