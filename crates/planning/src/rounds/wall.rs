//! The timetable for the wall: one table a township, A4, the village's name, the days and the time, the van.

use super::{Master, TOLERANCE_MIN, without};
use maud::{DOCTYPE, PreEscaped, html};
use std::collections::BTreeMap;
use xiangyun_model::county::County;
use xiangyun_model::site::SiteKind;

const STYLE: &str = "@page{size:A4;margin:14mm}body{font-family:'Noto Sans CJK SC','Microsoft YaHei',sans-serif;color:#111}\
section{break-after:page}h1{font-size:22pt;margin:0 0 2mm}p{font-size:10pt;margin:0 0 4mm;color:#444}\
table{border-collapse:collapse;width:100%;font-size:13pt}th,td{border:1px solid #666;padding:2mm 3mm;text-align:left}\
th{background:#eee}td.t{font-variant-numeric:tabular-nums;font-weight:700;white-space:nowrap}";

fn clock(seconds: i64) -> String {
    format!("{:02}:{:02}", seconds / 3600, seconds / 60 % 60)
}

/// Weekdays in words: 每天 daily, or the days named.
fn days(weekdays: [bool; 7]) -> (String, String) {
    if weekdays == [true; 7] {
        return ("每天".into(), "daily".into());
    }
    let zh = ["一", "二", "三", "四", "五", "六", "日"];
    let en = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
    let pick = |names: [&str; 7], with: &str| {
        names.iter().zip(weekdays).filter(|(_, on)| *on).map(|(n, _)| *n).collect::<Vec<_>>().join(with)
    };
    (format!("周{}", pick(zh, "、")), pick(en, ", "))
}

/// The timetable of all townships as one printable page each.
#[must_use]
pub fn timetable(master: &Master, county: &County) -> String {
    type Line<'a> = (i64, &'a str, &'a str, [bool; 7]);
    let mut towns: BTreeMap<&str, Vec<Line<'_>>> = BTreeMap::new();
    for round in &master.rounds {
        for call in &round.calls {
            let Some(id) = county.find_site(&call.site) else { continue };
            let site = county.site(id);
            if !matches!(site.kind, SiteKind::Village | SiteKind::Park) {
                continue;
            }
            let town = county.site(county.station_of(id)).name_zh.as_str();
            towns.entry(town).or_default().push((call.at_s, &site.name_zh, &round.vehicle, call.weekdays));
        }
    }
    for lines in towns.values_mut() {
        lines.sort_unstable();
    }
    let mut bare: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for id in without(master, county) {
        let town = county.site(county.station_of(id)).name_zh.as_str();
        towns.entry(town).or_default();
        bare.entry(town).or_default().push(&county.site(id).name_zh);
    }
    let made_up =
        county.synthetic_roads.then_some("道路数据为合成，仅供演示 · roads are synthetic, for demonstration");
    let page = html! {
        (DOCTYPE)
        html lang="zh-CN" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width";
                title { (county.name_zh) " 货运班线时刻表" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                @for (town, lines) in &towns {
                    section {
                        h1 { (town) " 货运班线时刻表" }
                        p {
                            "时间固定、线路固定、站点固定 · fixed time, fixed round, fixed stop. 前后 " (TOLERANCE_MIN) " 分钟 · within " (TOLERANCE_MIN) " minutes. "
                            "依据 " (master.from) " 至 " (master.to) " 的件量（八成天数装得下）· volumes that four days in five do not exceed. "
                            @if let Some(words) = made_up { (words) }
                        }
                        table {
                            tr { th { "时间 time" } th { "村级点 point" } th { "日期 days" } th { "车辆 van" } }
                            @for (at, name, van, weekdays) in lines {
                                @let (zh, en) = days(*weekdays);
                                tr { td.t { (clock(*at)) } td { (name) } td { (zh) " " (en) } td { (van) } }
                            }
                        }
                        @if let Some(names) = bare.get(town) {
                            p { "暂无固定班线，按当日通知 · no fixed round, served as announced: " (names.join("、")) }
                        }
                    }
                }
            }
        }
    };
    page.into_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_named() {
        assert_eq!(days([true; 7]).0, "每天");
        assert_eq!(
            days([true, false, true, false, false, false, false]),
            ("周一、三".into(), "Mon, Wed".into())
        );
    }
}
