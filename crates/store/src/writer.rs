//! The one writer of a county: a task that nobody cancels. It takes commands from a bounded queue, lets the machine
//! decide each against the current state, and appends events, read-model changes and outbox items of many commands
//! in one transaction, then answers all of them. A reply therefore means durable.
//!
//! A failed commit or fsync is never retried on the same handle: the state on disk is unknown, the writer stops with
//! [`StoreError::Fatal`], and the process must end; restart recovers what was acknowledged.

use sqlx::AnyConnection;
use sqlx::Row;
use std::collections::{HashMap, HashSet};
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{broadcast, mpsc, oneshot, watch};

use crate::backend::{Kind, Store};
use crate::error::StoreError;
use crate::event::{Event, GENESIS, NewEvent};
use crate::log::{self, Head};
use crate::op::{self, Op};
use crate::outbox::{self, NewItem};
use crate::snapshot::{self, Snapshot};

/// Commands that may wait for the writer.
pub const QUEUE_MAX: usize = 4_096;
/// Commands that share one transaction.
pub const BATCH_MAX: usize = 128;
/// Events between two snapshots at least.
pub const SNAPSHOT_EVERY: i64 = 20_000;
/// Time between two snapshots, in times of what the last one took: it costs as much as the whole state is big, however
/// quickly that changes.
const SNAPSHOT_PAUSE: u32 = 40;
/// Events without a snapshot at most: a restart folds them.
const TAIL_MAX: i64 = 150_000;
/// Batches that wait for whoever is told of them; who is slower reads the log.
const NEWS_MAX: usize = 16;
/// Longest wait for a database that has gone away, before the writer gives up.
pub const RECONNECT_MAX: Duration = Duration::from_secs(120);
const RECONNECT_PAUSE: Duration = Duration::from_millis(250);

/// What a command leads to.
#[derive(Debug)]
pub struct Decision<R> {
    /// Events to append, in order.
    pub events: Vec<NewEvent>,
    /// Changes of tables that belong to the command itself (for example its idempotency record).
    pub ops: Vec<Op>,
    /// The answer once all of it is durable.
    pub reply: R,
}

/// The pure part that a writer serves: state, decision, fold.
pub trait Machine: Send + 'static {
    /// A request.
    type Command: Send + 'static;
    /// Answer to a request that was accepted.
    type Reply: Send + 'static;
    /// Answer to a request that was refused; nothing is written then.
    type Refusal: Send + 'static;
    /// What the machine is given from outside: clocks, settings, what it shares with readers.
    type Env: Clone + Send + Sync + 'static;
    /// What an event says, once its body is decoded.
    type Said: Send;
    /// Layout version of the snapshot; another version's snapshots are ignored and the log is folded instead.
    const SNAPSHOT_SCHEMA: i32;

    /// The state before the first event.
    fn fresh(env: &Self::Env) -> Self;
    /// Decides without changing anything.
    ///
    /// # Errors
    /// A refusal, with its reason for the caller.
    fn decide(&self, command: Self::Command) -> Result<Decision<Self::Reply>, Self::Refusal>;
    /// Decodes an event's body, once for all that is done with it. Must accept every event that was ever written.
    fn say(event: &Event) -> Self::Said;
    /// Folds one event into the state. A new event is folded before its batch is numbered: `version` and the hashes are
    /// not set yet and must not matter.
    fn apply(&mut self, event: &Event, said: &Self::Said);
    /// Read-model changes of one event; called after [`Machine::apply`].
    fn project(&self, event: &Event, said: &Self::Said) -> Vec<Op>;
    /// Items for the outbox that the event causes.
    fn publish(&self, event: &Event, said: &Self::Said) -> Vec<NewItem>;
    /// Packs the state.
    fn snapshot(&self) -> Vec<u8>;
    /// Unpacks a state; `None` when the bytes are not one, then the log is folded from the start.
    fn restore(env: &Self::Env, bytes: &[u8]) -> Option<Self>
    where
        Self: Sized;
    /// Business clock for the events of a decision, milliseconds since 1970 UTC.
    fn now_ms(&self) -> i64;
    /// What a state is folded anew with while others go on reading the old one; [`Machine::show`] then shows it to them.
    fn apart(env: &Self::Env) -> Self::Env {
        env.clone()
    }
    /// Shows a state that was folded apart to those who read.
    #[must_use]
    fn show(self, _env: &Self::Env) -> Self
    where
        Self: Sized,
    {
        self
    }
}

/// Why a command was not done.
#[derive(Debug)]
pub enum Undone<F> {
    /// The machine refused it.
    Refused(F),
    /// The store could not keep it.
    Store(StoreError),
}

