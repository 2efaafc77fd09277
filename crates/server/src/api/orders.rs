//! Orders: one order is one waybill. Personal data goes into its own table, sealed; the event carries a number.

use super::county::text_of;
use super::{Page, instant, limit_of, maybe_instant};
use crate::app::App;
use crate::ask::{Ask, Context, Id, Query, reply, usable_id, versioned};
use crate::auth::{Action, Caller, Resource, authorize, sees};
use crate::machine::{Done, World, decide_all, read};
use crate::office::Role;
use crate::problem::{Fault, Problem, clip};
use crate::project::word;
use crate::worker::repair::unplanned;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use sqlx::Row;
use sqlx::any::AnyRow;
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};
use xiangyun_dispatch::command::{Command as DayCommand, PlaceOrder};
use xiangyun_dispatch::decide::decide;
use xiangyun_dispatch::duties::{Custody, custody};
use xiangyun_dispatch::event::{Agreed, CashDue};
use xiangyun_dispatch::holder::Holder;
use xiangyun_dispatch::state::OrderState;
use xiangyun_dispatch::status;
use xiangyun_store::error::StoreError;
use xiangyun_store::op::Op;
use xiangyun_store::personal::{self, Record};

/// Orders of one bulk request.
pub const BULK_MAX: usize = 20_000;

/// Whom an order is for, or from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Person {
    /// Name.
    #[schema(max_length = 60)]
    pub name: String,
    /// Phone.
    #[schema(max_length = 30)]
    pub phone: String,
    /// Address.
    #[serde(default)]
    #[schema(max_length = 200)]
    pub address: String,
}

/// Money to collect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CashBody {
    /// Fen.
    #[schema(minimum = 1, maximum = 100_000_000)]
    pub fen: i64,
    /// Whether it is the price of the goods (代收货款) or the freight (到付).
    pub goods: bool,
}

/// Where the recipient takes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AgreedWord {
    /// At the door.
    Door,
    /// At a point.
    Point,
    /// With a proxy.
    Proxy,
}

impl AgreedWord {
    pub(super) const fn inner(self) -> Agreed {
        match self {
            Self::Door => Agreed::Door,
            Self::Point => Agreed::Point,
            Self::Proxy => Agreed::Proxy,
        }
    }
}

/// Which way an order goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DirectionWord {
    /// From the hub to a station or village.
    Down,
    /// From a village or station to the hub and beyond.
    Up,
    /// Within the county.
    Transfer,
    /// Back.
    Return,
}

/// A new order.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OrderBody {
    /// Waybill number.
    #[schema(min_length = 1, max_length = 64)]
    pub id: String,
    /// Which way.
    pub direction: DirectionWord,
    /// Whose waybill, an id of carriers.csv.
    #[schema(max_length = 64)]
    pub carrier: String,
    /// Origin, an id of sites.csv.
    #[schema(max_length = 64)]
    pub origin: String,
    /// Destination, an id of sites.csv.
    #[schema(max_length = 64)]
    pub destination: String,
    /// Goods class, an id of goods.csv; `parcel` if absent.
    #[serde(default = "parcel")]
    #[schema(max_length = 64)]
    pub class: String,
    /// Pieces.
    #[serde(default = "one_piece")]
    #[schema(minimum = 1, maximum = 100_000)]
    pub pieces: i64,
    /// Grams.
    #[schema(minimum = 0, maximum = 100_000_000)]
    pub mass_g: i64,
    /// Cubic centimetres.
    #[schema(minimum = 0, maximum = 1_000_000_000)]
    pub volume_cm3: i64,
    /// Promised by, RFC 3339.
    #[schema(value_type = String, format = DateTime)]
    pub promise: jiff::Timestamp,
    /// Recipient or sender.
    pub person: Option<Person>,
    /// Money to collect.
    pub cash: Option<CashBody>,
    /// Where the recipient agreed to take it.
    pub agreed: Option<AgreedWord>,
    /// Days a point keeps it.
    #[serde(default = "three")]
    #[schema(minimum = 1, maximum = 30)]
    pub keep_days: u32,
}

