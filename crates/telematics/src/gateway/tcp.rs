//! TCP links of JT/T 808.

use super::hub::{Control, Hub, drained};
use super::limits;
use crate::segments::{Chunk, Refused, Ticket};
use crate::session::{Actions, CloseReason, Link};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

/// Buffers of a thread: a quiet link owns none.
struct Buffers {
    bytes: Vec<u8>,
    actions: Actions,
}

thread_local! {
    static BUFFERS: RefCell<Buffers> =
        RefCell::new(Buffers { bytes: vec![0; limits::READ_BYTES], actions: Actions::default() });
}

/// Accepts until the gateway drains, then waits for its links.
pub(super) async fn accept(hub: Arc<Hub>, listener: TcpListener) {
    let mut links = JoinSet::new();
    let mut draining = hub.draining.subscribe();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, address)) => admit(&hub, &mut links, stream, address),
                // Out of descriptors, or a link that was gone before it was taken: neither may stop the others.
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            },
            Some(ended) = links.join_next(), if !links.is_empty() => note(&hub, &ended),
            () = drained(&mut draining) => break,
        }
    }
    drop(listener);
    let all = async {
        while let Some(ended) = links.join_next().await {
            note(&hub, &ended);
        }
    };
    let _ = tokio::time::timeout(limits::DRAIN, all).await;
}

fn note(hub: &Hub, ended: &Result<(), tokio::task::JoinError>) {
    if ended.as_ref().is_err_and(tokio::task::JoinError::is_panic) {
        hub.totals.panicked.fetch_add(1, Ordering::Relaxed);
    }
}

fn admit(hub: &Arc<Hub>, links: &mut JoinSet<()>, stream: TcpStream, address: SocketAddr) {
    if !hub.admit(address.ip()) {
        return;
    }
    hub.totals.accepted.fetch_add(1, Ordering::Relaxed);
    let _ = stream.set_nodelay(true);
    links.spawn(serve(Arc::clone(hub), stream, address));
}

/// Leaves the hub whatever ends the task.
struct Presence {
    hub: Arc<Hub>,
    link: Link,
    control: Arc<Control>,
    address: SocketAddr,
}

impl Drop for Presence {
    fn drop(&mut self) {
        let mut actions = Actions::default();
        self.link.closed(&mut actions);
        self.hub.tell(&mut actions.notices);
        self.hub.leave(self.link.id());
        self.hub.dismiss(self.address.ip());
    }
}

/// Replies of a link: which wait for the log, and how far the rest is written.
#[derive(Default)]
struct Outgoing {
    bytes: Vec<u8>,
    /// Bytes written so far.
    written: usize,
    /// Bytes that may be written.
    ready: usize,
    /// Replies that wait: their ticket, and where they end.
    waiting: VecDeque<(Ticket, usize)>,
}

impl Outgoing {
    fn push(&mut self, replies: &[u8], ticket: Option<Ticket>) {
        self.bytes.extend_from_slice(replies);
        match ticket {
            Some(ticket) => self.waiting.push_back((ticket, self.bytes.len())),
            // Behind replies that wait, so that they leave in order.
            None => match self.waiting.back_mut() {
                Some((_, end)) => *end = self.bytes.len(),
                None => self.ready = self.bytes.len(),
            },
        }
    }

    fn release(&mut self, durable: impl Fn(Ticket) -> bool) {
        while let Some((ticket, end)) = self.waiting.front().copied()
            && durable(ticket)
        {
            self.ready = end;
            self.waiting.pop_front();
        }
    }

    fn wrote(&mut self, count: usize) {
        self.written += count;
        if self.written == self.bytes.len() {
            (self.written, self.ready) = (0, 0);
            self.bytes.clear();
            if self.bytes.capacity() > 4096 {
                self.bytes.shrink_to(1024);
            }
        }
    }

    /// Gives back what a quiet link need not hold.
    fn settle(&mut self) {
        if self.bytes.is_empty() {
            self.bytes = Vec::new();
            self.waiting = VecDeque::new();
        }
    }

