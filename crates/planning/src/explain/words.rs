//! Explanations in plain words, Chinese or English.

use super::{Detour, Elsewhere, Explanation, Ride, VehicleTrip};
use crate::output::words as catalogue;
use xiangyun_model::county::County;
use xiangyun_model::plan::{Load, Reason, Repair, Visit};
use xiangyun_model::time::DayTime;

/// Yuan with two digits.
fn yuan(fen: i64) -> String {
    let sign = if fen < 0 { "-" } else { "" };
    format!("{sign}{}.{:02}", fen.abs() / 100, fen.abs() % 100)
}

/// A thousandth of a count, with one digit where a whole one would hide it.
fn thousands(n: i64) -> String {
    if n.abs() < 10_000 && n % 1000 != 0 {
        let sign = if n < 0 { "-" } else { "" };
        let tenths = (n.abs() + 50) / 100;
        format!("{sign}{}.{}", tenths / 10, tenths % 10)
    } else {
        (n / 1000).to_string()
    }
}

/// Speaks one language about one county.
struct Speaker<'a> {
    county: &'a County,
    chinese: bool,
}

/// The explanation in plain words, Chinese or English.
#[must_use]
pub fn words(found: &Explanation, county: &County, chinese: bool) -> String {
    let speaker = Speaker { county, chinese };
    match found {
        Explanation::Carried { order, load, rides, slack_s } => speaker.carried(order, load, rides, *slack_s),
        Explanation::Left { order, site, reasons, repair, new_date } => {
            speaker.left(order, site, reasons, repair, new_date.as_deref().unwrap_or_default())
        }
        Explanation::Stop { trip, vehicle, visit, slack_s, detour, elsewhere } => {
            let mut text = speaker.stop(trip, vehicle, visit, *slack_s);
            text.extend(detour.iter().map(|d| speaker.detour(d)));
            text.extend(elsewhere.iter().map(|e| speaker.elsewhere(e)));
            text
        }
        Explanation::Vehicle { vehicle, trips, tightest } => {
            speaker.vehicle(vehicle, trips, tightest.as_ref())
        }
        Explanation::Idle { vehicle } => speaker.say(
            format!("车辆 {vehicle} 今天不出车：其余车辆送完全部货物更省"),
            format!("vehicle {vehicle} stays at home today: the rest of the fleet does the day for less"),
        ),
    }
}