fn parcel() -> String {
    "parcel".into()
}

const fn one_piece() -> i64 {
    1
}

const fn three() -> u32 {
    3
}

/// An order as it is.
#[derive(Debug, Serialize, ToSchema)]
pub struct OrderView {
    /// Waybill number.
    pub id: String,
    /// Which way: `down`, `up`, `transfer`, `return`.
    pub direction: String,
    /// Whose waybill.
    pub carrier: String,
    /// Origin.
    pub origin: String,
    /// Destination.
    pub destination: String,
    /// Goods class.
    pub class: String,
    /// Pieces.
    pub pieces: i64,
    /// Grams.
    pub mass_g: i64,
    /// Cubic centimetres.
    pub volume_cm3: i64,
    /// Promised by.
    #[schema(value_type = String, format = DateTime)]
    pub promise: jiff::Timestamp,
    /// One vocabulary over all carriers.
    pub status: String,
    /// Who has it: `carrier`, `sender`, `site`, `vehicle`, `recipient`, `returned`, `lost`.
    pub holder_kind: String,
    /// Which one.
    pub holder: String,
    /// Where it last changed hands.
    pub site: String,
    /// Fen still to collect.
    pub cash_fen: i64,
    /// When it was handed over for good.
    #[schema(value_type = Option<String>, format = DateTime)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub closed: Option<jiff::Timestamp>,
    /// Its version, the number of its ETag.
    pub version: i64,
    /// More of one order asked for by its id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<OrderDetail>,
}

/// What only one order asked for by its id shows.
#[derive(Debug, Serialize, ToSchema)]
pub struct OrderDetail {
    /// `delivered`, `returned`, `lost`, `held` or `open`.
    pub custody: String,
    /// Held until.
    #[schema(value_type = Option<String>, format = DateTime)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held_until: Option<jiff::Timestamp>,
    /// Real-name acceptance (实名收寄) done.
    pub real_name: bool,
    /// Opening check (验视) done.
    pub inspected: bool,
    /// Machine screening (安检) done.
    pub screened: bool,
    /// Where the recipient agreed to take it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agreed: Option<String>,
    /// Shelf at a point.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shelf: Option<String>,
    /// The unit it lies in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// Recipient or sender, for those who may see it; absent for others and once erased.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub person: Option<Person>,
}

fn view(world: &World, id: &str, o: &OrderState) -> OrderView {
    let (kind, holder) = o.holder.parts();
    OrderView {
        id: id.to_owned(),
        direction: o.direction.clone(),
        carrier: o.carrier.clone(),
        origin: o.origin.clone(),
        destination: o.destination.clone(),
        class: o.class.clone(),
        pieces: o.pieces,
        mass_g: o.g,
        volume_cm3: o.cm3,
        promise: instant(o.promise_ms),
        status: status::of(o).to_owned(),
        holder_kind: kind.to_owned(),
        holder: holder.to_owned(),
        site: o.site.clone(),
        cash_fen: o.cash.as_ref().map_or(0, |c| c.fen),
        closed: maybe_instant(o.closed_ms),
        version: world.version(&format!("order/{id}")),
        detail: None,
    }
}

fn from_row(r: &AnyRow) -> Result<OrderView, sqlx::Error> {
    Ok(OrderView {
        id: r.try_get("id")?,
        direction: r.try_get("direction")?,
        carrier: r.try_get("carrier")?,
        origin: r.try_get("origin")?,
        destination: r.try_get("destination")?,
        class: r.try_get("class")?,
        pieces: r.try_get("pieces")?,
        mass_g: r.try_get("mass_g")?,
        volume_cm3: r.try_get("volume_cm3")?,
        promise: instant(r.try_get("promise_ms")?),
        status: r.try_get("status")?,
        holder_kind: r.try_get("holder_kind")?,
        holder: r.try_get("holder")?,
        site: r.try_get("site")?,
        cash_fen: r.try_get("cash_fen")?,
        closed: maybe_instant(r.try_get("closed_ms")?),
        version: r.try_get("seq")?,
        detail: None,
    })
}

