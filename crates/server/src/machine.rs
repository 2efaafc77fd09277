//! The machine behind the county's writer: the day's pure state beside the office's, decided and folded together.

use crate::clock::Clock;
use crate::config::Config;
use crate::office::{self, Fact, Office};
use crate::problem::Problem;
use crate::project;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::error::Error;
use std::io::{BufWriter, IntoInnerError};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use xiangyun_dispatch::command::Command as DayCommand;
use xiangyun_dispatch::decide::decide;
use xiangyun_dispatch::eta::Learner;
use xiangyun_dispatch::event::{BadEvent, Event as DayEvent};
use xiangyun_dispatch::kpi::DayFigures;
use xiangyun_dispatch::state::State;
use xiangyun_store::event::{Event, NewEvent};
use xiangyun_store::op::{Op, Value};
use xiangyun_store::outbox::NewItem;
use xiangyun_store::writer::{Decision, Machine};

/// Everything that is so now.
#[derive(Debug, Serialize, Deserialize)]
pub struct World {
    /// The running day.
    pub day: State,
    /// The office.
    pub office: Office,
    /// Counters of the day.
    pub figures: DayFigures,
    /// What the fleet has taught about driving and serving times.
    pub learner: Learner,
    /// Last event by subject (`order/…`, `plan/…`, `exception/…`): the number behind an ETag.
    pub touched: HashMap<String, i64>,
    /// Last event folded.
    pub seq: i64,
}

impl World {
    /// A county before its first event.
    #[must_use]
    pub fn new(county: &str) -> Self {
        Self {
            day: State::new(county),
            office: Office::default(),
            figures: DayFigures::default(),
            learner: Learner::default(),
            touched: HashMap::new(),
            seq: 0,
        }
    }

    /// The number behind a subject's ETag.
    #[must_use]
    pub fn version(&self, subject: &str) -> i64 {
        self.touched.get(subject).copied().unwrap_or(0)
    }
}

/// The state as the writer folds it and everybody reads it. It may be ahead of the disk by one batch: what is decided
/// on it is decided again by the writer.
pub type Shared = Arc<RwLock<World>>;

/// Reads the shared state.
pub fn read(shared: &Shared) -> RwLockReadGuard<'_, World> {
    // Only a panic of the writer poisons it, and that ends the process.
    shared.read().unwrap_or_else(PoisonError::into_inner)
}

/// What the machine is given from outside.
#[derive(Clone)]
pub struct Env {
    /// County code.
    pub county: String,
    /// Business clock.
    pub clock: Clock,
    /// Settings.
    pub config: Arc<Config>,
    /// The state that readers share.
    pub world: Shared,
    /// Seconds that local time is ahead of UTC.
    pub zone_offset_s: i64,
}

/// Something that a decision lets happen.
#[derive(Clone, Debug)]
pub enum Happening {
    /// In the day.
    Day(DayEvent),
    /// In the office.
    Office(Fact),
}

impl From<DayEvent> for Happening {
    fn from(event: DayEvent) -> Self {
        Self::Day(event)
    }
}

impl From<Fact> for Happening {
    fn from(fact: Fact) -> Self {
        Self::Office(fact)
    }
}

/// What a piece of work leads to.
#[derive(Debug, Default)]
pub struct Done {
    /// In order.
    pub happenings: Vec<Happening>,
    /// Further rows of the same transaction.
    pub ops: Vec<Op>,
    /// HTTP status of the answer.
    pub status: u16,
    /// Body of the answer.
    pub body: serde_json::Value,
}

impl Done {
    /// An answer with what happened.
    #[must_use]
    pub fn new(status: StatusCode, body: serde_json::Value) -> Self {
        Self { status: status.as_u16(), body, ..Self::default() }
    }

    /// Adds what happened.
    #[must_use]
    pub fn with<T: Into<Happening>>(mut self, events: impl IntoIterator<Item = T>) -> Self {
        self.happenings.extend(events.into_iter().map(Into::into));
        self
    }

    /// Adds rows.
    #[must_use]
    pub fn rows(mut self, ops: Vec<Op>) -> Self {
        self.ops.extend(ops);
        self
    }
}

/// Decides on the state at a business time.
pub type Work = Box<dyn FnOnce(&World, i64) -> Result<Done, Problem> + Send>;

/// Who asks, for the audit.
#[derive(Clone, Debug)]
pub struct Audit {
    /// User, key or part of the daemon.
    pub who: String,
    /// Role.
    pub role: String,
    /// What is done.
    pub action: String,
    /// With what.
    pub resource: String,
    /// From which address.
    pub from: String,
    /// Request id.
    pub request: String,
}

/// An answer to be given again to the same key.
#[derive(Clone, Debug)]
pub struct Remember {
    /// Whose key.
    pub subject: String,
    /// The key.
    pub key: String,
    /// SHA-256 of method, path and body.
    pub hash: Vec<u8>,
}

