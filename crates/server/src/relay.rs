//! Deliveries to others from the outbox: webhooks (Standard Webhooks), notices, carriers' scans. An item is written in
//! the transaction of its event and tried until it is received.

use crate::app::App;
use crate::clock::wall_ms;
use crate::config::Config;
use crate::live::told;
use crate::machine::{Command, Done, Read, World, read};
use crate::metrics::Reason;
use crate::notices;
use crate::office::Fact;
use axum::http::StatusCode;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use xiangyun_dispatch::command::Command as DayCommand;
use xiangyun_dispatch::event::Event as DayEvent;
use xiangyun_dispatch::scans::retry_at;
use xiangyun_dispatch::status;
use xiangyun_store::event::Event;
use xiangyun_store::outbox::{self, Item, NewItem, Relay};

/// Deliveries under way at once.
pub const AT_ONCE: usize = 8;
/// Longest time of one delivery.
pub const TRY_TIME: Duration = Duration::from_secs(10);
/// Tries of a webhook or notice, over about a week, before it is given up and counted.
pub const TRIES_MAX: i64 = 60;
/// Pause between two looks at the outbox.
const LOOK: Duration = Duration::from_millis(500);

/// Items that an event causes.
#[must_use]
pub fn items(world: &World, config: &Config, event: &Event, read: &Read) -> Vec<NewItem> {
    let mut items = Vec::new();
    let internal = matches!(
        event.kind.as_str(),
        "Audited"
            | "UserSaved"
            | "KeyMade"
            | "KeyRevoked"
            | "WebhookSaved"
            | "TokenMade"
            | "NoticeMade"
            | "OptedOut"
    );
    if !internal {
        for (id, hook) in &world.office.webhooks {
            let wanted = hook.active && (hook.kinds.is_empty() || hook.kinds.contains(&event.kind));
            if wanted && may_hear(world, hook.carrier.as_deref(), event) {
                let mut told = told(event);
                if hook.carrier.is_some() && !event.stream.starts_with("order/") {
                    told.data = crate::live::without_orders(&told.data);
                }
                let body = serde_json::json!({
                    "type": event.kind,
                    "timestamp": crate::api::instant(event.at_ms),
                    "data": { "county": event.county, "seq": event.seq, "stream": event.stream, "event": told.data },
                });
                items.push(NewItem {
                    target: format!("webhook/{id}"),
                    body: body.to_string().into_bytes(),
                    not_before_ms: event.at_ms,
                });
            }
        }
    }
    match read {
        Read::Office(Fact::NoticeMade { notice, order, person, template, values, not_before_ms }) => {
            let body = serde_json::json!({
                "order": order, "person": person, "template": template, "values": values,
            });
            items.push(NewItem {
                target: format!("notice/{notice}"),
                body: body.to_string().into_bytes(),
                not_before_ms: *not_before_ms,
            });
        }
        Read::Day(day) => items.extend(scans(world, config, event, day)),
        _ => {}
    }
    items
}

fn may_hear(world: &World, carrier: Option<&str>, event: &Event) -> bool {
    let Some(carrier) = carrier else { return true };
    match event.stream.split_once('/') {
        Some(("order", id)) => world.day.orders.get(id).is_some_and(|o| o.carrier == carrier),
        Some(("vehicle" | "plan" | "site" | "driver", _)) => true,
        _ => false,
    }
}

/// Scans for the carriers that have a feed: the order's status after the event, in the carrier's own layout.
fn scans(world: &World, config: &Config, event: &Event, day: &DayEvent) -> Vec<NewItem> {
    if config.carriers.is_empty() {
        return Vec::new();
    }
    let ids: Vec<&str> = match day {
        DayEvent::HandOverConfirmed(e) => e.moved.iter().map(String::as_str).collect(),
        _ => event.stream.strip_prefix("order/").into_iter().collect(),
    };
    let mut items = Vec::new();
    for id in ids {
        let Some(order) = world.day.orders.get(id) else { continue };
        let Some(feed) = config.carriers.get(&order.carrier) else { continue };
        let ours = status::of(order);
        let map = status::read_map(status::DEFAULT_MAP).unwrap_or_default();
        let row = map.get(ours);
        let code = feed
            .codes
            .as_deref()
            .and_then(|column| row?.codes.get(column))
            .and_then(|codes| codes.split(' ').next())
            .filter(|c| !c.is_empty())
            .unwrap_or(ours);
        let values: [(&str, String); 6] = [
            ("waybill", id.to_owned()),
            ("status", code.to_owned()),
            ("status_zh", row.map_or_else(String::new, |r| r.zh.clone())),
            ("at", crate::api::instant(event.at_ms).to_string()),
            ("site", order.site.clone()),
            ("holder", order.holder.to_string()),
        ];
        let record: BTreeMap<&str, &str> = values
            .iter()
            .map(|(name, value)| (feed.fields.get(*name).map_or(*name, String::as_str), value.as_str()))
            .collect();
        items.push(NewItem {
            target: format!("carrier/{}/{id}#{}@{}", order.carrier, event.seq, event.at_ms),
            body: serde_json::to_vec(&record).unwrap_or_default(),
            not_before_ms: event.at_ms,
        });
    }
    items
}

