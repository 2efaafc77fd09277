//! One committed sample of every event kind: what was written yesterday must be read tomorrow. `UPDATE=1` writes samples
//! for kinds that have none yet; it never changes one that is there.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use xiangyun_dispatch::event::*;
use xiangyun_dispatch::holder::Holder;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/events.txt");

fn text(s: &str) -> String {
    s.to_owned()
}

fn trip() -> PlannedTrip {
    PlannedTrip {
        trip: text("E01.1"),
        vehicle: text("E01"),
        driver: Some(text("D1")),
        visits: vec![PlannedVisit {
            visit: text("E01.1-1"),
            site: text("HUB"),
            arrive_ms: 1,
            start_ms: 2,
            depart_ms: 3,
            latest_ms: 4,
            unload: vec![text("W1")],
            load: vec![text("W2")],
        }],
    }
}

#[allow(clippy::too_many_lines)] // one sample a kind
fn samples() -> Vec<Event> {
    let (o, v, s) = (|| text("W1"), || text("E01"), || text("V1"));
    let van = || Holder::Vehicle(text("E01"));
    let point = || Holder::Site(text("V1"));
    vec![
        Event::OrderPlaced(OrderPlaced {
            order: o(),
            direction: text("down"),
            carrier: text("ZTO"),
            origin: text("HUB"),
            destination: s(),
            class: text("parcel"),
            pieces: 1,
            g: 900,
            cm3: 4_000,
            promise_ms: 9,
            person: Some(7),
            cash: Some(CashDue { fen: 500, goods: true }),
            agreed: Some(Agreed::Point),
            keep_days: 3,
        }),
        Event::OrderChanged(OrderChanged {
            order: o(),
            destination: text("V2"),
            promise_ms: 8,
            agreed: Some(Agreed::Door),
        }),
        Event::OrderCancelled(OrderCancelled { order: o(), cause: text("wish") }),
        Event::AcceptanceStep(AcceptanceStep {
            order: o(),
            real_name: true,
            inspected: true,
            screened: false,
            by: text("clerk"),
        }),
        Event::UnitPacked(UnitPacked { unit: text("B1"), site: s(), seal: text("S1"), orders: vec![o()] }),
        Event::UnitOpened(UnitOpened { unit: text("B1"), site: s() }),
        Event::HandOverOpened(HandOverOpened {
            handover: text("H1"),
            site: s(),
            from: van(),
            to: point(),
            visit: Some(text("E01.1-1")),
            expected: vec![o()],
            actual: vec![Counted { item: o(), found: Found::MisSorted }],
            seals: vec![text("S1")],
        }),
        Event::HandOverConfirmed(HandOverConfirmed {
            handover: text("H1"),
            moved: vec![o()],
            missing: vec![text("W2")],
            extra: vec![],
            by: text("both"),
            at_ms: 5,
        }),
        Event::TripPlanned(TripPlanned { plan: text("P"), trip: trip() }),
        Event::TripDropped(TripDropped { trip: text("E01.1"), vehicle: v() }),
        Event::StopArrived(StopArrived { visit: text("E01.1-1"), vehicle: v(), at_ms: 5 }),
        Event::StopServed(StopServed { visit: text("E01.1-1"), vehicle: v(), at_ms: 6 }),
        Event::StopFailed(StopFailed {
            visit: text("E01.1-1"),
            vehicle: v(),
            cause: text("closed"),
            skipped: true,
        }),
        Event::Shelved(Shelved {
            order: o(),
            site: s(),
            shelf: text("A1"),
            code_hash: text("ab"),
            keep_until_ms: 9,
        }),
        Event::CodeTried(CodeTried { order: o() }),
        Event::Delivered(Delivered {
            order: o(),
            site: s(),
            from: point(),
            proof: ProofKind::Code,
            evidence: Some(text("cd")),
            distance_m: Some(4),
            at_ms: 7,
        }),
        Event::RefusedByRecipient(RefusedByRecipient { order: o(), cause: text("broken") }),
        Event::ReturnStarted(ReturnStarted { order: o(), cause: text("overdue") }),
        Event::ReturnedToSender(ReturnedToSender { order: o(), from: van(), at_ms: 8 }),
        Event::DeclaredLost(DeclaredLost { order: o(), from: van() }),
        Event::CashTaken(CashTaken { order: o(), fen: 500, method: text("cash"), holder: point() }),
        Event::CashClosed(CashClosed {
            holder: point(),
            expected_fen: 500,
            counted_fen: 499,
            by: text("clerk"),
        }),
        Event::ExceptionRaised(ExceptionRaised {
            exception: text("X1"),
            kind: ExceptionKind::LateRisk,
            subject: text("vehicle/E01"),
            in_charge: Some(van()),
            evidence: text("12 min"),
            price_fen: 300,
        }),
        Event::ExceptionClosed(ExceptionClosed { exception: text("X1"), how: text("repair"), acted: true }),
        Event::RepairOffered(RepairOffered {
            offer: text("O1"),
            exception: text("X1"),
            trips: vec![trip()],
            touched: vec![Touched { vehicle: v(), version: 3 }],
            price_fen: 100,
            lateness_s: 60,
            moved_stops: 2,
            dropped: vec![text("E02.1")],
            patch: text("{}"),
        }),
        Event::RepairAccepted(RepairAccepted { offer: text("O1"), exception: text("X1"), by: text("chief") }),
        Event::ClaimOpened(ClaimOpened { claim: text("C1"), order: o(), cause: text("damage"), fen: 900 }),
        Event::ClaimSettled(ClaimSettled { claim: text("C1"), fen: 800, by: van() }),
        Event::PositionsSealed(PositionsSealed {
            segment: text("seg"),
            from_ms: 1,
            to_ms: 2,
            count: 3,
            hash: text("ef"),
        }),
        Event::ConsentRecorded(ConsentRecorded {
            order: o(),
            agreed: Agreed::Proxy,
            how: text("app"),
            at_ms: 4,
        }),
        Event::Diverted(Diverted { order: o(), from: s(), to: text("V2"), cause: text("full") }),
        Event::Deferred(Deferred { order: o(), site: s(), promise_ms: 9, cause: text("day close") }),
        Event::PointRoom(PointRoom { site: s(), pieces: 80 }),
        Event::VehicleCondition(VehicleCondition {
            vehicle: v(),
            condition: Condition::Broken,
            site: Some(s()),
            at_ms: 4,
            note: text("engine"),
        }),
        Event::ShiftStarted(ShiftStarted { driver: text("D1"), vehicle: v(), at_ms: 1 }),
        Event::ShiftEnded(ShiftEnded { driver: text("D1"), at_ms: 2 }),
        Event::ReturnablesMoved(ReturnablesMoved {
            record: text("R1"),
            item: Returnable::Tote,
            count: 4,
            from: point(),
            to: van(),
        }),
        Event::ReturnablesCounted(ReturnablesCounted {
            holder: point(),
            item: Returnable::IcePack,
            expected: 4,
            counted: 3,
            by: text("clerk"),
        }),
        Event::ColdRun(ColdRun {
            vehicle: v(),
            compartment: text("chilled"),
            from_ms: 1,
            to_ms: 2,
            worst_dc: Some(-55),
            orders: vec![o()],
        }),
        Event::VisitRevised(VisitRevised {
            visit: text("E01.1-1"),
            vehicle: v(),
            supersedes_ms: Some(5),
            arrived_ms: 4,
            left_ms: None,
        }),
        Event::ScanSent(ScanSent { scan: text("W1#1"), carrier: text("ZTO"), attempt: 1, at_ms: 2 }),
        Event::ScanReceipt(ScanReceipt {
            scan: text("W1#1"),
            carrier: text("ZTO"),
            receipt: text("ok-1"),
            at_ms: 3,
        }),
        Event::ScanFailed(ScanFailed {
            scan: text("W1#1"),
            carrier: text("ZTO"),
            attempt: 1,
            why: text("503"),
            retry_ms: 9,
        }),
        Event::PersonErased(PersonErased { person: 7 }),
    ]
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len() / 2).map(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).expect("hex")).collect()
}