/// The reply of a command and the last `seq` it wrote.
type Answer<M> = Result<(<M as Machine>::Reply, i64), Undone<<M as Machine>::Refusal>>;

struct Envelope<M: Machine> {
    command: M::Command,
    answer: oneshot::Sender<Answer<M>>,
}

/// The way to a writer. Cheap to clone.
pub struct WriterHandle<M: Machine> {
    county: String,
    queue: mpsc::Sender<Envelope<M>>,
    committed: watch::Receiver<i64>,
    news: broadcast::Sender<News>,
}

/// Events of a batch that is durable.
pub type News = Arc<[Event]>;

impl<M: Machine> Clone for WriterHandle<M> {
    fn clone(&self) -> Self {
        Self {
            county: self.county.clone(),
            queue: self.queue.clone(),
            committed: self.committed.clone(),
            news: self.news.clone(),
        }
    }
}

impl<M: Machine> WriterHandle<M> {
    /// Sends a command and waits until its events are durable; gives the reply and the last `seq` then written.
    /// Dropping the future does not undo the command.
    ///
    /// # Errors
    /// [`Undone::Refused`] by the machine; [`StoreError::Overloaded`] at once when the queue is full.
    pub async fn send(&self, command: M::Command) -> Answer<M> {
        let (answer, wait) = oneshot::channel();
        match self.queue.try_send(Envelope { command, answer }) {
            Ok(()) => {}
            Err(mpsc::error::TrySendError::Full(_)) => {
                return Err(Undone::Store(StoreError::Overloaded {
                    county: self.county.clone(),
                    queued: QUEUE_MAX,
                }));
            }
            Err(mpsc::error::TrySendError::Closed(_)) => return Err(self.gone()),
        }
        wait.await.unwrap_or_else(|_| Err(self.gone()))
    }

    /// The last durable `seq`, changing as batches commit.
    #[must_use]
    pub fn committed(&self) -> watch::Receiver<i64> {
        self.committed.clone()
    }

    /// Batches as they become durable, from now on. Who is slower than the writer lags and reads the log instead.
    #[must_use]
    pub fn news(&self) -> broadcast::Receiver<News> {
        self.news.subscribe()
    }

    fn gone(&self) -> Undone<M::Refusal> {
        Undone::Store(StoreError::WriterGone { county: self.county.clone() })
    }
}

/// A writer that has recovered its state and is ready to run.
pub struct Writer<M: Machine> {
    store: Store,
    county: String,
    conn: AnyConnection,
    env: M::Env,
    machine: M,
    head: Head,
    versions: HashMap<String, i64>,
    snapshot_seq: i64,
    /// When the last snapshot was written, and how long that took.
    snapshot_at: Instant,
    snapshot_took: Duration,
    queue: mpsc::Receiver<Envelope<M>>,
    committed: watch::Sender<i64>,
    news: broadcast::Sender<News>,
}

impl<M: Machine> Writer<M> {
    /// Takes ownership of the county, folds snapshot and log, and gives the task with its handle.
    ///
    /// # Errors
    /// [`StoreError::NotOwner`] when another node writes the county, [`StoreError::Tampered`] when the tail of the
    /// log does not hold, or the database's faults.
    pub async fn recover(
        store: &Store,
        county: &str,
        env: &M::Env,
    ) -> Result<(Self, WriterHandle<M>), StoreError> {
        let mut conn = store.connect_writer().await?;
        take_ownership(store.kind(), &mut conn, county).await?;
        let folded = fold::<M>(&mut conn, county, env).await?;
        let (sender, queue) = mpsc::channel(QUEUE_MAX);
        let (committed, watch) = watch::channel(folded.head.seq);
        let news = broadcast::Sender::new(NEWS_MAX);
        let handle =
            WriterHandle { county: county.to_owned(), queue: sender, committed: watch, news: news.clone() };
        let writer = Self {
            store: store.clone(),
            county: county.to_owned(),
            conn,
            env: env.clone(),
            machine: folded.machine,
            head: folded.head,
            versions: HashMap::new(),
            snapshot_seq: folded.snapshot_seq,
            snapshot_at: Instant::now(),
            snapshot_took: Duration::ZERO,
            queue,
            committed,
            news,
        };
        Ok((writer, handle))
    }

    /// The state as recovered.
    #[must_use]
    pub fn machine(&self) -> &M {
        &self.machine
    }