/// The signature of a Standard Webhooks delivery.
#[must_use]
pub fn sign(secret: &[u8], id: &str, timestamp_s: i64, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("a key of any length will do");
    mac.update(format!("{id}.{timestamp_s}.").as_bytes());
    mac.update(body);
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

/// Delivers until the daemon ends.
pub async fn run(app: Arc<App>) {
    let mut draining = app.draining.subscribe();
    let mut relay = None;
    loop {
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            () = crate::http::drained(&mut draining) => return,
        }
        if relay.is_none() {
            match Relay::open(&app.store).await {
                Ok(open) => relay = Some(open),
                Err(err) => {
                    tracing::warn!(%err, "the outbox cannot be opened");
                    continue;
                }
            }
        }
        let Some(open) = relay.as_mut() else { continue };
        if let Err(err) = round(&app, open).await {
            tracing::warn!(%err, "a round of deliveries broke off");
            relay = None;
        }
    }
}

async fn round(app: &Arc<App>, relay: &mut Relay) -> Result<(), xiangyun_store::error::StoreError> {
    let due = outbox::due(&app.store, &app.code, app.clock.now_ms()).await?;
    for batch in due.chunks(AT_ONCE) {
        let tries: Vec<_> = batch
            .iter()
            .map(|item| {
                let (app, item) = (Arc::clone(app), item.clone());
                tokio::spawn(async move { deliver(&app, &item).await })
            })
            .collect();
        for (item, outcome) in batch.iter().zip(tries) {
            let outcome = outcome.await.unwrap_or_else(|e| Err(e.to_string()));
            let family = item.target.split('/').next().unwrap_or("").to_owned();
            let count = |word: &str| {
                let reason = format!("{family}_{word}");
                app.metrics.deliveries.get_or_create(&Reason { reason }).inc();
            };
            match outcome {
                Ok(()) => {
                    count("done");
                    relay.done(item, app.clock.now_ms()).await?;
                }
                Err(why) if item.attempts >= TRIES_MAX => {
                    count("given_up");
                    tracing::warn!(target_ = item.target, seq = item.seq, why, "given up");
                    relay.done(item, app.clock.now_ms()).await?;
                }
                Err(why) => {
                    count("failed");
                    relay.failed(item, &why, app.clock.now_ms()).await?;
                }
            }
        }
    }
    Ok(())
}

async fn deliver(app: &Arc<App>, item: &Item) -> Result<(), String> {
    match item.target.split_once('/') {
        Some(("webhook", id)) => webhook(app, id, item).await,
        Some(("notice", id)) => notice(app, id, item).await,
        Some(("carrier", id)) => carrier(app, id, item).await,
        _ => Err("no such target".into()),
    }
}

/// Characters of an answer that are kept as receipt.
pub const RECEIPT_CHARS_MAX: usize = 200;
/// Bytes of an answer that are read.
const ANSWER_BYTES_MAX: u64 = 16 * 1024;

