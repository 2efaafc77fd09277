//! Ready again soon, however long the log: a million events as ten days of a county leave them, then kill -9 in all but name.

use crate::harness::{START_MS, config_in, county_in};
use sqlx::{AnyConnection, AssertSqlSafe, Connection};
use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};
use xiangyun_dispatch::event::{
    Counted, Delivered, Event as DayEvent, Found, HandOverConfirmed, HandOverOpened, OrderPlaced, ProofKind,
    Shelved,
};
use xiangyun_dispatch::holder::Holder;
use xiangyun_server::daemon::{Daemon, open_store};
use xiangyun_server::machine::read;
use xiangyun_server::office::{self, Fact};
use xiangyun_store::event::{Event, GENESIS};
use xiangyun_store::verify;

const COUNTY: &str = "410421";
const EVENTS: i64 = 1_000_000;
/// Longest start with all of them.
const READY: Duration = Duration::from_secs(2);
/// Orders that one hand-over record moves.
const TOGETHER: usize = 100;

/// Appends to the log as the writer would, without its read models: a start does not read those.
struct Log {
    conn: AnyConnection,
    last: (i64, [u8; 32]),
    versions: HashMap<String, i64>,
    waiting: Vec<Event>,
}

impl Log {
    async fn put(&mut self, stream: String, kind: &str, schema: i32, body: Vec<u8>) {
        let version = self.versions.entry(stream.clone()).or_insert(0);
        *version += 1;
        let mut event = Event {
            county: COUNTY.into(),
            seq: self.last.0 + 1,
            stream,
            version: *version,
            at_ms: START_MS,
            kind: kind.into(),
            schema,
            body,
            prev_hash: self.last.1,
            hash: GENESIS,
        };
        event.hash = event.expected_hash();
        self.last = (event.seq, event.hash);
        self.waiting.push(event);
        if self.waiting.len() == 32 {
            self.write().await;
        }
    }

    async fn day(&mut self, event: DayEvent) {
        let schema = xiangyun_dispatch::event::SCHEMA;
        self.put(event.stream(), event.kind(), schema, event.body()).await;
    }

    async fn office(&mut self, fact: Fact) {
        self.put(fact.stream(), fact.kind(), office::SCHEMA, rmp_serde::to_vec_named(&fact).unwrap()).await;
    }

    async fn write(&mut self) {
        let rows: Vec<String> = (0..self.waiting.len())
            .map(|r| {
                let columns: Vec<String> = (1..=10).map(|c| format!("${}", r * 10 + c)).collect();
                format!("({})", columns.join(", "))
            })
            .collect();
        let sql = format!(
            "INSERT INTO event (county, seq, stream, version, at_ms, kind, schema, body, prev_hash, hash) VALUES {}",
            rows.join(", ")
        );
        let mut query = sqlx::query(AssertSqlSafe(sql));
        for e in self.waiting.drain(..) {
            query = query
                .bind(e.county)
                .bind(e.seq)
                .bind(e.stream)
                .bind(e.version)
                .bind(e.at_ms)
                .bind(e.kind)
                .bind(i64::from(e.schema))
                .bind(e.body)
                .bind(e.prev_hash.to_vec())
                .bind(e.hash.to_vec());
        }
        query.execute(&mut self.conn).await.unwrap();
    }