/// Which orders.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct OrderFilter {
    /// `next` of the page before.
    #[param(max_length = 400)]
    pub cursor: Option<String>,
    /// Items, 1 to 1000; 100 if absent.
    #[param(minimum = 1, maximum = 1000)]
    pub limit: Option<i64>,
    /// Only of this status.
    pub status: Option<String>,
    /// Only of this carrier.
    pub carrier: Option<String>,
    /// Only with this holder, `site:ID` or `vehicle:ID` and so on.
    pub holder: Option<String>,
    /// Only bound for this site.
    pub destination: Option<String>,
}

/// Orders by waybill number, each role its own.
#[utoipa::path(get, path = "/api/v1/orders", tag = "orders", params(OrderFilter), responses((status = 200, body = Page<OrderView>)))]
pub(super) async fn list(
    State(app): State<Arc<App>>,
    Query(filter): Query<OrderFilter>,
    context: Context,
) -> Result<Response, Problem> {
    let limit = limit_of(filter.limit)?;
    let standing = context.caller.standing.clone();
    let own_carrier = match standing.role {
        Role::Carrier => standing.carrier.clone().unwrap_or_default(),
        _ => String::new(),
    };
    let (holder_kind, holder) = filter.holder.as_deref().and_then(|h| h.split_once(':')).unwrap_or(("", ""));
    let central = matches!(
        standing.role,
        Role::Admin | Role::Planner | Role::Dispatcher | Role::Auditor | Role::Regulator | Role::Carrier
    );
    let mut after = filter.cursor.clone().unwrap_or_default();
    let mut items: Vec<OrderView> = Vec::new();
    // Roles that see a part by the state of things read on until their page is full.
    for _ in 0..50 {
        let rows = sqlx::query(
            "SELECT id, direction, carrier, origin, destination, class, pieces, mass_g, volume_cm3, promise_ms, status, \
             holder_kind, holder, site, cash_fen, closed_ms, seq FROM orders \
             WHERE county = $1 AND id > $2 AND ($3 = '' OR status = $3) AND ($4 = '' OR carrier = $4) \
             AND ($5 = '' OR (holder_kind = $5 AND holder = $6)) AND ($7 = '' OR destination = $7) \
             AND ($8 = '' OR carrier = $8) ORDER BY id LIMIT $9",
        )
        .bind(app.code.clone())
        .bind(after.clone())
        .bind(filter.status.clone().unwrap_or_default())
        .bind(filter.carrier.clone().unwrap_or_default())
        .bind(holder_kind.to_owned())
        .bind(holder.to_owned())
        .bind(filter.destination.clone().unwrap_or_default())
        .bind(own_carrier.clone())
        .bind(if central { limit + 1 } else { 2_000 })
        .fetch_all(app.store.readers())
        .await?;
        let whole = rows.len() < 2_000;
        let world = read(&app.world);
        for row in &rows {
            let item = from_row(row)?;
            after.clone_from(&item.id);
            let seen = central
                || world.day.orders.get(&item.id).is_some_and(|o| sees(&world, &standing, &item.id, o));
            if seen {
                items.push(item);
            }
        }
        drop(world);
        if central || whole || items.len() as i64 > limit {
            break;
        }
    }
    Ok(reply(StatusCode::OK, &Page::cut(items, limit, |i| i.id.clone())))
}

