//! Notices to recipients and keepers: which, in which words, when. What they say is made when they are sent, so that no
//! name or phone lies in an event.

use crate::app::App;
use crate::auth::secret::{random_id, sha256_hex};
use crate::machine::World;
use crate::office::Fact;
use std::collections::BTreeMap;

/// Built-in templates; the configuration may replace each.
pub const TEMPLATES: &[(&str, &str)] = &[
    (
        "pick_up",
        "【乡运】您的快件 {waybill} 已到 {site}，货架 {shelf}，取件码 {code}，请于 {until} 前领取。查询 {link} | Parcel {waybill} is at {site}, shelf {shelf}, code {code}, until {until}. {link}",
    ),
    (
        "returning",
        "【乡运】您的快件 {waybill} 逾期未取，将退回寄件人。 | Parcel {waybill} was not collected and goes back.",
    ),
    ("delivered", "【乡运】您的快件 {waybill} 已签收。 | Parcel {waybill} was delivered."),
];

/// Hash of a contact, for opting out: the number itself is not kept.
#[must_use]
pub fn contact_hash(county: &str, phone: &str) -> String {
    let digits: String = phone.chars().filter(char::is_ascii_digit).collect();
    sha256_hex(format!("{county}\u{0}contact\u{0}{digits}").as_bytes())
}

/// The first instant from `now_ms` on outside the quiet hours.
#[must_use]
pub fn awake(app: &App, now_ms: i64) -> i64 {
    let time = |text: &str| text.parse::<jiff::civil::Time>().unwrap_or_default();
    let (from, to) = (time(&app.config.notices.quiet_from), time(&app.config.notices.quiet_to));
    let Ok(zone) = jiff::tz::TimeZone::get(&app.county.time_zone) else { return now_ms };
    let local = crate::api::instant(now_ms).to_zoned_datetime(zone);
    let now = local.time();
    let quiet = if from <= to { (from..to).contains(&now) } else { now >= from || now < to };
    if !quiet {
        return now_ms;
    }
    let day = if now >= to { local.date().tomorrow().unwrap_or(local.date()) } else { local.date() };
    day.to_datetime(to).in_tz(&app.county.time_zone).map_or(now_ms, |z| z.timestamp().as_millisecond())
}

/// The notice that a parcel waits on a shelf, with its tracking link; none for an order without a person.
#[allow(clippy::too_many_arguments)] // what the words are made of
pub fn pick_up(
    app: &App,
    world: &World,
    order: &str,
    site: &str,
    shelf: &str,
    code: &str,
    until_ms: i64,
    now_ms: i64,
) -> Vec<Fact> {
    let Some(person) = world.day.orders.get(order).and_then(|o| o.person) else { return Vec::new() };
    let token = crate::auth::secret::random_token();
    let zone = jiff::tz::TimeZone::get(&app.county.time_zone).unwrap_or(jiff::tz::TimeZone::UTC);
    let until = crate::api::instant(until_ms).to_zoned_datetime(zone).strftime("%m-%d %H:%M").to_string();
    let name = app.site(site).map_or_else(|| site.to_owned(), |s| s.name_zh.clone());
    let link = format!("{}/t/{token}", app.county.public_url);
    let values = [
        ("site", name),
        ("shelf", shelf.to_owned()),
        ("code", code.to_owned()),
        ("until", until),
        ("link", link),
    ];
    vec![
        Fact::TokenMade {
            token: sha256_hex(token.as_bytes()),
            order: order.to_owned(),
            expires_ms: now_ms + app.config.auth.token_days * 86_400_000,
        },
        Fact::NoticeMade {
            notice: random_id(),
            order: order.to_owned(),
            person,
            template: "pick_up".into(),
            values: sealed_values(app, &values),
            not_before_ms: awake(app, now_ms),
        },
    ]
}

/// Values of a notice. The code and the link open doors, so the log keeps them sealed under the county's key.
fn sealed_values(app: &App, values: &[(&str, String)]) -> BTreeMap<String, String> {
    use base64::Engine;
    let plain: BTreeMap<&str, &str> = values.iter().map(|(k, v)| (*k, v.as_str())).collect();
    let bytes = serde_json::to_vec(&plain).unwrap_or_default();
    let sealed = xiangyun_store::personal::seal_file(&app.master, &app.code, "notice", &bytes);
    BTreeMap::from([("sealed".to_owned(), base64::engine::general_purpose::STANDARD.encode(sealed))])
}

/// Opens the values of a notice.
#[must_use]
pub fn open_values(app: &App, values: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    use base64::Engine;
    let Some(text) = values.get("sealed") else { return values.clone() };
    base64::engine::general_purpose::STANDARD
        .decode(text)
        .ok()
        .and_then(|b| xiangyun_store::personal::open_file(&app.master, &app.code, "notice", &b))
        .and_then(|b| serde_json::from_slice(&b).ok())
        .unwrap_or_default()
}

/// The words of a notice.
#[must_use]
pub fn words(app: &App, template: &str, waybill: &str, values: &BTreeMap<String, String>) -> String {
    let built_in = TEMPLATES.iter().find(|(n, _)| *n == template).map_or("{waybill}", |(_, t)| *t);
    let mut text = app.config.notices.templates.get(template).map_or(built_in, String::as_str).to_owned();
    text = text.replace("{waybill}", waybill);
    for (name, value) in values {
        text = text.replace(&format!("{{{name}}}"), value);
    }
    text
}