impl Speaker<'_> {
    fn say(&self, zh: String, en: String) -> String {
        if self.chinese { zh } else { en }
    }

    /// A place with its name.
    fn site(&self, id: &str) -> String {
        let site = self.county.sites.iter().find(|s| s.id.as_str() == id);
        site.map_or_else(
            || id.to_owned(),
            |s| {
                let name = if self.chinese { &s.name_zh } else { &s.name_en };
                format!("{name}（{id}）")
            },
        )
    }

    fn carried(&self, order: &str, load: &Load, rides: &[Ride], slack_s: i64) -> String {
        let t = DayTime;
        let mut text = self.say(
            format!("运单 {order} 在装载 {} 中，共 {} 单同行\n", load.id, load.orders.len()),
            format!("order {order} rides in load {} with {} orders\n", load.id, load.orders.len()),
        );
        for r in rides {
            let (from, to, late) = (self.site(&r.from), self.site(&r.to), r.slack_s / 60);
            text += &self.say(
                format!(
                    "  {}：{} 在{from}装车 → {} 在{to}卸车，装车最多可晚 {late} 分钟\n",
                    r.vehicle,
                    t(r.at),
                    t(r.until)
                ),
                format!(
                    "  {}: boards at {from} {}, leaves at {to} {}; may board {late} min later\n",
                    r.vehicle,
                    t(r.at),
                    t(r.until)
                ),
            );
        }
        let min = slack_s.abs() / 60;
        text + &if slack_s < 0 {
            self.say(format!("  晚于承诺 {min} 分钟"), format!("  {min} min after its promise"))
        } else {
            self.say(format!("  距承诺还有 {min} 分钟"), format!("  {min} min before its promise"))
        }
    }

    fn left(&self, order: &str, site: &str, reasons: &[Reason], repair: &Repair, date: &str) -> String {
        let place = self.site(site);
        let mut text = self.say(
            format!("运单 {order} 今天留在{place}，改期 {date}\n"),
            format!("order {order} stays at {place} today, new date {date}\n"),
        );
        for r in reasons {
            let (kind, limit) = (catalogue::vehicle_kind(&r.vehicle_kind), catalogue::limit(r.limit));
            let (at, amount) = (self.site(&r.at), |n: i64| self.amount(n, &r.unit));
            // Where nothing is counted, the words say it all.
            let (zh, en) = if r.unit.is_empty() {
                (String::new(), String::new())
            } else {
                (
                    format!("，需要 {}，只有 {}", amount(r.needs), amount(r.has)),
                    format!(", needs {}, has {}", amount(r.needs), amount(r.has)),
                )
            };
            text += &self.say(
                format!("  {}：{}（{at}）{zh}\n", kind.zh, limit.zh),
                format!("  {}: {} at {at}{en}\n", kind.en, limit.en),
            );
        }
        let (action, by) = (catalogue::repair(repair.action), self.amount(repair.by, &repair.unit));
        let (subject, cost) = (self.site(&repair.subject), yuan(repair.cost_fen));
        text + &self.say(
            format!("  最省的办法：{}（{subject}，{by}），{cost} 元", action.zh),
            format!("  cheapest repair: {} ({subject}, {by}), {cost} yuan", action.en),
        )
    }

    /// An amount with its unit as people say it.
    fn amount(&self, n: i64, unit: &str) -> String {
        match unit {
            "g" => self.say(format!("{} 公斤", thousands(n)), format!("{} kg", thousands(n))),
            "cm3" => self.say(format!("{} 升", thousands(n)), format!("{} L", thousands(n))),
            "pieces" => self.say(format!("{n} 件"), format!("{n} pieces")),
            "s" => self.say(format!("{} 分钟", n / 60), format!("{} min", n / 60)),
            "m" => self.say(format!("{} 公里", thousands(n)), format!("{} km", thousands(n))),
            "fen" => self.say(format!("{} 元", yuan(n)), format!("{} yuan", yuan(n))),
            "trips" => self.say(format!("{n} 趟"), format!("{n} trips")),
            "days" => self.say(format!("{n} 天"), format!("{n} days")),
            _ => n.to_string(),
        }
    }

    fn stop(&self, trip: &str, vehicle: &str, visit: &Visit, slack_s: i64) -> String {
        let (t, place, late) = (DayTime, self.site(&visit.site), slack_s / 60);
        let (off, on) = (visit.unload.len(), visit.load.len());
        self.say(
            format!(
                "{}：{vehicle} 的 {trip}，{} 到{place}，{} 离开；卸 {off} 装 {on}；可晚 {late} 分钟",
                visit.id,
                t(visit.arrive),
                t(visit.depart),
            ),
            format!(
                "{}: {vehicle} on {trip} comes to {place} at {}, leaves at {}; {off} loads off, {on} on; may be {late} min later",
                visit.id,
                t(visit.arrive),
                t(visit.depart),
            ),
        )
    }

    fn detour(&self, d: &Detour) -> String {
        // Lengths are rounded leg by leg: a stop on the way may seem to save a metre.
        let (m, drive, stop, cost) = (d.metres.max(0), d.drive_s / 60, d.stop_s / 60, yuan(d.cost_fen));
        self.say(
            format!("\n  为这一站多行 {m} 米、{drive} 分钟，停留 {stop} 分钟，合 {cost} 元"),
            format!(
                "\n  this stop adds {m} m and {drive} min of driving, {stop} min of handling: {cost} yuan"
            ),
        )
    }

    fn elsewhere(&self, other: &Elsewhere) -> String {
        let (m, cost) = (other.detour.metres.max(0), yuan(other.detour.cost_fen));
        self.say(
            format!(
                "\n  若改由 {} 的 {} 送：多行 {m} 米，合 {cost} 元（未计装载余量）",
                other.vehicle, other.trip
            ),
            format!(
                "\n  on {} of {} it would add {m} m: {cost} yuan (room aboard not judged)",
                other.trip, other.vehicle
            ),
        )
    }

    fn vehicle(&self, vehicle: &str, trips: &[VehicleTrip], tightest: Option<&(String, i64)>) -> String {
        let t = DayTime;
        let mut text = self.say(format!("车辆 {vehicle}"), format!("vehicle {vehicle}"));
        for r in trips {
            let (stops, km, cost) = (r.stops, r.metres / 1000, yuan(r.cost_fen));
            text += &self.say(
                format!("\n  {}：{}–{}，{stops} 站，{km} 公里，{cost} 元", r.trip, t(r.from), t(r.to)),
                format!("\n  {}: {}-{}, {stops} stops, {km} km, {cost} yuan", r.trip, t(r.from), t(r.to)),
            );
        }
        if let Some((id, slack_s)) = tightest {
            text += &self.say(
                format!("\n  最紧的一站：{id}，余 {} 分钟", slack_s / 60),
                format!("\n  tightest stop: {id}, {} min to spare", slack_s / 60),
            );
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::thousands;

    #[test]
    fn small_amounts_keep_a_digit() {
        let said = [0, 902, 1_000, 1_450, 9_960, 12_345, -902].map(thousands);
        assert_eq!(said, ["0", "0.9", "1", "1.5", "10.0", "12", "-0.9"]);
    }
}