    /// Serves commands until every handle is dropped, then leaves a snapshot.
    ///
    /// # Errors
    /// [`StoreError::Fatal`] when a commit failed: the process must end.
    pub async fn run(mut self) -> Result<(), StoreError> {
        let mut batch = Vec::with_capacity(BATCH_MAX);
        while self.queue.recv_many(&mut batch, BATCH_MAX).await > 0 {
            self.serve(&mut batch).await?;
            if self.wants_snapshot() {
                self.write_snapshot().await?;
            }
        }
        if self.head.seq > self.snapshot_seq {
            self.write_snapshot().await?;
        }
        Ok(())
    }

    /// The same on a thread of its own, so that deciding, folding and packing hold up nobody who reads or is refused.
    /// Gives the way to its outcome, which is gone without one if the thread panicked.
    ///
    /// # Errors
    /// No thread or no runtime can be had.
    pub fn spawn(self) -> io::Result<oneshot::Receiver<Result<(), StoreError>>> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (outcome, ended) = oneshot::channel();
        std::thread::Builder::new().name("writer".into()).spawn(move || {
            // Nobody waits any more when the process is ending.
            let _ = outcome.send(runtime.block_on(self.run()));
        })?;
        Ok(ended)
    }

    fn wants_snapshot(&self) -> bool {
        snapshot_due(self.head.seq - self.snapshot_seq, self.snapshot_at.elapsed(), self.snapshot_took)
    }

    /// Decides a batch, writes it in one transaction, answers.
    async fn serve(&mut self, batch: &mut Vec<Envelope<M>>) -> Result<(), StoreError> {
        let mut events: Vec<Event> = Vec::new();
        let mut ops: Vec<Op> = Vec::new();
        let mut items = Vec::new();
        let mut answers = Vec::with_capacity(batch.len());
        for envelope in batch.drain(..) {
            match self.machine.decide(envelope.command) {
                Err(refusal) => {
                    let _ = envelope.answer.send(Err(Undone::Refused(refusal)));
                }
                Ok(decision) => {
                    let at_ms = self.machine.now_ms();
                    for new in decision.events {
                        let event = self.place(new, at_ms);
                        let said = M::say(&event);
                        self.machine.apply(&event, &said);
                        ops.extend(self.machine.project(&event, &said));
                        let wanted = self.machine.publish(&event, &said);
                        items.extend(wanted.into_iter().enumerate().map(|(i, item)| (event.seq, i, item)));
                        events.push(event);
                    }
                    ops.extend(decision.ops);
                    answers.push((envelope.answer, decision.reply, self.head.seq));
                }
            }
        }
        if events.is_empty() && ops.is_empty() {
            for (answer, reply, seq) in answers {
                let _ = answer.send(Ok((reply, seq)));
            }
            return Ok(());
        }
        self.number(&mut events).await?;
        match self.commit(&events, &ops, &items).await {
            Ok(()) => {
                self.committed.send_replace(self.head.seq);
                // Nobody listening is fine.
                let _ = self.news.send(events.into());
                for (answer, reply, seq) in answers {
                    let _ = answer.send(Ok((reply, seq)));
                }
                Ok(())
            }
            Err(StoreError::DiskFull) => {
                // Nothing was applied on disk; the state in memory is ahead of it and is folded anew.
                for (answer, _, _) in answers {
                    let _ = answer.send(Err(Undone::Store(StoreError::DiskFull)));
                }
                self.refold().await
            }
            Err(err) => {
                let what = err.to_string();
                for (answer, _, _) in answers {
                    let _ = answer.send(Err(Undone::Store(StoreError::Fatal { what: what.clone() })));
                }
                Err(err)
            }
        }
    }

    /// Gives an event its place in the county's log.
    fn place(&mut self, new: NewEvent, at_ms: i64) -> Event {
        self.head.seq += 1;
        Event {
            county: self.county.clone(),
            seq: self.head.seq,
            stream: new.stream,
            version: 0,
            at_ms,
            kind: new.kind.to_owned(),
            schema: new.schema,
            body: new.body,
            prev_hash: GENESIS,
            hash: GENESIS,
        }
    }

    /// Gives the events of a batch their versions and links them into the chain. Last versions that are not in memory are
    /// asked for together: one by one they were half of a batch's time.
    async fn number(&mut self, events: &mut [Event]) -> Result<(), StoreError> {
        if self.versions.len() >= VERSIONS_CACHED_MAX {
            self.versions.clear();
        }
        let unknown: HashSet<&str> =
            events.iter().map(|e| &e.stream[..]).filter(|&s| !self.versions.contains_key(s)).collect();
        let unknown: Vec<String> = unknown.into_iter().map(str::to_owned).collect();
        for streams in unknown.chunks(self.store.kind().rows_a_statement()) {
            let versions = self.last_versions(streams).await?;
            self.versions.extend(streams.iter().cloned().zip(versions));
        }
        for event in events {
            let version = self.versions.entry(event.stream.clone()).or_insert(0);
            *version += 1;
            event.version = *version;
            event.prev_hash = self.head.hash;
            event.hash = event.expected_hash();
            self.head.hash = event.hash;
        }
        Ok(())
    }

    async fn last_versions(&mut self, streams: &[String]) -> Result<Vec<i64>, StoreError> {
        let deadline = tokio::time::Instant::now() + RECONNECT_MAX;
        loop {
            match log::last_versions(&mut self.conn, &self.county, streams).await {
                Err(err) if err.is_disconnect() => self.reconnect(deadline, err).await?,
                other => return other,
            }
        }
    }

    /// Commits, through lost connections: after a reconnect the head tells whether the batch had arrived.
    async fn commit(
        &mut self,
        events: &[Event],
        ops: &[Op],
        items: &[(i64, usize, NewItem)],
    ) -> Result<(), StoreError> {
        let deadline = tokio::time::Instant::now() + RECONNECT_MAX;
        loop {
            let err = match self.try_commit(events, ops, items).await {
                Ok(()) => return Ok(()),
                Err(err) => err,
            };
            if !err.is_disconnect() {
                let _ = sqlx::raw_sql("ROLLBACK").execute(&mut self.conn).await;
                return Err(err);
            }
            self.reconnect(deadline, err).await?;
            let Some(last) = events.last() else { continue };
            // It may go away again while it is asked; then it is asked once more.
            let there = loop {
                match log::head_on(&mut self.conn, &self.county).await {
                    Ok(there) => break there,
                    Err(err) if err.is_disconnect() => self.reconnect(deadline, err).await?,
                    Err(err) => return Err(err),
                }
            };
            if there.seq == last.seq && there.hash == last.hash {
                return Ok(());
            }
            if events.first().is_some_and(|first| there.seq != first.seq - 1 || there.hash != first.prev_hash)
            {
                return Err(StoreError::NotOwner { county: self.county.clone() });
            }
        }
    }

    async fn try_commit(
        &mut self,
        events: &[Event],
        ops: &[Op],
        items: &[(i64, usize, NewItem)],
    ) -> Result<(), StoreError> {
        let kind = self.store.kind();
        self.store.begin(&mut self.conn).await?;
        log::insert(kind, &mut self.conn, events).await?;
        op::run(kind, &mut self.conn, ops).await?;
        outbox::insert(&mut self.conn, &self.county, items).await?;
        sqlx::raw_sql("COMMIT").execute(&mut self.conn).await.map_err(|e| {
            let err = StoreError::from_write(e);
            match err {
                // With PostgreSQL the answer to COMMIT may be lost; the head decides after the reconnect.
                err if err.is_disconnect() && kind == Kind::Postgres => err,
                StoreError::DiskFull => StoreError::DiskFull,
                other => StoreError::Fatal { what: other.to_string() },
            }
        })?;
        Ok(())
    }

    async fn reconnect(
        &mut self,
        deadline: tokio::time::Instant,
        mut why: StoreError,
    ) -> Result<(), StoreError> {
        while tokio::time::Instant::now() < deadline {
            tracing::warn!(county = self.county, %why, "database is away; trying again");
            tokio::time::sleep(RECONNECT_PAUSE).await;
            match self.store.connect_writer().await {
                Ok(mut conn) => match take_ownership(self.store.kind(), &mut conn, &self.county).await {
                    Ok(()) => {
                        self.conn = conn;
                        return Ok(());
                    }
                    Err(err) => why = err,
                },
                Err(err) => why = err,
            }
        }
        Err(StoreError::Fatal { what: format!("the database did not come back: {why}") })
    }

    async fn refold(&mut self) -> Result<(), StoreError> {
        let folded = fold::<M>(&mut self.conn, &self.county, &M::apart(&self.env)).await?;
        self.machine = folded.machine.show(&self.env);
        self.head = folded.head;
        self.snapshot_seq = folded.snapshot_seq;
        self.versions.clear();
        Ok(())
    }

    async fn write_snapshot(&mut self) -> Result<(), StoreError> {
        let began = Instant::now();
        let body = self.machine.snapshot();
        let bytes = body.len();
        let snapshot = Snapshot { seq: self.head.seq, schema: M::SNAPSHOT_SCHEMA, body };
        let outcome = async {
            self.store.begin(&mut self.conn).await?;
            snapshot::insert(&mut self.conn, &self.county, snapshot).await?;
            sqlx::raw_sql("COMMIT").execute(&mut self.conn).await.map_err(StoreError::from_write)?;
            Ok::<(), StoreError>(())
        }
        .await;
        (self.snapshot_at, self.snapshot_took) = (Instant::now(), began.elapsed());
        // A snapshot only shortens a restart: without one the log still tells everything.
        match outcome {
            Ok(()) => {
                self.snapshot_seq = self.head.seq;
                let took_ms = self.snapshot_took.as_millis();
                tracing::debug!(county = self.county, seq = self.head.seq, bytes, took_ms, "snapshot");
            }
            Err(err @ StoreError::Fatal { .. }) => return Err(err),
            Err(err) => {
                let _ = sqlx::raw_sql("ROLLBACK").execute(&mut self.conn).await;
                tracing::warn!(county = self.county, %err, "snapshot was not written");
                self.snapshot_seq = self.head.seq - SNAPSHOT_EVERY / 2;
            }
        }
        Ok(())
    }
}

