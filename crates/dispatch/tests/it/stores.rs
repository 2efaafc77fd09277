//! Shelves, returnables, consent, breakdowns, scans: the rules beyond custody.

use xiangyun_dispatch::command::{Command, HandOver, PlaceOrder};
use xiangyun_dispatch::decide::decide;
use xiangyun_dispatch::duties::{self, Custody};
use xiangyun_dispatch::event::{
    Agreed, Condition, Counted, Event, ExceptionKind, Found, ProofKind, Returnable,
};
use xiangyun_dispatch::holder::Holder;
use xiangyun_dispatch::refusal::Refusal;
use xiangyun_dispatch::scans::{Layout, Scans, retry_at};
use xiangyun_dispatch::state::State;
use xiangyun_dispatch::status;

const NOW: i64 = 1_795_000_000_000;

fn does(state: &mut State, command: &Command) -> Vec<Event> {
    let events = decide(state, command, NOW).unwrap_or_else(|r| panic!("{command:?}: {r}"));
    events.iter().for_each(|e| state.apply(e));
    events
}

fn at_point(state: &mut State, order: &str, agreed: Option<Agreed>) {
    let mut placed = PlaceOrder::parcel(order, "yunda", "hub", "v1", NOW + 3_600_000);
    placed.agreed = agreed;
    does(state, &Command::PlaceOrder(placed));
    let hand = HandOver {
        handover: format!("{order}-1"),
        site: "v1".into(),
        from: Holder::Carrier("yunda".into()),
        to: Holder::Site("v1".into()),
        visit: None,
        expected: vec![order.into()],
        actual: vec![Counted { item: order.into(), found: Found::Good }],
        seals: vec![],
        confirmed_by: Some("both".into()),
    };
    does(state, &Command::HandOver(hand));
}

fn shelve(order: &str, keep_until_ms: i64) -> Command {
    Command::Shelve {
        order: order.into(),
        site: "v1".into(),
        shelf: "A".into(),
        code_hash: "h".into(),
        keep_until_ms,
    }
}

#[test]
fn a_full_point_refuses_the_shelf_and_the_next_parcel_is_diverted() {
    let mut state = State::new("410421");
    does(&mut state, &Command::SetRoom { site: "v1".into(), pieces: 1 });
    at_point(&mut state, "W1", Some(Agreed::Point));
    at_point(&mut state, "W2", Some(Agreed::Point));
    does(&mut state, &shelve("W1", NOW + 1));
    assert_eq!(
        decide(&state, &shelve("W2", NOW + 1), NOW),
        Err(Refusal::Full { site: "v1".into(), room: 1 })
    );
    let divert = |to: &str| Command::Divert { order: "W2".into(), to: to.into(), cause: "full".into() };
    does(&mut state, &Command::SetRoom { site: "v2".into(), pieces: 0 });
    assert!(matches!(decide(&state, &divert("v2"), NOW), Err(Refusal::Full { .. })));
    does(&mut state, &divert("v3"));
    assert_eq!(state.order("W2").unwrap().destination, "v3");
}

#[test]
fn overdue_parcels_are_raised_and_go_back_and_leave_the_shelf() {
    let mut state = State::new("410421");
    at_point(&mut state, "W1", Some(Agreed::Point));
    does(&mut state, &shelve("W1", NOW + 1));
    assert!(duties::due(&state, NOW).is_empty());
    let due = duties::due(&state, NOW + 2);
    assert_eq!(due.len(), 2);
    due.iter().for_each(|c| {
        does(&mut state, c);
    });
    assert_eq!(status::of(state.order("W1").unwrap()), "returning");
    assert_eq!(state.shelved_at("v1"), 0);
    assert_eq!(state.queue()[0].1.kind, ExceptionKind::Overdue);
}

#[test]
fn a_proxy_needs_consent_and_a_far_proof_is_looked_at() {
    let mut state = State::new("410421");
    at_point(&mut state, "W1", None);
    let deliver = |proof, evidence: Option<&str>, away| Command::Deliver {
        order: "W1".into(),
        site: "v1".into(),
        from: Holder::Site("v1".into()),
        proof,
        code_hash: None,
        evidence: evidence.map(Into::into),
        distance_m: Some(away),
        at_ms: NOW,
    };
    assert!(matches!(
        decide(&state, &deliver(ProofKind::Proxy, None, 1), NOW),
        Err(Refusal::NoConsent { .. })
    ));
    assert!(matches!(decide(&state, &deliver(ProofKind::Photo, None, 1), NOW), Err(Refusal::Value { .. })));
    does(&mut state, &Command::Agree { order: "W1".into(), agreed: Agreed::Proxy, how: "call".into() });
    let events = does(&mut state, &deliver(ProofKind::Proxy, None, 900));
    assert!(
        matches!(&events[..], [Event::Delivered(_), Event::ExceptionRaised(x)] if x.kind == ExceptionKind::WrongPlace)
    );
}

#[test]
fn returnables_balance_and_a_count_that_differs_is_raised() {
    let mut state = State::new("410421");
    let (hub, van) = (Holder::Site("hub".into()), Holder::Vehicle("E01".into()));
    let move_out = Command::MoveReturnables {
        record: "R1".into(),
        item: Returnable::Tote,
        count: 5,
        from: hub.clone(),
        to: van.clone(),
    };
    does(&mut state, &move_out);
    assert!(does(&mut state, &move_out).is_empty(), "a resend is no news");
    assert_eq!(
        (state.returnables_of(&hub, Returnable::Tote), state.returnables_of(&van, Returnable::Tote)),
        (-5, 5)
    );
    let count = Command::CountReturnables { holder: van, item: Returnable::Tote, counted: 4, by: "x".into() };
    assert_eq!(does(&mut state, &count).len(), 2);
    assert!(does(&mut state, &count).len() == 1, "the count is the new balance");
}