#[test]
fn every_kind_has_a_sample_that_reads_as_it_was_written() {
    let mut committed: BTreeMap<(String, i32), String> = std::fs::read_to_string(FILE)
        .unwrap_or_default()
        .lines()
        .map(|line| {
            let parts: Vec<&str> = line.split_whitespace().collect();
            let [kind, schema, body] = parts[..] else { panic!("three fields: {line}") };
            ((kind.to_owned(), schema.parse().expect("a schema number")), body.to_owned())
        })
        .collect();
    let samples = samples();
    if std::env::var_os("UPDATE").is_some() {
        for event in &samples {
            committed.entry((event.kind().to_owned(), SCHEMA)).or_insert_with(|| hex(&event.body()));
        }
        let lines: Vec<String> = committed.iter().map(|((k, s), body)| format!("{k} {s} {body}")).collect();
        std::fs::create_dir_all(Path::new(FILE).parent().expect("a folder")).expect("writable when renewing");
        std::fs::write(FILE, lines.join("\n") + "\n").expect("writable when renewing");
    }
    let have: BTreeSet<&str> = committed.keys().map(|(kind, _)| kind.as_str()).collect();
    let missing: Vec<&&str> = Event::KINDS.iter().filter(|k| !have.contains(**k)).collect();
    assert!(missing.is_empty(), "kinds without a sample: {missing:?}; run with UPDATE=1");
    for ((kind, schema), body) in &committed {
        let read =
            Event::read(kind, *schema, &unhex(body)).unwrap_or_else(|e| panic!("{kind} {schema}: {e}"));
        if *schema == SCHEMA {
            let same = samples.iter().find(|e| e.kind() == kind).expect("a sample in this file");
            assert_eq!(&read, same);
        }
    }
}

#[test]
fn a_newer_schema_and_an_unknown_kind_are_refused_by_name() {
    let newer = Event::read("OrderPlaced", SCHEMA + 1, &[]).unwrap_err().to_string();
    assert!(newer.contains("reads up to"), "{newer}");
    assert!(matches!(Event::read("Nothing", 1, &[]), Err(BadEvent::Kind(_))));
    assert!(matches!(Event::read("OrderPlaced", 1, &[0xc1]), Err(BadEvent::Body { .. })));
}