/// A request to the writer.
pub struct Command {
    /// What to decide.
    pub work: Work,
    /// Who asks; the daemon's own ticks have none.
    pub audit: Option<Audit>,
    /// The version the caller saw of a subject.
    pub expects: Option<(String, i64)>,
    /// Where to keep the answer.
    pub remember: Option<Remember>,
}

impl Command {
    /// The daemon's own doing.
    pub fn own(work: impl FnOnce(&World, i64) -> Result<Done, Problem> + Send + 'static) -> Self {
        Self { work: Box::new(work), audit: None, expects: None, remember: None }
    }

    /// Commands of the day by the daemon itself; each is decided on the same state, so they must not build on each
    /// other.
    pub fn day(commands: Vec<DayCommand>) -> Self {
        Self::own(move |world, now| decide_all(world, &commands, now))
    }
}

/// Decides commands that do not build on each other.
///
/// # Errors
/// The first refusal.
pub fn decide_all(world: &World, commands: &[DayCommand], now: i64) -> Result<Done, Problem> {
    let mut done = Done::new(StatusCode::OK, serde_json::Value::Null);
    for command in commands {
        done = done.with(decide(&world.day, command, now)?);
    }
    Ok(done)
}

/// Answer of the writer.
#[derive(Clone, Debug)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// Body.
    pub body: serde_json::Value,
    /// Whether anything happened.
    pub changed: bool,
}

/// The machine.
pub struct Day {
    env: Env,
}

impl Day {
    /// Reads the shared state.
    fn world(&self) -> RwLockReadGuard<'_, World> {
        read(&self.env.world)
    }
}

/// An event as either side knows it.
#[derive(Clone, Debug)]
pub enum Read {
    /// Of the day.
    Day(DayEvent),
    /// Of the office.
    Office(Fact),
    /// Written by a newer program, or unreadable: kept, not folded.
    Unknown,
}

/// Reads an event of the log.
#[must_use]
pub fn read_event(event: &Event) -> Read {
    match DayEvent::read(&event.kind, event.schema, &event.body) {
        Ok(day) => Read::Day(day),
        Err(BadEvent::Kind(_)) => event.unpack::<Fact>().map_or(Read::Unknown, Read::Office),
        Err(err) => {
            tracing::error!(seq = event.seq, %err, "event was not folded");
            Read::Unknown
        }
    }
}

impl Machine for Day {
    type Command = Command;
    type Reply = Reply;
    type Refusal = Problem;
    type Env = Env;
    type Said = Read;
    const SNAPSHOT_SCHEMA: i32 = 1;

    fn fresh(env: &Env) -> Self {
        *env.world.write().unwrap_or_else(PoisonError::into_inner) = World::new(&env.county);
        Self { env: env.clone() }
    }

    fn decide(&self, command: Command) -> Result<Decision<Reply>, Problem> {
        let now = self.now_ms();
        let world = self.world();
        if let Some((subject, version)) = &command.expects
            && world.version(subject) != *version
        {
            return Err(Problem::new(
                StatusCode::PRECONDITION_FAILED,
                "H607",
                format!("{subject} is at version {}, not {version}; read it again", world.version(subject)),
            ));
        }
        let done = (command.work)(&world, now)?;
        drop(world);
        let changed = !done.happenings.is_empty();
        let mut events = Vec::with_capacity(done.happenings.len() + 1);
        if let Some(audit) = command.audit.filter(|_| changed || !done.ops.is_empty()) {
            events.push(pack(&Fact::Audited {
                who: audit.who,
                role: audit.role,
                action: audit.action,
                resource: audit.resource,
                from: audit.from,
                request: audit.request,
                wall_ms: crate::clock::wall_ms(),
            })?);
        }
        for happening in &done.happenings {
            events.push(match happening {
                Happening::Day(event) => NewEvent {
                    stream: event.stream(),
                    kind: event.kind(),
                    schema: xiangyun_dispatch::event::SCHEMA,
                    body: event.body(),
                },
                Happening::Office(fact) => pack(fact)?,
            });
        }
        let mut ops = done.ops;
        if let Some(remember) = command.remember {
            ops.push(Op::new(
                "INSERT INTO idempotency (county, subject, name, hash, status, body, at_ms) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7)",
                vec![
                    Value::Text(self.env.county.clone()),
                    Value::Text(remember.subject),
                    Value::Text(remember.key),
                    Value::Bytes(remember.hash),
                    Value::Int(i64::from(done.status)),
                    Value::Text(done.body.to_string()),
                    Value::Int(crate::clock::wall_ms()),
                ],
            ));
        }
        Ok(Decision { events, ops, reply: Reply { status: done.status, body: done.body, changed } })
    }

