//! A parcel's day by hand: hub, van, point, shelf, code; and what goes wrong on the way.

use xiangyun_dispatch::command::{Command, HandOver, Offer, PlaceOrder};
use xiangyun_dispatch::decide::decide;
use xiangyun_dispatch::event::{
    CashDue, Counted, Event, ExceptionKind, Found, PlannedTrip, PlannedVisit, ProofKind, Touched,
};
use xiangyun_dispatch::holder::Holder;
use xiangyun_dispatch::refusal::Refusal;
use xiangyun_dispatch::state::{Phase, State, StopPhase};
use xiangyun_dispatch::status;
use xiangyun_dispatch::trace::Trace;

const NOON: i64 = 1_795_000_000_000;

struct Day {
    state: State,
    log: Vec<Event>,
}

impl Day {
    fn new() -> Self {
        Self { state: State::new("410421"), log: Vec::new() }
    }

    fn does(&mut self, command: &Command) -> Vec<Event> {
        let events = decide(&self.state, command, NOON).unwrap_or_else(|r| panic!("{command:?}: {r}"));
        for event in &events {
            let again = Event::read(event.kind(), 1, &event.body()).unwrap();
            assert_eq!(&again, event);
            self.state.apply(event);
            self.log.push(event.clone());
        }
        events
    }

    fn refuses(&self, command: &Command) -> Refusal {
        decide(&self.state, command, NOON).unwrap_err()
    }
}

fn site(id: &str) -> Holder {
    Holder::Site(id.into())
}

fn van() -> Holder {
    Holder::Vehicle("E01".into())
}

fn good(items: &[&str]) -> Vec<Counted> {
    items.iter().map(|i| Counted { item: (*i).into(), found: Found::Good }).collect()
}

fn hand(id: &str, at: &str, from: Holder, to: Holder, items: &[&str]) -> Command {
    Command::HandOver(HandOver {
        handover: id.into(),
        site: at.into(),
        from,
        to,
        visit: None,
        expected: items.iter().map(|i| (*i).to_owned()).collect(),
        actual: good(items),
        seals: vec![],
        confirmed_by: Some("both".into()),
    })
}

fn place(order: &str) -> Command {
    Command::PlaceOrder(PlaceOrder::parcel(order, "yunda", "hub", "v1", NOON + 3_600_000))
}

fn at_point(day: &mut Day, order: &str) {
    day.does(&place(order));
    day.does(&hand(&format!("{order}-1"), "hub", Holder::Carrier("yunda".into()), site("hub"), &[order]));
    day.does(&hand(&format!("{order}-2"), "hub", site("hub"), van(), &[order]));
    day.does(&hand(&format!("{order}-3"), "v1", van(), site("v1"), &[order]));
}

fn deliver(order: &str, proof: ProofKind, code: Option<&str>) -> Command {
    Command::Deliver {
        order: order.into(),
        site: "v1".into(),
        from: site("v1"),
        proof,
        code_hash: code.map(Into::into),
        evidence: None,
        distance_m: Some(8),
        at_ms: NOON + 1,
    }
}

#[test]
fn a_parcel_goes_from_carrier_to_recipient_and_its_story_is_told() {
    let mut day = Day::new();
    at_point(&mut day, "W1");
    assert_eq!(status::of(day.state.order("W1").unwrap()), "at_point");
    day.does(&Command::Shelve {
        order: "W1".into(),
        site: "v1".into(),
        shelf: "A-03".into(),
        code_hash: "h123".into(),
        keep_until_ms: NOON + 86_400_000,
    });
    let tried = day.does(&deliver("W1", ProofKind::Code, Some("wrong")));
    assert!(matches!(tried[..], [Event::CodeTried(_)]));
    assert_eq!(day.state.order("W1").unwrap().phase, Phase::Shelved);
    day.does(&deliver("W1", ProofKind::Code, Some("h123")));
    assert_eq!(day.state.order("W1").unwrap().holder, Holder::Recipient("W1".into()));
    assert!(matches!(day.refuses(&deliver("W1", ProofKind::Scan, None)), Refusal::State { .. }));

    let mut trace = Trace::new("W1");
    for event in &day.log {
        trace.apply(event, NOON);
    }
    let story: Vec<&str> = trace.steps.iter().map(|s| s.status).collect();
    assert_eq!(story, ["created", "at_station", "out_for_delivery", "at_station", "at_point", "delivered"]);
}

#[test]
fn the_sixth_wrong_code_finds_the_code_blocked() {
    let mut day = Day::new();
    at_point(&mut day, "W1");
    day.does(&Command::Shelve {
        order: "W1".into(),
        site: "v1".into(),
        shelf: "A".into(),
        code_hash: "h".into(),
        keep_until_ms: NOON + 1_000,
    });
    for _ in 0..5 {
        day.does(&deliver("W1", ProofKind::Code, Some("no")));
    }
    assert_eq!(
        day.refuses(&deliver("W1", ProofKind::Code, Some("h"))),
        Refusal::WrongCode { order: "W1".into(), left: 0 }
    );
}