    fn unwritten(&self) -> usize {
        self.ready - self.written
    }
}

/// What one look at a link's input gave.
enum Took {
    Nothing,
    Closed,
    Chunk { chunk: Chunk, replies: Vec<u8>, close: Option<CloseReason> },
    Done { close: Option<CloseReason> },
}

async fn serve(hub: Arc<Hub>, stream: TcpStream, address: SocketAddr) {
    let now = hub.now();
    let link = Link::new(hub.registry.next_link_id(), now);
    let control = hub.enter(link.id());
    let mut here = Presence { hub, link, control, address };
    let mut outgoing = Outgoing::default();
    if let Some(reason) = run(&mut here, &stream, &mut outgoing).await {
        here.hub.count_closed(reason);
    }
    finish(&here.hub, &stream, &mut outgoing).await;
}

/// Lets the link have the replies that it has earned.
async fn finish(hub: &Hub, stream: &TcpStream, outgoing: &mut Outgoing) {
    let all = async {
        loop {
            while outgoing.unwritten() > 0 {
                if stream.writable().await.is_err() || write(stream, outgoing).is_err() {
                    return;
                }
            }
            let Some((ticket, _)) = outgoing.waiting.front().copied() else { return };
            if hub.durable(ticket).await.is_err() {
                return;
            }
            outgoing.release(|t| hub.log.is_durable(t));
        }
    };
    let _ = tokio::time::timeout(limits::DRAIN, all).await;
}

/// Serves a link until it ends; gives the reason if the end is our wish.
async fn run(here: &mut Presence, stream: &TcpStream, outgoing: &mut Outgoing) -> Option<CloseReason> {
    let hub = Arc::clone(&here.hub);
    let control = Arc::clone(&here.control);
    let mut draining = hub.draining.subscribe();
    let mut pause = std::pin::pin!(sleep_until(wake_at(&hub, &here.link, false)));
    let mut stalled_since: Option<Instant> = None;
    let mut turn = std::pin::pin!(sleep_until(Instant::now()));
    let (mut waits_for_turn, mut has_turn) = (false, false);
    loop {
        outgoing.release(|t| hub.log.is_durable(t));
        if outgoing.unwritten() > 0 {
            match write(stream, outgoing) {
                Ok(true) => stalled_since = None,
                Ok(false) => _ = stalled_since.get_or_insert_with(Instant::now),
                Err(_) => return None,
            }
        }
        if outgoing.bytes.len() > limits::UNREAD_BYTES_MAX {
            return Some(CloseReason::Idle);
        }
        let may_read = outgoing.waiting.len() < limits::READS_WAITING_MAX && stalled_since.is_none();
        let ticket = outgoing.waiting.front().map(|(ticket, _)| *ticket);
        tokio::select! {
            biased;
            durable = hub.durable(ticket.unwrap_or_default()), if ticket.is_some() => {
                if durable.is_err() {
                    return None;
                }
            }
            writable = stream.writable(), if stalled_since.is_some() => {
                if writable.is_err() {
                    return None;
                }
            }
            () = &mut turn, if waits_for_turn => (waits_for_turn, has_turn) = (false, true),
            readable = stream.readable(), if may_read && !waits_for_turn => {
                if readable.is_err() {
                    return None;
                }
                if !has_turn && hub.gives_way() {
                    turn.as_mut().reset(hub.turn(here.link.id()));
                    waits_for_turn = true;
                    continue;
                }
                has_turn = false;
                match take(&hub, &mut here.link, stream, outgoing) {
                    Took::Nothing | Took::Done { close: None } => {}
                    Took::Closed => return None,
                    Took::Done { close } => return close,
                    Took::Chunk { chunk, replies, close } => {
                        let Ok(ticket) = hub.append(&chunk).await else { return None };
                        outgoing.push(&replies, Some(ticket));
                        if close.is_some() {
                            return close;
                        }
                    }
                }
            }
            () = control.wake.notified() => {
                for key in control.take_moved() {
                    if here.link.unbind(&key) {
                        return Some(CloseReason::Replaced);
                    }
                }
                if control.tick.swap(false, Ordering::AcqRel)
                    && let Some(reason) = tick(&hub, &mut here.link, outgoing)
                {
                    return Some(reason);
                }
                let busy = here.link.busy();
                pause.as_mut().reset(wake_at(&hub, &here.link, busy));
            }
            () = &mut pause => {
                if stalled_since.is_some_and(|since| since.elapsed() > limits::WRITE_STALL) {
                    return Some(CloseReason::Idle);
                }
                if let Some(reason) = tick(&hub, &mut here.link, outgoing) {
                    return Some(reason);
                }
                outgoing.settle();
                let busy = here.link.busy();
                pause.as_mut().reset(wake_at(&hub, &here.link, busy));
            }
            () = drained(&mut draining) => return None,
        }
    }
}

