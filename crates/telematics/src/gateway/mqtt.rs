//! OwnTracks phones and house topics by MQTT: a client of the configured broker. A message is acknowledged to the
//! broker only when its positions are durable; until then the broker keeps it for us, through a restart as well.

use super::config::{ConfigFault, MqttConfig, read_secret};
use super::hub::{Hub, drained};
use super::limits;
use crate::owntracks::{HousePart, Message, Topic, read, read_house};
use crate::position::{Flags, Position};
use rumqttc::{AsyncClient, Event, EventLoop, MqttOptions, Packet, Publish, QoS};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// A client of a broker.
pub(super) struct Client {
    client: AsyncClient,
    events: EventLoop,
    topics: Vec<String>,
}

impl Client {
    pub(super) fn new(config: &MqttConfig) -> Result<Self, ConfigFault> {
        let mut options = MqttOptions::new(config.client.clone(), config.host.clone(), config.port);
        options.set_keep_alive(Duration::from_secs(30));
        // The broker keeps our subscriptions and what was not acknowledged.
        options.set_clean_session(false);
        options.set_manual_acks(true);
        options.set_inflight(limits::MQTT_WAITING_MAX);
        options.set_max_packet_size(limits::MQTT_BYTES_MAX as usize, limits::MQTT_BYTES_MAX as usize);
        if let Some(user) = &config.user {
            let password = config.password_file.as_deref().map(read_secret).transpose()?.unwrap_or_default();
            options.set_credentials(user.clone(), password);
        }
        let (client, events) = AsyncClient::new(options, usize::from(limits::MQTT_WAITING_MAX) * 2);
        Ok(Self { client, events, topics: config.topics.clone() })
    }

    /// Takes messages until the gateway drains or the log fails; connects again whenever the broker is lost.
    pub(super) async fn run(self, hub: Arc<Hub>) {
        let Self { client, mut events, topics } = self;
        let mut draining = hub.draining.subscribe();
        loop {
            let event = tokio::select! {
                event = events.poll() => event,
                () = drained(&mut draining) => break,
            };
            match event {
                Ok(Event::Incoming(Packet::ConnAck(_))) => {
                    for topic in &topics {
                        // Full only if the broker never takes anything: the next connection subscribes again.
                        let _ = client.try_subscribe(topic.clone(), QoS::AtLeastOnce);
                    }
                }
                Ok(Event::Incoming(Packet::Publish(publish))) => {
                    if take(&hub, &publish).await.is_err() {
                        // Not acknowledged: the broker sends it again.
                        break;
                    }
                    let _ = client.try_ack(&publish);
                }
                Ok(_) => {}
                Err(_) => tokio::select! {
                    () = tokio::time::sleep(limits::RECONNECT) => {}
                    () = drained(&mut draining) => break,
                },
            }
        }
        let _ = client.try_disconnect();
        // Lets the last acknowledgements and the goodbye go out.
        let goodbye = async { while events.poll().await.is_ok() {} };
        let _ = tokio::time::timeout(Duration::from_millis(500), goodbye).await;
    }
}

/// Stores what a message holds. One that says nothing to us, or cannot be read, is acknowledged and counted: it would
/// never become better.
async fn take(hub: &Hub, publish: &Publish) -> Result<(), crate::segments::Refused> {
    let positions = positions_of(&publish.topic, &publish.payload, publish.retain, hub.now().business_ms);
    let counter = usize::from(positions.is_empty());
    hub.totals.mqtt[counter].fetch_add(1, Ordering::Relaxed);
    if !positions.is_empty() {
        hub.report(&positions).await?;
    }
    Ok(())
}

fn positions_of(topic: &str, payload: &[u8], retained: bool, received_ms: i64) -> Vec<Position> {
    let mut positions = match Topic::parse(topic) {
        Some(Topic::House { vehicle, part: HousePart::Pos, .. }) => {
            read_house(vehicle, payload, received_ms).unwrap_or_default()
        }
        Some(Topic::OwnTracks { .. }) => {
            match read(Some(topic), &String::from_utf8_lossy(payload), received_ms) {
                Ok(Message::Report(report) | Message::Transition { report, .. }) => vec![report],
                _ => Vec::new(),
            }
        }
        _ => Vec::new(),
    };
    positions.iter_mut().for_each(|p| p.flags = p.flags.set(Flags::RETAINED, retained));
    positions
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_become_positions_or_nothing() {
        let body = br#"{"_type":"location","lat":33.87,"lon":113.05,"tst":1795000000,"tid":"ab"}"#;
        let found = positions_of("owntracks/li/phone", body, true, 5);
        assert_eq!((found.len(), found[0].terminal.as_str()), (1, "li/phone"));
        assert!(found[0].flags.has(Flags::RETAINED));
        assert!(positions_of("owntracks/li/phone", b"{\"_type\":\"lwt\",\"tst\":1}", false, 5).is_empty());
        assert!(positions_of("elsewhere", body, false, 5).is_empty());
        assert!(positions_of("fleet/baofeng/V07/pos", b"\xff\x00", false, 5).is_empty());
    }
}