#[test]
fn what_is_missing_or_damaged_opens_an_exception_with_the_giver_in_charge() {
    let mut day = Day::new();
    for order in ["W1", "W2", "W3"] {
        day.does(&place(order));
    }
    let carrier = Holder::Carrier("yunda".into());
    let mut record = HandOver {
        handover: "H1".into(),
        site: "hub".into(),
        from: carrier.clone(),
        to: site("hub"),
        visit: None,
        expected: vec!["W1".into(), "W2".into()],
        actual: vec![
            Counted { item: "W1".into(), found: Found::Damaged },
            Counted { item: "W3".into(), found: Found::Good },
        ],
        seals: vec![],
        confirmed_by: None,
    };
    day.does(&Command::HandOver(record.clone()));
    assert_eq!(
        day.state.order("W1").unwrap().holder,
        carrier,
        "custody moves only when the receiver confirms"
    );
    assert!(day.does(&Command::HandOver(record.clone())).is_empty(), "a resend is no news");
    record.actual.pop();
    assert!(matches!(day.refuses(&Command::HandOver(record)), Refusal::Exists { .. }));
    day.does(&Command::Confirm { handover: "H1".into(), actual: None, by: "clerk".into() });
    assert_eq!(day.state.order("W1").unwrap().holder, site("hub"));
    assert_eq!(day.state.order("W2").unwrap().holder, carrier);
    let queue = day.state.queue();
    assert_eq!(queue.len(), 1);
    assert_eq!(queue[0].1.in_charge.as_ref(), Some(&carrier));
    assert!(queue[0].1.evidence.contains("少件 1 多件 1 破损 1"), "{}", queue[0].1.evidence);
}

#[test]
fn nobody_hands_over_what_he_does_not_have() {
    let mut day = Day::new();
    at_point(&mut day, "W1");
    let refusal = day.refuses(&hand("H9", "hub", van(), site("hub"), &["W1"]));
    assert_eq!(refusal, Refusal::NotHeld { from: "vehicle:E01".into(), items: vec!["W1".into()] });
}

#[test]
fn a_sealed_bag_carries_its_parcels() {
    let mut day = Day::new();
    for order in ["W1", "W2"] {
        day.does(&place(order));
    }
    day.does(&hand("H1", "hub", Holder::Carrier("yunda".into()), site("hub"), &["W1", "W2"]));
    day.does(&Command::Pack {
        unit: "BAG7".into(),
        site: "hub".into(),
        seal: "S1".into(),
        orders: vec!["W1".into(), "W2".into()],
    });
    day.does(&Command::HandOver(HandOver {
        handover: "H2".into(),
        site: "hub".into(),
        from: site("hub"),
        to: van(),
        visit: None,
        expected: vec!["W1".into(), "W2".into()],
        actual: good(&["BAG7"]),
        seals: vec!["S1".into()],
        confirmed_by: Some("both".into()),
    }));
    assert_eq!(day.state.order("W2").unwrap().holder, van());
    assert!(day.state.queue().is_empty());
}

#[test]
fn cash_is_taken_before_the_goods_and_closed_with_its_difference() {
    let mut day = Day::new();
    let mut order = PlaceOrder::parcel("W1", "yunda", "hub", "v1", NOON);
    order.cash = Some(CashDue { fen: 5_000, goods: true });
    day.does(&Command::PlaceOrder(order));
    day.does(&hand("1", "hub", Holder::Carrier("yunda".into()), site("hub"), &["W1"]));
    day.does(&hand("2", "hub", site("hub"), van(), &["W1"]));
    day.does(&hand("3", "v1", van(), site("v1"), &["W1"]));
    assert!(matches!(day.refuses(&deliver("W1", ProofKind::Scan, None)), Refusal::Cash { .. }));
    let take = |fen| Command::TakeCash { order: "W1".into(), fen, method: "cash".into(), holder: site("v1") };
    assert!(matches!(day.refuses(&take(4_999)), Refusal::Cash { .. }));
    day.does(&take(5_000));
    day.does(&deliver("W1", ProofKind::Scan, None));
    let closed = day.does(&Command::CloseCash { holder: site("v1"), counted_fen: 4_900, by: "clerk".into() });
    let [Event::CashClosed(e), Event::ExceptionRaised(_)] = &closed[..] else { panic!("{closed:?}") };
    assert_eq!((e.expected_fen, e.counted_fen), (5_000, 4_900));
}

