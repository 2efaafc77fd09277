//! What happens in the daemon besides the day itself: people, keys, webhooks, plans, messages, notices, audit. Facts go
//! into the same hash chain as the day's events; secrets never do.

use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use utoipa::ToSchema;

/// Layout version of facts.
pub const SCHEMA: i32 = 1;

/// What somebody may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Runs the system; sees no customer's data.
    Admin,
    /// Makes and publishes plans.
    Planner,
    /// Runs the day.
    Dispatcher,
    /// A township station.
    Station,
    /// A village point keeper (村级站点员).
    Keeper,
    /// Drives.
    Driver,
    /// A carrier of the alliance; sees its own orders.
    Carrier,
    /// Runs the trunk between hub and stations.
    Trunk,
    /// A producer or cooperative (合作社/农户) that sends.
    Producer,
    /// Reads everything but customers' data.
    Auditor,
    /// The supervising office: figures and the state of things.
    Regulator,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Admin,
        Self::Planner,
        Self::Dispatcher,
        Self::Station,
        Self::Keeper,
        Self::Driver,
        Self::Carrier,
        Self::Trunk,
        Self::Producer,
        Self::Auditor,
        Self::Regulator,
    ];

    /// The word of the API.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Planner => "planner",
            Self::Dispatcher => "dispatcher",
            Self::Station => "station",
            Self::Keeper => "keeper",
            Self::Driver => "driver",
            Self::Carrier => "carrier",
            Self::Trunk => "trunk",
            Self::Producer => "producer",
            Self::Auditor => "auditor",
            Self::Regulator => "regulator",
        }
    }

    /// Reads the word of the API.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|r| r.word() == word)
    }
}

/// Whom somebody stands for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Standing {
    /// What they may do.
    pub role: Role,
    /// Carrier of a `carrier`, or of a driver or keeper who works for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub carrier: Option<String>,
    /// Site of a `station`, `keeper` or `producer`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site: Option<String>,
    /// Vehicle of a `driver`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vehicle: Option<String>,
}

/// A fact of the office.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)] // each field says what it is by its name; units are in the names
pub enum Fact {
    /// Somebody did something: stands before the events that it led to, in the same transaction.
    Audited {
        who: String,
        role: String,
        action: String,
        resource: String,
        from: String,
        request: String,
        wall_ms: i64,
    },
    /// A person who may sign in was added or changed.
    UserSaved { user: String, name: String, standing: Standing, active: bool },
    /// A key for programs was made.
    KeyMade { key: String, label: String, standing: Standing, read_only: bool, expires_ms: i64 },
    /// A key was withdrawn.
    KeyRevoked { key: String },
    /// A webhook was set.
    WebhookSaved { webhook: String, url: String, kinds: Vec<String>, carrier: Option<String>, active: bool },
    /// A plan directory was taken in.
    PlanTaken {
        plan: String,
        date: String,
        base: Option<String>,
        origin: String,
        orders: u64,
        served: u64,
        cost_fen: i64,
        summary: String,
    },
    /// A plan became the day's plan.
    PlanPublished { plan: String },
    /// Something with the nightly plan is wrong.
    AlarmRaised { alarm: String, text_zh: String, text_en: String },
    /// A message to a vehicle.
    MessageSent { message: String, vehicle: String, text: String, urgent: bool, by: String },
    /// What became of it: `sent`, `answered`, `refused`, `unanswered`, `expired`, `no_terminal`.
    MessageState { message: String, state: String },
    /// A message from a vehicle.
    MessageReceived { message: String, vehicle: String, kind: String, text: String },
    /// A recipient or keeper is to be told something.
    NoticeMade {
        notice: String,
        order: String,
        person: i64,
        template: String,
        values: BTreeMap<String, String>,
        not_before_ms: i64,
    },
    /// What became of it.
    NoticeState { notice: String, state: String },
    /// A contact, by the hash of its number, wants (or again wants) no notices.
    OptedOut { contact: String, out: bool },
    /// A tracking link was made.
    TokenMade { token: String, order: String, expires_ms: i64 },
    /// A photo or signature was kept, by its hash.
    EvidenceKept { hash: String, bytes: u64, order: String },
}

impl Fact {
    /// Its stable name.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Audited { .. } => "Audited",
            Self::UserSaved { .. } => "UserSaved",
            Self::KeyMade { .. } => "KeyMade",
            Self::KeyRevoked { .. } => "KeyRevoked",
            Self::WebhookSaved { .. } => "WebhookSaved",
            Self::PlanTaken { .. } => "PlanTaken",
            Self::PlanPublished { .. } => "PlanPublished",
            Self::AlarmRaised { .. } => "AlarmRaised",
            Self::MessageSent { .. } => "MessageSent",
            Self::MessageState { .. } => "MessageState",
            Self::MessageReceived { .. } => "MessageReceived",
            Self::NoticeMade { .. } => "NoticeMade",
            Self::NoticeState { .. } => "NoticeState",
            Self::OptedOut { .. } => "OptedOut",
            Self::TokenMade { .. } => "TokenMade",
            Self::EvidenceKept { .. } => "EvidenceKept",
        }
    }

    /// What it belongs to.
    #[must_use]
    pub fn stream(&self) -> String {
        match self {
            Self::Audited { .. } => "audit".into(),
            Self::UserSaved { user, .. } => format!("user/{user}"),
            Self::KeyMade { key, .. } | Self::KeyRevoked { key } => format!("key/{key}"),
            Self::WebhookSaved { webhook, .. } => format!("webhook/{webhook}"),
            Self::PlanTaken { plan, .. } | Self::PlanPublished { plan } => format!("plan/{plan}"),
            Self::AlarmRaised { .. } => "alarm".into(),
            Self::MessageSent { message, .. }
            | Self::MessageState { message, .. }
            | Self::MessageReceived { message, .. } => format!("message/{message}"),
            Self::NoticeMade { notice, .. } | Self::NoticeState { notice, .. } => format!("notice/{notice}"),
            Self::OptedOut { .. } => "optout".into(),
            Self::TokenMade { order, .. } | Self::EvidenceKept { order, .. } => format!("order/{order}"),
        }
    }
}