/// Posts on a thread of its own; anything but a success is a failure. Gives the status and the beginning of the answer.
async fn post(url: String, headers: Vec<(&'static str, String)>, body: Vec<u8>) -> Result<String, String> {
    tokio::task::spawn_blocking(move || {
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .timeout_global(Some(TRY_TIME))
            .max_redirects(0)
            .http_status_as_error(false)
            .build()
            .into();
        let mut request = agent.post(&url).header("content-type", "application/json");
        for (name, value) in headers {
            request = request.header(name, value);
        }
        match request.send(&body[..]) {
            Ok(mut answer) if answer.status().is_success() => {
                let status = answer.status().as_u16();
                let text = answer.body_mut().with_config().limit(ANSWER_BYTES_MAX).read_to_string();
                let text = text.unwrap_or_default();
                Ok(format!("{status} {text}").trim().chars().take(RECEIPT_CHARS_MAX).collect())
            }
            Ok(answer) => Err(format!("answered {}", answer.status())),
            Err(err) => Err(err.to_string()),
        }
    })
    .await
    .map_err(|e| e.to_string())?
}

async fn webhook(app: &Arc<App>, id: &str, item: &Item) -> Result<(), String> {
    let Some(hook) = read(&app.world).office.webhooks.get(id).cloned() else { return Ok(()) };
    if !hook.active {
        return Ok(());
    }
    let secret = app
        .doors
        .credential(&format!("webhook/{id}"))
        .and_then(|text| STANDARD.decode(text).ok())
        .and_then(|sealed| xiangyun_store::personal::open_file(&app.master, &app.code, id, &sealed))
        .ok_or("its secret is not there")?;
    // The same id for every try, so that the receiver knows a double.
    let message = format!("msg_{}_{}_{}", item.county, item.seq, item.item);
    let timestamp_s = wall_ms() / 1_000;
    let headers = vec![
        ("webhook-id", message.clone()),
        ("webhook-timestamp", timestamp_s.to_string()),
        ("webhook-signature", sign(&secret, &message, timestamp_s, &item.body)),
    ];
    post(hook.url, headers, item.body.clone()).await.map(|_| ())
}

async fn notice(app: &Arc<App>, id: &str, item: &Item) -> Result<(), String> {
    let body: serde_json::Value = serde_json::from_slice(&item.body).map_err(|e| e.to_string())?;
    let text = |name: &str| body[name].as_str().unwrap_or("").to_owned();
    let person = body["person"].as_i64().unwrap_or(0);
    let found = crate::api::orders::open_person(app, person).await.map_err(|p| p.detail)?;
    let state = match found.filter(|p| !p.phone.is_empty()) {
        None => "no_contact",
        Some(p)
            if read(&app.world).office.opted_out.contains(&notices::contact_hash(&app.code, &p.phone)) =>
        {
            "opted_out"
        }
        Some(p) => {
            let values: BTreeMap<String, String> =
                serde_json::from_value(body["values"].clone()).unwrap_or_default();
            let values = notices::open_values(app, &values);
            let words = notices::words(app, &text("template"), &text("order"), &values);
            let told = serde_json::json!({
                "id": id, "to": p.phone, "template": text("template"), "text": words, "values": values,
            });
            match &app.config.notices.url {
                Some(url) => {
                    let headers = vec![("idempotency-key", format!("notice-{id}"))];
                    let _ = post(url.clone(), headers, told.to_string().into_bytes()).await?;
                }
                None => write_out(app, "notices.jsonl", told.to_string().into_bytes()).await?,
            }
            "sent"
        }
    };
    let fact = Fact::NoticeState { notice: id.to_owned(), state: state.to_owned() };
    let command =
        Command::own(move |_, _| Ok(Done::new(StatusCode::OK, serde_json::Value::Null).with([fact])));
    app.send(command).await.map(|_| ()).map_err(|p| p.detail)
}

async fn carrier(app: &Arc<App>, id: &str, item: &Item) -> Result<(), String> {
    let (id, rest) = id.split_once('/').unwrap_or((id, ""));
    let (scan, made_ms) = rest.rsplit_once('@').unwrap_or((rest, ""));
    let Some(feed) = app.config.carriers.get(id) else { return Ok(()) };
    match &feed.url {
        Some(url) => {
            let key = format!("{}-{}-{}", item.county, item.seq, item.item);
            let (scan, carrier) = (scan.to_owned(), id.to_owned());
            // What was sent and answered are facts of the day: nothing overwrites a receipt.
            note_scan(app, DayCommand::SendScan { scan: scan.clone(), carrier: carrier.clone() }).await?;
            let answer = post(url.clone(), vec![("idempotency-key", key)], item.body.clone()).await;
            let now = app.clock.now_ms();
            if made_ms.parse().is_ok_and(|made: i64| now > made + feed.deadline_s * 1_000) {
                let reason = Reason { reason: "carrier_late".into() };
                app.metrics.deliveries.get_or_create(&reason).inc();
            }
            let retry_ms = retry_at(now, u32::try_from(item.attempts + 1).unwrap_or(u32::MAX));
            let told = DayCommand::ScanAnswered { scan, carrier, answer: answer.clone(), retry_ms };
            note_scan(app, told).await?;
            answer.map(|_| ())
        }
        None => write_out(app, &format!("carrier-{id}.jsonl"), item.body.clone()).await,
    }
}

async fn note_scan(app: &App, command: DayCommand) -> Result<(), String> {
    app.send(Command::day(vec![command])).await.map(|_| ()).map_err(|p| p.detail)
}

async fn write_out(app: &App, name: &str, line: Vec<u8>) -> Result<(), String> {
    let path = app.config.data.join("outbox").join(name);
    tokio::task::spawn_blocking(move || crate::files::append_line(&path, &line))
        .await
        .map_err(|e| e.to_string())?
        .map_err(|e| e.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_that_of_the_standards_own_example() {
        let secret = STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let body = br#"{"test": 2432232314}"#;
        assert_eq!(
            sign(&secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, body),
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
        );
    }
}