/// Checks an order against the county's tables; faults go to the list.
fn judge(app: &App, o: &OrderBody, at: &str, faults: &mut Vec<Fault>) {
    let mut fault = |field: &str, found: &str, cure: &str| {
        if faults.len() < 1_000 {
            faults.push(Fault {
                pointer: format!("{at}/{field}"),
                code: "H616".into(),
                detail: format!("\"{}\" is not allowed", clip(found)),
                cure: cure.into(),
            });
        }
    };
    if !usable_id(&o.id) || o.id.len() > 64 || o.id.contains('/') {
        fault("id", &o.id, "1 to 64 bytes without control characters and slashes");
    }
    if !app.county.carriers.iter().any(|c| c.id.as_str() == o.carrier) {
        fault("carrier", &o.carrier, "an id of carriers.csv");
    }
    for (field, site) in [("origin", &o.origin), ("destination", &o.destination)] {
        if app.site(site).is_none() {
            fault(field, site, "an id of sites.csv");
        }
    }
    if o.origin == o.destination {
        fault("destination", &o.destination, "another place than the origin");
    }
    if !app.county.classes.iter().any(|c| c.id.as_str() == o.class) {
        fault("class", &o.class, "an id of goods.csv");
    }
    if !(1..=100_000).contains(&o.pieces) {
        fault("pieces", &o.pieces.to_string(), "1 to 100,000");
    }
    if !(0..=100_000_000).contains(&o.mass_g) {
        fault("mass_g", &o.mass_g.to_string(), "0 to 100 t in grams");
    }
    if !(0..=1_000_000_000).contains(&o.volume_cm3) {
        fault("volume_cm3", &o.volume_cm3.to_string(), "0 to 1,000 m³ in cm³");
    }
    if o.cash.as_ref().is_some_and(|c| !(1..=100_000_000).contains(&c.fen)) {
        fault("cash/fen", "", "1 to 100,000,000 fen, or no cash at all");
    }
    if !(1..=30).contains(&o.keep_days) {
        fault("keep_days", &o.keep_days.to_string(), "1 to 30");
    }
    if let Some(person) = &o.person {
        for (field, text, most) in
            [("name", &person.name, 60), ("phone", &person.phone, 30), ("address", &person.address, 200)]
        {
            if text_of("", text, most).is_err() {
                fault(&format!("person/{field}"), "", "a shorter text without control characters");
            }
        }
    }
}

/// The command of an order and the rows of its person.
fn prepare(app: &App, o: OrderBody) -> Result<(PlaceOrder, Vec<Op>), Problem> {
    let mut ops = Vec::new();
    let mut number = None;
    if let Some(person) = &o.person {
        let record = Record {
            person: personal::new_number(),
            owner: o.carrier.clone(),
            expires_ms: app.clock.now_ms() + app.config.auth.personal_days * 86_400_000,
            content: serde_json::to_vec(person).map_err(|e| Problem::internal(&e))?,
        };
        ops = personal::sealed(&app.master, &app.code, &record)?;
        number = Some(record.person);
    }
    let place = PlaceOrder {
        order: o.id,
        direction: word(&o.direction),
        carrier: o.carrier,
        origin: o.origin,
        destination: o.destination,
        class: o.class,
        pieces: o.pieces,
        g: o.mass_g,
        cm3: o.volume_cm3,
        promise_ms: o.promise.as_millisecond(),
        person: number,
        cash: o.cash.map(|c| CashDue { fen: c.fen, goods: c.goods }),
        agreed: o.agreed.map(AgreedWord::inner),
        keep_days: o.keep_days,
    };
    Ok((place, ops))
}

fn may_place(world: &World, caller: &Caller, o: &PlaceOrder) -> Result<(), Problem> {
    authorize(world, caller, Action::PlaceOrders, Resource::Carrier(&o.carrier))?;
    if matches!(caller.role(), Role::Station | Role::Keeper | Role::Producer) {
        authorize(world, caller, Action::PlaceOrders, Resource::Site(&o.origin))?;
        if caller.role() == Role::Producer && o.direction == "down" {
            return Err(Problem::forbidden("a producer sends; it places no orders towards villages"));
        }
    }
    Ok(())
}