fn wake_at(hub: &Hub, link: &Link, busy: bool) -> Instant {
    let wall_ms = hub.now().wall_ms;
    let longest = if busy { limits::TICK_BUSY_MS } else { limits::TICK_QUIET_MS };
    let wait_ms = link.deadline_ms(&hub.registry).saturating_sub(wall_ms).clamp(1, longest);
    Instant::now() + Duration::from_millis(wait_ms as u64)
}

/// Writes what may be written; whether all of it went.
fn write(stream: &TcpStream, outgoing: &mut Outgoing) -> io::Result<bool> {
    while outgoing.unwritten() > 0 {
        match stream.try_write(&outgoing.bytes[outgoing.written..outgoing.ready]) {
            Ok(0) => return Err(io::Error::from(io::ErrorKind::WriteZero)),
            Ok(count) => outgoing.wrote(count),
            Err(err) if err.kind() == io::ErrorKind::WouldBlock => return Ok(false),
            Err(err) => return Err(err),
        }
    }
    Ok(true)
}

/// Reads once, lets the session work, hands its chunk to the log. Nothing here waits.
fn take(hub: &Hub, link: &mut Link, stream: &TcpStream, outgoing: &mut Outgoing) -> Took {
    BUFFERS.with_borrow_mut(|Buffers { bytes, actions }| {
        let count = match stream.try_read(bytes) {
            Ok(0) => return Took::Closed,
            Ok(count) => count,
            Err(err) if err.kind() == io::ErrorKind::WouldBlock => return Took::Nothing,
            Err(_) => return Took::Closed,
        };
        hub.totals.bytes.fetch_add(count as u64, Ordering::Relaxed);
        actions.clear();
        link.receive(&bytes[..count], hub.now(), &hub.registry, &hub.log, actions);
        hub.count_link(&actions.counts);
        hub.tell(&mut actions.notices);
        if actions.chunk.is_empty() {
            let ticket = actions.hold.then(|| hub.log.last_ticket());
            outgoing.push(&actions.replies, ticket);
            return Took::Done { close: actions.close };
        }
        match hub.log.append(&actions.chunk) {
            Ok(ticket) => {
                outgoing.push(&actions.replies, Some(ticket));
                Took::Done { close: actions.close }
            }
            // Taken out of the thread's buffers, to wait with the link.
            Err(Refused::Full) => Took::Chunk {
                chunk: std::mem::take(&mut actions.chunk),
                replies: std::mem::take(&mut actions.replies),
                close: actions.close,
            },
            Err(_) => Took::Closed,
        }
    })
}

fn tick(hub: &Hub, link: &mut Link, outgoing: &mut Outgoing) -> Option<CloseReason> {
    BUFFERS.with_borrow_mut(|Buffers { actions, .. }| {
        actions.clear();
        link.tick(hub.now(), &hub.registry, actions);
        hub.tell(&mut actions.notices);
        outgoing.push(&actions.replies, None);
        actions.close
    })
}
