//! JT/T 808 over UDP: one task, a session for each peer.

use super::hub::{Hub, drained};
use super::limits;
use crate::segments::Ticket;
use crate::session::{Actions, Link};
use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::net::UdpSocket;

/// Longest datagram taken.
const DATAGRAM_BYTES_MAX: usize = 8 * 1024;
/// Pause between two looks at all peers.
const TICK: Duration = Duration::from_secs(1);

struct Peer {
    link: Link,
    heard_ms: i64,
}

/// Serves the socket until the gateway drains.
pub(super) async fn serve(hub: Arc<Hub>, socket: UdpSocket) {
    let mut peers: HashMap<SocketAddr, Peer> = HashMap::new();
    let mut waiting: VecDeque<(Ticket, SocketAddr, Vec<u8>)> = VecDeque::new();
    let mut bytes = vec![0; DATAGRAM_BYTES_MAX];
    let mut actions = Actions::default();
    let mut draining = hub.draining.subscribe();
    let mut ticks = tokio::time::interval(TICK);
    loop {
        let ticket = waiting.front().map(|(ticket, ..)| *ticket);
        tokio::select! {
            durable = hub.durable(ticket.unwrap_or_default()), if ticket.is_some() => {
                if durable.is_err() {
                    return;
                }
                answer(&hub, &socket, &mut waiting).await;
            }
            received = socket.recv_from(&mut bytes), if waiting.len() < limits::DATAGRAMS_WAITING_MAX => {
                // An error is a peer's port unreachable: nothing to do.
                let Ok((count, address)) = received else { continue };
                hub.totals.datagrams.fetch_add(1, Ordering::Relaxed);
                if datagram(&hub, &mut peers, address, &bytes[..count], &mut actions, &mut waiting).await.is_err() {
                    return;
                }
            }
            _ = ticks.tick() => tick(&hub, &socket, &mut peers, &mut actions).await,
            () = drained(&mut draining) => break,
        }
    }
    while let Some((ticket, ..)) = waiting.front() {
        if hub.durable(*ticket).await.is_err() {
            return;
        }
        answer(&hub, &socket, &mut waiting).await;
    }
}

async fn answer(hub: &Hub, socket: &UdpSocket, waiting: &mut VecDeque<(Ticket, SocketAddr, Vec<u8>)>) {
    while let Some((ticket, address, replies)) = waiting.front()
        && hub.log.is_durable(*ticket)
    {
        // A reply lost is a report sent again.
        let _ = socket.send_to(replies, *address).await;
        waiting.pop_front();
    }
}

async fn datagram(
    hub: &Hub,
    peers: &mut HashMap<SocketAddr, Peer>,
    address: SocketAddr,
    bytes: &[u8],
    actions: &mut Actions,
    waiting: &mut VecDeque<(Ticket, SocketAddr, Vec<u8>)>,
) -> Result<(), crate::segments::Refused> {
    let now = hub.now();
    if !peers.contains_key(&address) && peers.len() >= limits::PEERS_MAX {
        let silent = peers.iter().min_by_key(|(at, peer)| (peer.heard_ms, **at)).map(|(at, _)| *at);
        if let Some(mut peer) = silent.and_then(|at| peers.remove(&at)) {
            close(hub, &mut peer.link, actions);
        }
    }
    let peer = peers
        .entry(address)
        .or_insert_with(|| Peer { link: Link::new(hub.registry.next_link_id(), now), heard_ms: now.wall_ms });
    peer.heard_ms = now.wall_ms;
    actions.clear();
    peer.link.receive(bytes, now, &hub.registry, &hub.log, actions);
    hub.count_link(&actions.counts);
    hub.tell(&mut actions.notices);
    let ticket = if actions.chunk.is_empty() {
        if actions.hold { hub.log.last_ticket() } else { Ticket::default() }
    } else {
        hub.append(&actions.chunk).await?
    };
    if !actions.replies.is_empty() {
        waiting.push_back((ticket, address, actions.replies.clone()));
    }
    if let Some(reason) = actions.close {
        hub.count_closed(reason);
        if let Some(mut peer) = peers.remove(&address) {
            close(hub, &mut peer.link, actions);
        }
    }
    Ok(())
}

fn close(hub: &Hub, link: &mut Link, actions: &mut Actions) {
    actions.notices.clear();
    link.closed(actions);
    hub.tell(&mut actions.notices);
}

async fn tick(hub: &Hub, socket: &UdpSocket, peers: &mut HashMap<SocketAddr, Peer>, actions: &mut Actions) {
    let now = hub.now();
    let mut gone = Vec::new();
    for (address, peer) in peers.iter_mut() {
        if peer.link.deadline_ms(&hub.registry) > now.wall_ms && !peer.link.busy() {
            continue;
        }
        actions.clear();
        peer.link.tick(now, &hub.registry, actions);
        hub.tell(&mut actions.notices);
        if !actions.replies.is_empty() {
            let _ = socket.send_to(&actions.replies, *address).await;
        }
        if let Some(reason) = actions.close {
            hub.count_closed(reason);
            gone.push(*address);
        }
    }
    for address in gone {
        if let Some(mut peer) = peers.remove(&address) {
            close(hub, &mut peer.link, actions);
        }
    }
}
