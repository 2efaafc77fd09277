//! Explanations in both languages: the one catalogue of `vrp solve --explain`.

use crate::locale::Lang;
use xiangyun_solver::explain::document::{Explained, ExplainedLock, Words};

/// What a rule is called.
fn rule(words: &Words, lang: Lang) -> String {
    let (zh, en) = match words.rule {
        "capacity" => ("载量", "capacity"),
        "window" => ("时间窗", "window"),
        "reload_window" => ("装货时间", "time of loading"),
        "shift" => ("班次结束", "end of the shift"),
        "unreachable" => ("不可达", "no way"),
        "skill" => ("车辆条件", "skill"),
        "goods" => ("货物不可同车", "goods that may not ride together"),
        "on_board" => ("在车时间", "time aboard"),
        "duration" => ("全天时长", "length of the day"),
        "distance" => ("全天里程", "distance of the day"),
        "stops" => ("停靠数", "stops"),
        "trips" => ("趟数", "trips"),
        "pair" => ("取送同趟", "both ends in one trip"),
        "backhaul_order" => ("先送后取", "deliveries first"),
        "break" => ("休息时间", "break"),
        "vehicles" => ("车辆数", "vehicles"),
        "locked" => ("已装车的趟次", "trips already loaded"),
        "price" => ("费用高于不服务", "costs more than leaving it out"),
        _ => ("可以服务", "it fits"),
    };
    let mut text = lang.pick(zh, en).to_owned();
    if let Some(dimension) = &words.dimension {
        text.push_str(&format!(" {dimension}"));
    }
    text
}

fn plain(value: f64) -> String {
    let text = format!("{value:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// One reason: `capacity kg +80`.
fn reason(words: &Words, lang: Lang) -> String {
    let mut text = rule(words, lang);
    if let Some(by) = words.by {
        text.push_str(&lang.pick(format!("，差 {}", plain(by)), format!(", short by {}", plain(by))));
    }
    if let Some(costs) = words.costs {
        text.push_str(&lang.pick(format!("，费用 {}", plain(costs)), format!(", costs {}", plain(costs))));
    }
    text
}

/// One change: `van: capacity kg + 80`.
fn change(words: &Words, lang: Lang) -> String {
    let whose = words.vehicle.as_ref().or(words.visit.as_ref());
    let whose = whose.map_or_else(String::new, |name| lang.pick(format!("{name}："), format!("{name}: ")));
    let by = words.by.map_or_else(String::new, |by| format!(" +{}", plain(by)));
    format!("{whose}{}{by}", rule(words, lang))
}

/// Lines that explain one visit.
pub(super) fn explanation(one: &Explained, lang: Lang) -> Vec<String> {
    let mut lines = vec![match one.costs {
        Some(costs) => lang.pick(
            format!("{}：未安排；可以安排，费用 {}", one.visit, plain(costs)),
            format!("{}: left out; it could be served for {}", one.visit, plain(costs)),
        ),
        None => lang.pick(format!("{}：未安排", one.visit), format!("{}: left out", one.visit)),
    }];
    for kind in &one.vehicles {
        let reasons: Vec<String> = kind.reasons.iter().map(|words| reason(words, lang)).collect();
        let reasons = reasons.join(lang.pick("；", "; "));
        let alone = if kind.alone { lang.pick("（空车也不行）", " (even an empty one)") } else { "" };
        lines.push(lang.pick(
            format!("  {}：{reasons}{alone}", kind.vehicle),
            format!("  {}: {reasons}{alone}", kind.vehicle),
        ));
    }
    for relaxation in &one.relaxations {
        let changes: Vec<String> = relaxation.changes.iter().map(|words| change(words, lang)).collect();
        let changes = changes.join(lang.pick("，且 ", " and "));
        let costs = plain(relaxation.costs);
        lines.push(lang.pick(
            format!("  → {changes}，则可安排，费用 {costs}"),
            format!("  → with {changes} it is served, for {costs}"),
        ));
    }
    lines
}

/// The line of one lock.
pub(super) fn lock(one: &ExplainedLock, lang: Lang) -> String {
    let (visit, saves) = (&one.visit, plain(one.saves));
    let what = match (one.lock, lang) {
        ("fixed_vehicle", Lang::Zh) => "锁定车辆",
        ("fixed_vehicle", Lang::En) => "locked to its vehicle",
        (_, Lang::Zh) => "锁定次序",
        (_, Lang::En) => "locked in its order",
    };
    lang.pick(
        format!("{visit}：{what}，解锁可省 {saves}，多服务 {}", one.serves),
        format!("{visit}: {what}; without it {saves} less, {} more served", one.serves),
    )
}