/// What was placed.
#[derive(Debug, Serialize, ToSchema)]
pub struct Placed {
    /// Orders placed.
    pub placed: u64,
    /// Their ids when it was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
}

/// Places an order.
#[utoipa::path(post, path = "/api/v1/orders", tag = "orders", request_body = OrderBody, responses((status = 201, body = Placed)))]
pub(super) async fn place(State(app): State<Arc<App>>, ask: Ask<OrderBody>) -> Result<Response, Problem> {
    let mut faults = Vec::new();
    judge(&app, &ask.value, "", &mut faults);
    if !faults.is_empty() {
        return Err(Problem::many(faults));
    }
    let (order, ops) = prepare(&app, ask.value)?;
    let caller = ask.context.caller.clone();
    let resource = format!("order/{}", order.order);
    let raise = unplanned_now(&app, std::slice::from_ref(&order));
    app.act(&ask.context, "place order", &resource, move |world, now| {
        may_place(world, &caller, &order)?;
        let body = serde_json::json!({ "placed": 1, "id": order.order });
        let events = decide(&world.day, &DayCommand::PlaceOrder(order), now)?;
        let raised = decide_all(world, &raise, now)?.happenings;
        Ok(Done::new(StatusCode::CREATED, body).with(events).with(raised).rows(ops))
    })
    .await
}

/// Exceptions for orders of today that come when the day's plan is out already; each gets a place offered.
fn unplanned_now(app: &App, orders: &[PlaceOrder]) -> Vec<DayCommand> {
    app.day_plan().map_or_else(Vec::new, |plan| {
        unplanned(&plan, orders.iter().map(|o| (o.order.as_str(), o.class.as_str(), o.promise_ms)))
    })
}

/// Many orders, all or none.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BulkBody {
    /// 1 to 20,000.
    #[schema(min_items = 1, max_items = 20000)]
    pub orders: Vec<OrderBody>,
}

/// Places many orders: all of them or none, with every fault named.
#[utoipa::path(post, path = "/api/v1/orders/bulk", tag = "orders", request_body = BulkBody, responses((status = 201, body = Placed)))]
pub(super) async fn bulk(State(app): State<Arc<App>>, ask: Ask<BulkBody>) -> Result<Response, Problem> {
    place_many(&app, &ask.context, ask.value.orders, "/orders", None).await
}

/// Places orders, all or none; `answer` is said in place of their number.
///
/// # Errors
/// Every fault of every order, with its pointer.
pub(super) async fn place_many(
    app: &Arc<App>,
    context: &Context,
    orders: Vec<OrderBody>,
    at: &str,
    answer: Option<serde_json::Value>,
) -> Result<Response, Problem> {
    if !(1..=BULK_MAX).contains(&orders.len()) {
        return Err(Problem::value(at, &orders.len().to_string(), "1 to 20,000 orders"));
    }
    let mut faults = Vec::new();
    let mut ids = HashSet::new();
    for (i, order) in orders.iter().enumerate() {
        judge(app, order, &format!("{at}/{i}"), &mut faults);
        if !ids.insert(order.id.as_str()) {
            faults.push(Fault {
                pointer: format!("{at}/{i}/id"),
                code: "D201".into(),
                detail: format!("\"{}\" is in this request twice", clip(&order.id)),
                cure: "each waybill once".into(),
            });
        }
    }
    if !faults.is_empty() {
        return Err(Problem::many(faults));
    }
    let mut commands = Vec::with_capacity(orders.len());
    let mut ops = Vec::new();
    for order in orders {
        let (place, rows) = prepare(app, order)?;
        commands.push(place);
        ops.extend(rows);
    }
    let caller = context.caller.clone();
    let at = at.to_owned();
    let raise = unplanned_now(app, &commands);
    app.act(context, "place orders", "orders", move |world, now| {
        let mut faults = Vec::new();
        let mut events = Vec::with_capacity(commands.len());
        let count = commands.len();
        for (i, order) in commands.into_iter().enumerate() {
            may_place(world, &caller, &order)?;
            match decide(&world.day, &DayCommand::PlaceOrder(order), now) {
                Ok(list) => events.extend(list),
                Err(refusal) => {
                    let problem = Problem::from(refusal);
                    let pointer = problem.errors.first().map_or("", |f| f.pointer.as_str()).to_owned();
                    faults.push(Fault {
                        pointer: format!("{at}/{i}{}", pointer.replace("/order", "/id")),
                        code: problem.code,
                        detail: problem.detail,
                        cure: problem.errors.first().map_or_else(String::new, |f| f.cure.clone()),
                    });
                    if faults.len() >= 1_000 {
                        break;
                    }
                }
            }
        }
        if !faults.is_empty() {
            return Err(Problem::many(faults));
        }
        let raised = decide_all(world, &raise, now)?.happenings;
        let body = answer.unwrap_or_else(|| serde_json::json!({ "placed": count }));
        Ok(Done::new(StatusCode::CREATED, body).with(events).with(raised).rows(ops))
    })
    .await
}

