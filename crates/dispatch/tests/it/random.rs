//! Random commands, sensible and senseless: nothing panics, every order has one holder, replay gives the same state.

use proptest::prelude::*;
use xiangyun_dispatch::command::{Command, HandOver, Offer, PlaceOrder};
use xiangyun_dispatch::decide::decide;
use xiangyun_dispatch::duties;
use xiangyun_dispatch::event::ExceptionKind;
use xiangyun_dispatch::event::{
    Agreed, CashDue, Condition, Counted, Event, Found, PlannedTrip, PlannedVisit, ProofKind, Returnable,
    Touched,
};
use xiangyun_dispatch::holder::Holder;
use xiangyun_dispatch::kpi::{DayFigures, by_holder_kind};
use xiangyun_dispatch::state::State;

fn order() -> impl Strategy<Value = String> {
    (0..6u32).prop_map(|n| format!("W{n}"))
}

fn holder() -> impl Strategy<Value = Holder> {
    prop_oneof![
        Just(Holder::Carrier("yunda".into())),
        (0..3u32).prop_map(|n| Holder::Site(format!("s{n}"))),
        (0..2u32).prop_map(|n| Holder::Vehicle(format!("v{n}"))),
        order().prop_map(Holder::Sender),
    ]
}

fn counted() -> impl Strategy<Value = Counted> {
    let item = prop_oneof![order(), (0..2u32).prop_map(|n| format!("B{n}"))];
    (item, prop_oneof![Just(Found::Good), Just(Found::Damaged), Just(Found::MisSorted)])
        .prop_map(|(item, found)| Counted { item, found })
}

fn trips() -> impl Strategy<Value = Vec<PlannedTrip>> {
    prop::collection::vec((0..3u32, 0..3u32, prop::collection::vec(0..9u32, 0..4)), 0..3).prop_map(|list| {
        list.into_iter()
            .map(|(t, v, visits)| PlannedTrip {
                trip: format!("T{t}"),
                vehicle: format!("v{v}"),
                driver: None,
                visits: visits
                    .into_iter()
                    .map(|n| PlannedVisit {
                        visit: format!("T{t}-{n}"),
                        site: format!("s{}", n % 3),
                        arrive_ms: i64::from(n) * 100,
                        start_ms: i64::from(n) * 100,
                        depart_ms: i64::from(n) * 100 + 50,
                        latest_ms: i64::from(n) * 100 + 500,
                        unload: vec![format!("W{}", n % 6)],
                        load: vec![],
                    })
                    .collect(),
            })
            .collect()
    })
}

fn visit() -> impl Strategy<Value = String> {
    (0..3u32, 0..9u32).prop_map(|(t, n)| format!("T{t}-{n}"))
}

