//! Random commands, sensible and senseless: nothing panics, every order has one holder, replay gives the same state.

use proptest::prelude::*;
use xiangyun_dispatch::command::{Command, HandOver, PlaceOrder};
use xiangyun_dispatch::decide::decide;
use xiangyun_dispatch::event::{CashDue, Counted, Event, Found, ProofKind};
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

fn command() -> impl Strategy<Value = Command> {
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
        let kinds = by_holder_kind(&state.balance());
        prop_assert_eq!(figures.delivered, kinds.get("recipient").copied().unwrap_or(0));
        prop_assert_eq!(figures.lost, kinds.get("lost").copied().unwrap_or(0));
        prop_assert_eq!(figures.returned, kinds.get("returned").copied().unwrap_or(0));
    }
}