/// Whether a snapshot is due: `tail` events after the last one, which was written `since` ago and took `took`.
fn snapshot_due(tail: i64, since: Duration, took: Duration) -> bool {
    tail >= TAIL_MAX || tail >= SNAPSHOT_EVERY && since >= took * SNAPSHOT_PAUSE
}

/// Streams whose last version is kept in memory.
const VERSIONS_CACHED_MAX: usize = 100_000;

struct Folded<M> {
    machine: M,
    head: Head,
    snapshot_seq: i64,
}

/// Newest snapshot plus the tail of the log, the chain of the tail checked on the way.
async fn fold<M: Machine>(
    conn: &mut AnyConnection,
    county: &str,
    env: &M::Env,
) -> Result<Folded<M>, StoreError> {
    let found = snapshot::newest(conn, county, M::SNAPSHOT_SCHEMA).await?;
    let restored = found.and_then(|s| M::restore(env, &s.body).map(|machine| (machine, s.seq)));
    let (mut machine, snapshot_seq) = restored.unwrap_or_else(|| (M::fresh(env), 0));
    let mut head = Head { seq: snapshot_seq, hash: GENESIS };
    if snapshot_seq > 0 {
        let before = log::read_on(conn, county, snapshot_seq - 1, 1).await?;
        let Some(event) = before.first().filter(|e| e.seq == snapshot_seq) else {
            return Err(StoreError::Tampered {
                county: county.to_owned(),
                seq: snapshot_seq,
                what: "the event under the snapshot is missing".into(),
            });
        };
        head.hash = event.hash;
    }
    loop {
        let events = log::read_on(conn, county, head.seq, log::READ_MAX).await?;
        for event in &events {
            crate::verify::follows(&head, event)?;
            machine.apply(event, &M::say(event));
            head = Head { seq: event.seq, hash: event.hash };
        }
        if (events.len() as i64) < log::READ_MAX {
            return Ok(Folded { machine, head, snapshot_seq });
        }
    }
}