#[test]
fn a_breakdown_is_raised_with_what_is_aboard_and_shifts_are_one_to_one() {
    let mut state = State::new("410421");
    let broken = Command::SetCondition {
        vehicle: "E01".into(),
        condition: Condition::Broken,
        site: Some("v1".into()),
        note: "engine".into(),
    };
    assert_eq!(does(&mut state, &broken).len(), 2);
    assert!(does(&mut state, &broken).is_empty());
    let start = |d: &str, v: &str| Command::StartShift { driver: d.into(), vehicle: v.into() };
    does(&mut state, &start("d1", "E01"));
    assert!(matches!(decide(&state, &start("d1", "E02"), NOW), Err(Refusal::State { .. })));
    assert!(matches!(decide(&state, &start("d2", "E01"), NOW), Err(Refusal::State { .. })));
    does(&mut state, &Command::EndShift { driver: "d1".into() });
    does(&mut state, &start("d2", "E01"));
}

#[test]
fn a_seal_that_was_not_read_is_a_difference() {
    let mut state = State::new("410421");
    at_point(&mut state, "W1", None);
    does(
        &mut state,
        &Command::Pack { unit: "B".into(), site: "v1".into(), seal: "S1".into(), orders: vec!["W1".into()] },
    );
    let hand = HandOver {
        handover: "H2".into(),
        site: "v1".into(),
        from: Holder::Site("v1".into()),
        to: Holder::Vehicle("E01".into()),
        visit: None,
        expected: vec!["W1".into()],
        actual: vec![Counted { item: "B".into(), found: Found::Good }],
        seals: vec!["S9".into()],
        confirmed_by: Some("both".into()),
    };
    does(&mut state, &Command::HandOver(hand));
    assert!(state.queue()[0].1.evidence.contains("封签 1"), "{}", state.queue()[0].1.evidence);
}

#[test]
fn scans_reach_their_carrier_once_and_a_receipt_stays() {
    let mut state = State::new("410421");
    let mut scans = Scans::default();
    let mut log = Vec::new();
    let mut step = |state: &mut State, scans: &mut Scans, command: &Command| {
        for event in does(state, command) {
            scans.apply(&event, NOW, |_| 600);
            log.push(event);
        }
    };
    step(
        &mut state,
        &mut scans,
        &Command::PlaceOrder(PlaceOrder::parcel("W1", "yunda", "hub", "v1", NOW + 1)),
    );
    let hand = HandOver {
        handover: "H".into(),
        site: "hub".into(),
        from: Holder::Carrier("yunda".into()),
        to: Holder::Site("hub".into()),
        visit: None,
        expected: vec!["W1".into()],
        actual: vec![Counted { item: "W1".into(), found: Found::Good }],
        seals: vec![],
        confirmed_by: Some("both".into()),
    };
    step(&mut state, &mut scans, &Command::HandOver(hand));
    let due: Vec<String> = scans.due(&state, "yunda", NOW).iter().map(|s| s.scan.clone()).collect();
    assert_eq!(due, ["W1#1"]);
    step(&mut state, &mut scans, &Command::SendScan { scan: "W1#1".into(), carrier: "yunda".into() });
    let answer = |answer, retry_ms| Command::ScanAnswered {
        scan: "W1#1".into(),
        carrier: "yunda".into(),
        answer,
        retry_ms,
    };
    step(&mut state, &mut scans, &answer(Err("503".into()), retry_at(NOW, 1)));
    assert!(scans.due(&state, "yunda", NOW).is_empty(), "not before its retry");
    assert_eq!(scans.due(&state, "yunda", NOW + 60_000).len(), 1);
    assert_eq!(scans.missed(&state, NOW + 600_001).len(), 1);
    step(&mut state, &mut scans, &answer(Ok("R1".into()), 0));
    step(&mut state, &mut scans, &answer(Err("late answer".into()), 0));
    assert_eq!(state.scans["W1#1"].receipt.as_deref(), Some("R1"));
    assert!(scans.due(&state, "yunda", i64::MAX).is_empty() && scans.missed(&state, i64::MAX).is_empty());
    assert_eq!(retry_at(0, 40), 3_600_000);

    let map = status::read_map(status::DEFAULT_MAP).unwrap();
    let json = Layout {
        deadline_s: 60,
        codes: "kuaidi100".into(),
        template: r#"{"n":"{order}","s":"{code}"}"#.into(),
    };
    let mut scan = scans.all["W1#1"].clone();
    scan.order = "a\"{site}".into();
    assert_eq!(json.render(&scan, &map), r#"{"n":"a\"{site}","s":"0"}"#);
    let csv = Layout { deadline_s: 60, codes: "none".into(), template: "{order},{status},{at_ms}".into() };
    scan.order = "a,b".into();
    assert_eq!(csv.render(&scan, &map), format!("a b,at_station,{NOW}"));
}

#[test]
fn the_day_closes_with_every_order_in_one_state() {
    let mut state = State::new("410421");
    at_point(&mut state, "W1", Some(Agreed::Point));
    does(&mut state, &Command::PlaceOrder(PlaceOrder::parcel("W2", "yunda", "hub", "v1", NOW)));
    for command in duties::close_day(&state, NOW + 86_400_000) {
        does(&mut state, &command);
    }
    assert_eq!(duties::balance(&state), [("held", 2)].into());
    assert!(
        matches!(duties::custody(state.order("W1").unwrap()), Custody::Held { site, .. } if site == "v1")
    );
    assert_eq!(status::of(state.order("W1").unwrap()), "deferred");
}