/// The rest of the vocabulary: plans, stops, offers, stores, vehicles, scans.
fn other() -> impl Strategy<Value = Command> {
    prop_oneof![
        3 => trips().prop_map(|trips| Command::Publish { plan: "P".into(), trips }),
        3 => (visit(), 0..2_000i64).prop_map(|(visit, at_ms)| Command::Arrive { visit, at_ms }),
        3 => (visit(), 0..2_000i64).prop_map(|(visit, at_ms)| Command::Serve { visit, at_ms }),
        1 => (visit(), any::<bool>()).prop_map(|(visit, skipped)| Command::Fail { visit, cause: "x".into(), skipped }),
        1 => (visit(), any::<i64>(), any::<Option<i64>>())
            .prop_map(|(visit, arrived_ms, left_ms)| Command::ReviseVisit { visit, arrived_ms, left_ms }),
        1 => (0..4u32, 0..3u32, trips(), 0..9u64).prop_map(|(o, v, trips, version)| Command::Offer(Offer {
            offer: format!("O{o}"), exception: "X".into(), trips, touched: vec![Touched { vehicle: format!("v{v}"), version }],
            price_fen: 1, lateness_s: 0, moved_stops: 1, dropped: vec![format!("T{o}")], patch: String::new() })),
        1 => (0..4u32).prop_map(|o| Command::AcceptOffer { offer: format!("O{o}"), by: "x".into() }),
        1 => Just(Command::Raise { exception: "X".into(), kind: ExceptionKind::Deviation, subject: "vehicle/v0".into(),
            in_charge: None, evidence: String::new(), price_fen: 1 }),
        2 => (order(), 0..3u32, 0..300i64).prop_map(|(order, s, keep_until_ms)| Command::Shelve {
            order, site: format!("s{s}"), shelf: "A".into(), code_hash: "h".into(), keep_until_ms }),
        1 => (0..3u32, 0..3i64).prop_map(|(s, pieces)| Command::SetRoom { site: format!("s{s}"), pieces }),
        1 => (order(), 0..3u32).prop_map(|(order, s)| Command::Divert { order, to: format!("s{s}"), cause: "full".into() }),
        1 => (order(), any::<i64>()).prop_map(|(order, promise_ms)| Command::Defer { order, promise_ms, cause: "x".into() }),
        1 => order().prop_map(|order| Command::Agree { order, agreed: Agreed::Proxy, how: "app".into() }),
        1 => (0..3u32, any::<bool>()).prop_map(|(v, broken)| Command::SetCondition { vehicle: format!("v{v}"),
            condition: if broken { Condition::Broken } else { Condition::Ready }, site: None, note: String::new() }),
        1 => (0..3u32, 0..3u32).prop_map(|(d, v)| Command::StartShift { driver: format!("d{d}"), vehicle: format!("v{v}") }),
        1 => (0..3u32).prop_map(|d| Command::EndShift { driver: format!("d{d}") }),
        2 => (0..9u32, any::<i64>(), holder(), holder()).prop_map(|(r, count, from, to)| Command::MoveReturnables {
            record: format!("R{r}"), item: Returnable::Bag, count: count % 5, from, to }),
        1 => (holder(), 0..5i64).prop_map(|(holder, counted)| Command::CountReturnables {
            holder, item: Returnable::Bag, counted, by: "x".into() }),
        1 => (any::<i64>(), any::<i64>(), any::<Option<i32>>()).prop_map(|(from_ms, to_ms, worst_dc)| Command::NoteCold {
            vehicle: "v0".into(), compartment: "chilled".into(), from_ms: from_ms / 4, to_ms: to_ms / 4, worst_dc, orders: vec![] }),
        1 => (order(), 0..3u32).prop_map(|(o, n)| Command::SendScan { scan: format!("{o}#{n}"), carrier: "yunda".into() }),
        1 => (order(), 0..3u32, any::<bool>(), any::<i64>()).prop_map(|(o, n, ok, retry_ms)| Command::ScanAnswered {
            scan: format!("{o}#{n}"), carrier: "yunda".into(),
            answer: if ok { Ok("r".into()) } else { Err("no".into()) }, retry_ms }),
    ]
}

fn command() -> impl Strategy<Value = Command> {
    prop_oneof![3 => goods(), 1 => other()]
}