/// Tries to become a county's writer, and the time between two.
const OWNER_TRIES: u32 = 6;
const OWNER_PAUSE: Duration = Duration::from_millis(100);

/// One writer a county: an advisory lock of the session on PostgreSQL, the single file lock on SQLite.
async fn take_ownership(kind: Kind, conn: &mut AnyConnection, county: &str) -> Result<(), StoreError> {
    if kind == Kind::Sqlite {
        return Ok(());
    }
    // A writer that has just ended may still hold the lock: its server process gives it up when it notices.
    for again in 0..OWNER_TRIES {
        if again > 0 {
            tokio::time::sleep(OWNER_PAUSE).await;
        }
        let row = sqlx::query("SELECT pg_try_advisory_lock(hashtext($1)) AS got")
            .bind(format!("xiangyun/{county}"))
            .fetch_one(&mut *conn)
            .await?;
        if row.try_get::<bool, _>("got")? {
            return Ok(());
        }
    }
    Err(StoreError::NotOwner { county: county.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn snapshots_cost_a_small_share_of_the_time_and_leave_a_short_tail() {
        let (soon, later) = (Duration::from_secs(1), Duration::from_secs(60));
        let took = Duration::from_millis(500);
        assert!(snapshot_due(SNAPSHOT_EVERY, soon, Duration::ZERO), "the first one");
        assert!(!snapshot_due(SNAPSHOT_EVERY - 1, later, took), "too few events");
        assert!(!snapshot_due(SNAPSHOT_EVERY, soon, took), "too soon after one that took long");
        assert!(snapshot_due(SNAPSHOT_EVERY, took * SNAPSHOT_PAUSE, took));
        assert!(snapshot_due(TAIL_MAX, soon, took), "a restart would take too long");
    }
}
