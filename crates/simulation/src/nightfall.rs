//! The end of a day, and what of it is still so on the next one.

use crate::desk::Desk;
use crate::truth::Where;
use crate::vehicle::Doing;
use crate::world::{END_S, World};
use xiangyun_dispatch::command::Command;
use xiangyun_dispatch::event::Condition;

impl World<'_> {
    /// The day's end: what is still aboard goes to the base, stops that nobody made are closed, broken vehicles are
    /// mended, tills are counted, and what has found no end today is promised for `promise_ms`.
    pub fn close(&mut self, desk: &mut dyn Desk, promise_ms: i64) {
        let now_ms = self.setting.midnight_ms + END_S * 1_000;
        let ids: Vec<String> = self.vehicles.keys().cloned().collect();
        for id in &ids {
            self.bring_home(desk, id, now_ms);
            self.close_stops(desk, id, now_ms);
            if matches!(self.vehicles[id].doing, Doing::Broken) {
                let mended = Command::SetCondition {
                    vehicle: id.clone(),
                    condition: Condition::Ready,
                    site: None,
                    note: "已修复 mended".into(),
                };
                let _ = self.ask(desk, &mended, now_ms);
            }
        }
        for (holder, fen) in self.people.tills() {
            let command = Command::CloseCash { holder, counted_fen: fen, by: "cashier".into() };
            let _ = self.ask(desk, &command, now_ms);
        }
        let open: Vec<String> = self
            .truth
            .parcels
            .iter()
            .filter(|(_, p)| !matches!(p.at, Where::Recipient))
            .map(|(id, _)| id.clone())
            .collect();
        for order in open {
            if self.people.is_settled(&order) {
                continue;
            }
            let defer = Command::Defer { order, promise_ms, cause: "day close".into() };
            let _ = self.ask(desk, &defer, now_ms);
        }
    }

    /// Stops that the vehicle did not make today are nobody's any more.
    fn close_stops(&mut self, desk: &mut dyn Desk, id: &str, now_ms: i64) {
        let end_ms = self.setting.midnight_ms + 86_400_000;
        for trip in desk.trips(id) {
            for visit in &trip.visits {
                if visit.arrive_ms >= end_ms || self.vehicles[id].made.contains(&visit.visit) {
                    continue;
                }
                let cause = "day close".to_owned();
                let fail = Command::Fail { visit: visit.visit.clone(), cause, skipped: true };
                let _ = self.ask(desk, &fail, now_ms);
                if let Some(vehicle) = self.vehicles.get_mut(id) {
                    vehicle.made.insert(visit.visit.clone());
                }
            }
        }
    }

    /// The day after another: parcels lie where they lay, people who waited still wait, what was driven is not driven
    /// again, numbers go on.
    pub fn follow(&mut self, yesterday: World<'_>) {
        for (id, parcel) in yesterday.truth.parcels {
            self.truth.add(&id, parcel);
        }
        self.people.remember(yesterday.people);
        for (id, old) in yesterday.vehicles {
            if let Some(vehicle) = self.vehicles.get_mut(&id) {
                vehicle.made = old.made;
            }
        }
        self.handovers = yesterday.handovers;
    }
}