fn goods() -> impl Strategy<Value = Command> {
    prop_oneof![
        4 => (order(), any::<bool>(), any::<bool>()).prop_map(|(id, up, cash)| {
            let mut o = PlaceOrder::parcel(&id, "yunda", "s0", "s2", 1_000_000);
            if up { o.direction = "up".into(); }
            o.cash = cash.then_some(CashDue { fen: 700, goods: true });
            Command::PlaceOrder(o)
        }),
        8 => (0..40u32, holder(), holder(), prop::collection::vec(counted(), 0..4), prop::collection::vec(order(), 0..3), any::<bool>())
            .prop_map(|(n, from, to, actual, expected, both)| Command::HandOver(HandOver {
                handover: format!("H{n}"), site: "s1".into(), from, to, visit: None, expected, actual, seals: vec![],
                confirmed_by: both.then(|| "both".into()),
            })),
        3 => (0..40u32).prop_map(|n| Command::Confirm { handover: format!("H{n}"), actual: None, by: "x".into() }),
        1 => (0..2u32, 0..3u32, prop::collection::vec(order(), 0..3)).prop_map(|(u, s, orders)| Command::Pack {
            unit: format!("B{u}"), site: format!("s{s}"), seal: "S".into(), orders }),
        1 => (0..2u32, 0..3u32).prop_map(|(u, s)| Command::Open { unit: format!("B{u}"), site: format!("s{s}") }),
        2 => (order(), holder()).prop_map(|(order, from)| Command::Deliver { order, site: "s2".into(), from,
            proof: ProofKind::Scan, code_hash: None, evidence: None, distance_m: None, at_ms: 900_000 }),
        1 => (order(), holder()).prop_map(|(order, holder)| Command::TakeCash { order, fen: 700, method: "cash".into(), holder }),
        1 => order().prop_map(|order| Command::Refuse { order, cause: "no".into() }),
        1 => order().prop_map(|order| Command::CancelOrder { order, cause: "no".into() }),
        1 => order().prop_map(|order| Command::TakeBack { order, at_ms: 5 }),
        1 => order().prop_map(|order| Command::Lose { order }),
        1 => holder().prop_map(|holder| Command::CloseCash { holder, counted_fen: 700, by: "x".into() }),
        1 => order().prop_map(|order| Command::Accept { order, real_name: true, inspected: true, screened: true, by: "x".into() }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn custody_is_single_and_replay_agrees(commands in prop::collection::vec(command(), 1..120)) {
        let mut state = State::new("410421");
        let mut log: Vec<Event> = Vec::new();
        let mut figures = DayFigures::default();
        for (n, command) in commands.iter().enumerate() {
            let before = state.clone();
            match decide(&state, command, n as i64) {
                Err(_) => prop_assert_eq!(&before, &state),
                Ok(events) => {
                    for event in events {
                        state.apply(&event);
                        figures.apply(&event);
                        log.push(event);
                    }
                }
            }
            let held: u64 = state.balance().values().sum();
            prop_assert_eq!(held, state.orders.len() as u64);
            let in_one_state: u64 = duties::balance(&state).values().sum();
            prop_assert_eq!(in_one_state, state.orders.len() as u64);
            let on_shelves: i64 = state.orders.values().filter(|o| o.shelf.is_some()).map(|o| o.pieces).sum();
            prop_assert_eq!(state.on_shelf.values().sum::<i64>(), on_shelves);
            for (id, order) in &state.orders {
                let owner = match &order.holder {
                    Holder::Recipient(x) | Holder::Returned(x) | Holder::Lost(x) | Holder::Sender(x) => Some(x),
                    _ => None,
                };
                prop_assert!(owner.is_none_or(|x| x == id), "{id} is with {}", order.holder);
                if let Some(unit) = &order.unit {
                    prop_assert!(state.units[unit].orders.contains(id));
                }
            }
        }
        let mut again = State::new("410421");
        let mut again_figures = DayFigures::default();
        for event in &log {
            let read = Event::read(event.kind(), 1, &event.body()).unwrap();
            again.apply(&read);
            again_figures.apply(&read);
        }
        prop_assert_eq!(&again, &state);
        prop_assert_eq!(&again_figures, &figures);
        // What the clock asks for is judged like anything else; afterwards everything not on a vehicle has its state.
        for command in duties::due(&state, 1_000).into_iter().chain(duties::close_day(&state, 9_000)) {
            if let Ok(events) = decide(&state, &command, 1_000) {
                for event in events {
                    state.apply(&event);
                    figures.apply(&event);
                }
            }
        }
        let taken: i64 = log.iter().map(|e| if let Event::CashTaken(c) = e { c.fen } else { 0 }).sum();
        let closed: i64 = log.iter().map(|e| if let Event::CashClosed(c) = e { c.expected_fen } else { 0 }).sum();
        prop_assert_eq!(taken - closed, state.cash.values().sum::<i64>(), "no fen appears or vanishes");
        let kinds = by_holder_kind(&state.balance());
        prop_assert_eq!(figures.delivered, kinds.get("recipient").copied().unwrap_or(0));
        prop_assert_eq!(figures.lost, kinds.get("lost").copied().unwrap_or(0));
        prop_assert_eq!(figures.returned, kinds.get("returned").copied().unwrap_or(0));
    }
}