/// One order, with its person for those who may see it.
#[utoipa::path(get, path = "/api/v1/orders/{id}", tag = "orders", params(("id" = String, Path, description = "Waybill")), responses((status = 200, body = OrderView)))]
pub(super) async fn one(
    State(app): State<Arc<App>>,
    Id(id): Id,
    context: Context,
) -> Result<Response, Problem> {
    let caller = &context.caller;
    let (mut found, person, version) = {
        let world = read(&app.world);
        let order = world.day.orders.get(&id).ok_or_else(|| Problem::not_found("order", &id))?;
        authorize(&world, caller, Action::ReadOrders, Resource::Order { id: &id, order })?;
        let mut found = view(&world, &id, order);
        let custody = custody(order);
        let held_until = match &custody {
            Custody::Held { until_ms, .. } => Some(instant(*until_ms)),
            _ => None,
        };
        found.detail = Some(OrderDetail {
            custody: custody_word(&custody).to_owned(),
            held_until,
            real_name: order.acceptance.real_name,
            inspected: order.acceptance.inspected,
            screened: order.acceptance.screened,
            agreed: order.agreed.as_ref().map(word),
            shelf: order.shelf.as_ref().map(|s| s.shelf.clone()),
            unit: order.unit.clone(),
            person: None,
        });
        let person = order
            .person
            .filter(|_| authorize(&world, caller, Action::ReadOrders, Resource::Person(order)).is_ok());
        let version = found.version;
        (found, person, version)
    };
    if let Some(person) = person
        && let Some(detail) = &mut found.detail
    {
        detail.person = open_person(&app, person).await?;
    }
    Ok(versioned(&found, version))
}

/// The word of a custody state.
pub(crate) const fn custody_word(custody: &Custody) -> &'static str {
    match custody {
        Custody::Delivered => "delivered",
        Custody::Returned => "returned",
        Custody::Lost => "lost",
        Custody::Held { .. } => "held",
        Custody::Open { .. } => "open",
    }
}

/// Opens a person; none once erased.
///
/// # Errors
/// The store's faults.
pub(crate) async fn open_person(app: &App, person: i64) -> Result<Option<Person>, Problem> {
    match app.vault.lock().await.get(&app.code, person).await {
        Ok(record) => Ok(serde_json::from_slice(&record.content).ok()),
        Err(StoreError::NoPerson { .. }) => Ok(None),
        Err(err) => Err(err.into()),
    }
}

/// How many orders each kind of holder has.
pub(crate) fn by_holder(world: &World) -> BTreeMap<&'static str, u64> {
    let balance: BTreeMap<Holder, u64> = world.day.balance();
    xiangyun_dispatch::kpi::by_holder_kind(&balance)
}