    /// Orders on their way: placed, handed over together, shelved, told of, collected; who did it is in the audit.
    async fn orders(&mut self, from: usize) {
        let ids: Vec<String> = (from..from + TOGETHER).map(|n| format!("YT{n:013}")).collect();
        let village = crate::harness::VILLAGE.to_owned();
        for order in &ids {
            self.day(DayEvent::OrderPlaced(OrderPlaced {
                order: order.clone(),
                direction: "down".into(),
                carrier: "ZTO".into(),
                origin: "HUB".into(),
                destination: village.clone(),
                class: "parcel".into(),
                pieces: 1,
                g: 900,
                cm3: 4_000,
                promise_ms: START_MS + 50_000_000,
                person: Some(1_000_000 + from as i64),
                cash: None,
                agreed: None,
                keep_days: 3,
            }))
            .await;
        }
        let legs = [
            (Holder::Carrier("ZTO".into()), Holder::Site("HUB".into())),
            (Holder::Site("HUB".into()), Holder::Vehicle("T1".into())),
            (Holder::Vehicle("T1".into()), Holder::Site(village.clone())),
        ];
        for (n, (giver, receiver)) in legs.into_iter().enumerate() {
            let handover = format!("H{from}-{n}");
            let actual = ids.iter().map(|o| Counted { item: o.clone(), found: Found::Good }).collect();
            self.day(DayEvent::HandOverOpened(HandOverOpened {
                handover: handover.clone(),
                site: "HUB".into(),
                from: giver,
                to: receiver,
                visit: None,
                expected: ids.clone(),
                actual,
                seals: Vec::new(),
            }))
            .await;
            self.day(DayEvent::HandOverConfirmed(HandOverConfirmed {
                handover,
                moved: ids.clone(),
                missing: Vec::new(),
                extra: Vec::new(),
                by: "hub".into(),
                at_ms: START_MS,
            }))
            .await;
        }
        for order in &ids {
            self.day(DayEvent::Shelved(Shelved {
                order: order.clone(),
                site: village.clone(),
                shelf: "A-12".into(),
                code_hash: "0".repeat(64),
                keep_until_ms: START_MS + 300_000_000,
            }))
            .await;
            let notice = format!("N{order}");
            self.office(Fact::NoticeMade {
                notice: notice.clone(),
                order: order.clone(),
                person: 1,
                template: "pick_up".into(),
                values: BTreeMap::from([("shelf".into(), "A-12".into())]),
                not_before_ms: START_MS,
            })
            .await;
            self.office(Fact::NoticeState { notice, state: "sent".into() }).await;
            self.office(Fact::Audited {
                who: "key:0123456789abcdef".into(),
                role: "keeper".into(),
                action: "deliver".into(),
                resource: format!("order/{order}"),
                from: "127.0.0.1".into(),
                request: "0123456789abcdef".into(),
                wall_ms: START_MS,
            })
            .await;
            self.day(DayEvent::Delivered(Delivered {
                order: order.clone(),
                site: village.clone(),
                from: Holder::Site(village.clone()),
                proof: ProofKind::Code,
                evidence: None,
                distance_m: Some(5),
                at_ms: START_MS,
            }))
            .await;
        }
    }
}

#[test]
fn a_million_events_are_ready_again_within_two_seconds() {
    let dir = tempfile::tempdir().unwrap();
    county_in(dir.path());
    let config = config_in(dir.path());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let placed = runtime.block_on(async {
        let store = open_store(&config).await.unwrap();
        let mut conn = AnyConnection::connect(store.url()).await.unwrap();
        sqlx::raw_sql("PRAGMA synchronous = OFF; BEGIN").execute(&mut conn).await.unwrap();
        let mut log = Log { conn, last: (0, GENESIS), versions: HashMap::new(), waiting: Vec::new() };
        let mut placed = 0;
        while log.last.0 < EVENTS {
            log.orders(placed).await;
            placed += TOGETHER;
        }
        log.write().await;
        sqlx::raw_sql("COMMIT").execute(&mut log.conn).await.unwrap();
        log.conn.close().await.unwrap();
        let found = verify::county(&store, COUNTY).await.unwrap();
        assert!(found.events >= EVENTS);
        store.close().await;
        placed
    });
    // The first start has no snapshot and folds everything; its end leaves one, as the writer does every 20,000 events.
    let began = Instant::now();
    let daemon = runtime.block_on(Daemon::start(config.clone())).unwrap();
    let folded = began.elapsed();
    runtime.block_on(daemon.end()).unwrap();
    let began = Instant::now();
    let daemon = runtime.block_on(Daemon::start(config)).unwrap();
    let ready = began.elapsed();
    let orders = read(&daemon.app().world).day.orders.len();
    println!(
        "{EVENTS} events, {placed} orders: folded from the first event in {} ms, ready again in {} ms",
        folded.as_millis(),
        ready.as_millis()
    );
    assert_eq!(orders, placed);
    let answer = crate::harness::request(&daemon.url(), "GET", "/readyz", None, None, &[]);
    assert_eq!(answer.0, 200);
    assert!(ready <= READY, "{ready:?}");
    runtime.block_on(daemon.end()).unwrap();
}