/// A person who may sign in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// Name to show.
    pub name: String,
    /// Whom they stand for.
    pub standing: Standing,
    /// Whether they may sign in.
    pub active: bool,
}

/// A key for a program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiKey {
    /// What it is for.
    pub label: String,
    /// Whom it stands for.
    pub standing: Standing,
    /// Whether it may only read.
    pub read_only: bool,
    /// When it ends, wall clock.
    pub expires_ms: i64,
    /// Whether it was withdrawn.
    pub revoked: bool,
}

/// Where events are posted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Webhook {
    /// Where.
    pub url: String,
    /// Kinds of events; empty: all.
    pub kinds: Vec<String>,
    /// Only this carrier's orders.
    pub carrier: Option<String>,
    /// Whether it is on.
    pub active: bool,
}

/// A plan that was taken in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanRecord {
    /// Its day.
    pub date: String,
    /// The plan it was made from.
    pub base: Option<String>,
    /// `directory`, `run`, `night`, `edit`, `fork`.
    pub origin: String,
    /// Orders in all.
    pub orders: u64,
    /// Orders served.
    pub served: u64,
    /// Objective.
    pub cost_fen: i64,
    /// What is different from its base.
    pub summary: String,
    /// Whether it is or was the day's plan.
    pub published: bool,
}

/// A tracking link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    /// The order it shows.
    pub order: String,
    /// When it ends, business clock.
    pub expires_ms: i64,
}

/// The office now: a fold over facts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Office {
    /// People by name.
    pub users: BTreeMap<String, User>,
    /// Keys by id.
    pub keys: BTreeMap<String, ApiKey>,
    /// Webhooks by id.
    pub webhooks: BTreeMap<String, Webhook>,
    /// Plans by id.
    pub plans: BTreeMap<String, PlanRecord>,
    /// The day's plan.
    pub published: Option<String>,
    /// Messages under way: vehicle by message.
    pub messages: BTreeMap<String, String>,
    /// Contacts that want no notices, by hash.
    pub opted_out: BTreeSet<String>,
    /// Links by hash of the token.
    pub tokens: BTreeMap<String, Token>,
}

impl Office {
    /// Folds one fact in.
    pub fn apply(&mut self, fact: &Fact) {
        match fact {
            Fact::UserSaved { user, name, standing, active } => {
                let saved = User { name: name.clone(), standing: standing.clone(), active: *active };
                self.users.insert(user.clone(), saved);
            }
            Fact::KeyMade { key, label, standing, read_only, expires_ms } => {
                let made = ApiKey {
                    label: label.clone(),
                    standing: standing.clone(),
                    read_only: *read_only,
                    expires_ms: *expires_ms,
                    revoked: false,
                };
                self.keys.insert(key.clone(), made);
            }
            Fact::KeyRevoked { key } => {
                if let Some(key) = self.keys.get_mut(key) {
                    key.revoked = true;
                }
            }
            Fact::WebhookSaved { webhook, url, kinds, carrier, active } => {
                let saved = Webhook {
                    url: url.clone(),
                    kinds: kinds.clone(),
                    carrier: carrier.clone(),
                    active: *active,
                };
                self.webhooks.insert(webhook.clone(), saved);
            }
            Fact::PlanTaken { plan, date, base, origin, orders, served, cost_fen, summary } => {
                let taken = PlanRecord {
                    date: date.clone(),
                    base: base.clone(),
                    origin: origin.clone(),
                    orders: *orders,
                    served: *served,
                    cost_fen: *cost_fen,
                    summary: summary.clone(),
                    published: false,
                };
                self.plans.insert(plan.clone(), taken);
            }
            Fact::PlanPublished { plan } => {
                self.published = Some(plan.clone());
                if let Some(plan) = self.plans.get_mut(plan) {
                    plan.published = true;
                }
            }
            Fact::MessageSent { message, vehicle, .. } => {
                self.messages.insert(message.clone(), vehicle.clone());
            }
            Fact::MessageState { message, state } if state != "sent" => {
                self.messages.remove(message);
            }
            Fact::OptedOut { contact, out } => {
                if *out {
                    self.opted_out.insert(contact.clone());
                } else {
                    self.opted_out.remove(contact);
                }
            }
            Fact::TokenMade { token, order, expires_ms } => {
                let made = Token { order: order.clone(), expires_ms: *expires_ms };
                self.tokens.insert(token.clone(), made);
            }
            Fact::Audited { .. }
            | Fact::AlarmRaised { .. }
            | Fact::MessageState { .. }
            | Fact::MessageReceived { .. }
            | Fact::NoticeMade { .. }
            | Fact::NoticeState { .. }
            | Fact::EvidenceKept { .. } => {}
        }
    }

    /// Whether anybody can administer.
    #[must_use]
    pub fn has_admin(&self) -> bool {
        self.users.values().any(|u| u.active && u.standing.role == Role::Admin)
    }
}