#[test]
fn outbound_goods_wait_for_the_legal_steps() {
    let mut day = Day::new();
    let mut lot = PlaceOrder::parcel("L1", "post", "v1", "hub", NOON);
    lot.direction = "up".into();
    day.does(&Command::PlaceOrder(lot));
    day.does(&hand("1", "v1", Holder::Sender("L1".into()), van(), &["L1"]));
    day.does(&hand("2", "hub", van(), site("hub"), &["L1"]));
    let out = hand("3", "hub", site("hub"), Holder::Carrier("post".into()), &["L1"]);
    assert_eq!(day.refuses(&out), Refusal::NotAccepted { order: "L1".into(), missing: "实名收寄" });
    day.does(&Command::Accept {
        order: "L1".into(),
        real_name: true,
        inspected: true,
        screened: false,
        by: "clerk".into(),
    });
    assert_eq!(day.refuses(&out), Refusal::NotAccepted { order: "L1".into(), missing: "安检" });
    day.does(&Command::Accept {
        order: "L1".into(),
        real_name: false,
        inspected: false,
        screened: true,
        by: "machine".into(),
    });
    day.does(&out);
}

fn trip(id: &str, vehicle: &str, visits: &[&str]) -> PlannedTrip {
    let visit = |(i, v): (usize, &&str)| PlannedVisit {
        visit: (*v).into(),
        site: format!("s{v}"),
        arrive_ms: NOON + i as i64 * 600_000,
        start_ms: NOON + i as i64 * 600_000,
        depart_ms: NOON + i as i64 * 600_000 + 120_000,
        latest_ms: NOON + i as i64 * 600_000 + 900_000,
        unload: vec![],
        load: vec![],
    };
    PlannedTrip {
        trip: id.into(),
        vehicle: vehicle.into(),
        driver: None,
        visits: visits.iter().enumerate().map(visit).collect(),
    }
}

#[test]
fn a_stale_offer_is_refused_and_a_fresh_one_becomes_the_plan() {
    let mut day = Day::new();
    day.does(&Command::Publish { plan: "P".into(), trips: vec![trip("T1", "E01", &["a", "b", "c"])] });
    day.does(&Command::Arrive { visit: "a".into(), at_ms: NOON });
    day.does(&Command::Serve { visit: "a".into(), at_ms: NOON + 1 });
    assert_eq!(day.state.stops["b"].phase, StopPhase::EnRoute);
    day.does(&Command::Raise {
        exception: "X1".into(),
        kind: ExceptionKind::RoadClosed,
        subject: "vehicle/E01".into(),
        in_charge: None,
        evidence: "bridge".into(),
        price_fen: 100,
    });
    let offer = |name: &str, version, visits: &[&str]| {
        Command::Offer(Offer {
            offer: name.into(),
            exception: "X1".into(),
            trips: vec![trip("T1", "E01", visits)],
            touched: vec![Touched { vehicle: "E01".into(), version }],
            price_fen: 50,
            lateness_s: 0,
            moved_stops: 1,
            dropped: vec![],
            patch: String::new(),
        })
    };
    let now = day.state.vehicles["E01"].version;
    assert!(matches!(day.refuses(&offer("O0", now - 1, &["a", "c", "b"])), Refusal::Stale { .. }));
    assert!(
        matches!(day.refuses(&offer("O1", now, &["b", "a", "c"])), Refusal::State { .. }),
        "what is done stays first"
    );
    day.does(&offer("O2", now, &["a", "c", "b"]));
    day.does(&Command::Arrive { visit: "b".into(), at_ms: NOON + 2 });
    let accept = Command::AcceptOffer { offer: "O2".into(), by: "dispatcher".into() };
    assert!(matches!(day.refuses(&accept), Refusal::Stale { .. }), "the vehicle moved on meanwhile");
    let now = day.state.vehicles["E01"].version;
    day.does(&offer("O3", now, &["a", "b", "c", "d"]));
    day.does(&Command::AcceptOffer { offer: "O3".into(), by: "dispatcher".into() });
    assert_eq!(day.state.trips["T1"].visits.len(), 4);
    assert!(day.state.queue().is_empty());
}

#[test]
fn points_take_goods_only_with_consent() {
    let mut day = Day::new();
    let mut order = PlaceOrder::parcel("W1", "yunda", "hub", "v1", NOON);
    order.agreed = None;
    day.does(&Command::PlaceOrder(order));
    day.does(&hand("1", "hub", Holder::Carrier("yunda".into()), site("v1"), &["W1"]));
    let shelve = Command::Shelve {
        order: "W1".into(),
        site: "v1".into(),
        shelf: "A".into(),
        code_hash: "h".into(),
        keep_until_ms: NOON + 1,
    };
    assert!(matches!(day.refuses(&shelve), Refusal::NoConsent { .. }));
}
