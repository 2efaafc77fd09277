//! A small real machine for the tests: accounts that receive and give, and refuse to go below zero.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use xiangyun_store::event::{Event, NewEvent};
use xiangyun_store::op::{Op, Value};
use xiangyun_store::outbox::NewItem;
use xiangyun_store::writer::{Decision, Machine};

/// Table of the read model.
pub(crate) const TABLES: &str = "CREATE TABLE IF NOT EXISTS balance (county TEXT NOT NULL, account TEXT NOT NULL, amount {big} NOT NULL, \
     moves {big} NOT NULL, PRIMARY KEY (county, account))";

pub(crate) struct Move {
    pub(crate) account: String,
    pub(crate) amount: i64,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct Moved {
    amount: i64,
}

#[derive(Default, Serialize, Deserialize)]
pub(crate) struct Ledger {
    pub(crate) balances: BTreeMap<String, i64>,
    events: i64,
}

impl Machine for Ledger {
    type Command = Move;
    type Reply = i64;
    type Refusal = String;
    type Env = ();
    type Said = Moved;
    const SNAPSHOT_SCHEMA: i32 = 1;

    fn fresh((): &()) -> Self {
        Self::default()
    }

    fn decide(&self, command: Move) -> Result<Decision<i64>, String> {
        let now = self.balances.get(&command.account).copied().unwrap_or(0);
        let then = now + command.amount;
        if then < 0 {
            return Err(format!("{} has {now} only", command.account));
        }
        let event = NewEvent::pack(
            format!("account/{}", command.account),
            "Moved",
            1,
            &Moved { amount: command.amount },
        )
        .map_err(|e| e.to_string())?;
        Ok(Decision { events: vec![event], ops: vec![], reply: then })
    }

    fn say(event: &Event) -> Moved {
        event.unpack().expect("our own event")
    }

    fn apply(&mut self, event: &Event, moved: &Moved) {
        let account = event.stream.trim_start_matches("account/").to_owned();
        *self.balances.entry(account).or_insert(0) += moved.amount;
        self.events += 1;
    }

    fn project(&self, event: &Event, moved: &Moved) -> Vec<Op> {
        let account = event.stream.trim_start_matches("account/").to_owned();
        vec![Op::new(
            "INSERT INTO balance (county, account, amount, moves) VALUES ($1, $2, $3, 1) \
             ON CONFLICT (county, account) DO UPDATE SET amount = balance.amount + excluded.amount, \
             moves = balance.moves + 1",
            vec![Value::Text(event.county.clone()), Value::Text(account), Value::Int(moved.amount)],
        )]
    }

    fn publish(&self, event: &Event, moved: &Moved) -> Vec<NewItem> {
        if moved.amount < 1_000 {
            return vec![];
        }
        vec![NewItem { target: "large".into(), body: event.body.clone(), not_before_ms: 0 }]
    }

    fn snapshot(&self) -> Vec<u8> {
        rmp_serde::to_vec(self).expect("plain data")
    }

    fn restore((): &(), bytes: &[u8]) -> Option<Self> {
        rmp_serde::from_slice(bytes).ok()
    }

    fn now_ms(&self) -> i64 {
        1_795_000_000_000 + self.events
    }
}