    fn say(event: &Event) -> Read {
        read_event(event)
    }

    fn apply(&mut self, event: &Event, said: &Read) {
        let mut world = self.env.world.write().unwrap_or_else(PoisonError::into_inner);
        world.seq = event.seq;
        if project::has_version(&event.stream) {
            world.touched.insert(event.stream.clone(), event.seq);
        }
        match said {
            Read::Day(day) => {
                for subject in project::also_touched(day) {
                    world.touched.insert(subject, event.seq);
                }
                let World { day: state, figures, learner, .. } = &mut *world;
                state.apply(day);
                figures.apply(day);
                learner.apply(state, day, self.env.zone_offset_s);
            }
            Read::Office(fact) => world.office.apply(fact),
            Read::Unknown => {}
        }
    }

    fn project(&self, event: &Event, said: &Read) -> Vec<Op> {
        project::rows(&self.world(), event, said)
    }

    fn publish(&self, event: &Event, said: &Read) -> Vec<NewItem> {
        crate::relay::items(&self.world(), &self.env.config, event, said)
    }

    fn snapshot(&self) -> Vec<u8> {
        packed(&self.world()).unwrap_or_else(|err| {
            tracing::error!(%err, "the state cannot be packed");
            Vec::new()
        })
    }

    fn restore(env: &Env, bytes: &[u8]) -> Option<Self> {
        *env.world.write().unwrap_or_else(PoisonError::into_inner) = unpacked(bytes)?;
        Some(Self { env: env.clone() })
    }

    fn now_ms(&self) -> i64 {
        self.env.clock.now_ms()
    }

    fn apart(env: &Env) -> Env {
        Env { world: Arc::new(RwLock::new(World::new(&env.county))), ..env.clone() }
    }

    fn show(self, env: &Env) -> Self {
        let folded = std::mem::replace(
            &mut *self.env.world.write().unwrap_or_else(PoisonError::into_inner),
            World::new(&env.county),
        );
        *env.world.write().unwrap_or_else(PoisonError::into_inner) = folded;
        Self { env: env.clone() }
    }
}

/// How hard snapshots are pressed: the quickest level that zstd has names for; the next ones are slower and hardly
/// smaller for a state that repeats its field names.
const ZSTD_LEVEL: i32 = 1;
/// A snapshot is packed in pieces of so many bytes.
const PACK_BYTES: usize = 1 << 16;
/// First bytes of a frame of Zstandard (RFC 8878, section 3.1.1). Snapshots of before are MessagePack alone, which begins
/// with the byte of a map.
const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// A state as MessagePack with named fields, pressed: the names are most of it.
fn packed(world: &World) -> Result<Vec<u8>, Box<dyn Error>> {
    let pressed = zstd::Encoder::new(Vec::new(), ZSTD_LEVEL)?;
    let mut out = BufWriter::with_capacity(PACK_BYTES, pressed);
    rmp_serde::encode::write_named(&mut out, world)?;
    Ok(out.into_inner().map_err(IntoInnerError::into_error)?.finish()?)
}

/// The state of [`packed`] bytes, or of bytes that are not pressed.
fn unpacked(bytes: &[u8]) -> Option<World> {
    if !bytes.starts_with(&ZSTD_MAGIC) {
        return rmp_serde::from_slice(bytes).ok();
    }
    rmp_serde::from_slice(&zstd::decode_all(bytes).ok()?).ok()
}

fn pack(fact: &Fact) -> Result<NewEvent, Problem> {
    NewEvent::pack(fact.stream(), fact.kind(), office::SCHEMA, fact).map_err(|e| Problem::internal(&e))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn world() -> World {
        let mut world = World::new("410421");
        world.seq = 7;
        world.touched = (0..1_000).map(|n| (format!("order/B{n:04}"), n)).collect();
        world
    }

    fn same(a: &World, b: &World) -> bool {
        let value = |world: &World| serde_json::to_value(world).unwrap();
        value(a) == value(b)
    }

    #[test]
    fn a_state_is_packed_small_and_unpacked_whole() {
        let (world, bytes) = (world(), packed(&world()).unwrap());
        assert!(bytes.len() * 2 < rmp_serde::to_vec_named(&world).unwrap().len());
        assert!(same(&unpacked(&bytes).unwrap(), &world));
    }

    #[test]
    fn snapshots_of_before_are_read_and_damaged_ones_are_not() {
        let (world, bytes) = (world(), packed(&world()).unwrap());
        assert!(same(&unpacked(&rmp_serde::to_vec_named(&world).unwrap()).unwrap(), &world));
        assert!(unpacked(&[]).is_none());
        assert!(unpacked(&bytes[..bytes.len() / 2]).is_none());
        assert!(unpacked(&ZSTD_MAGIC).is_none());
    }
}
