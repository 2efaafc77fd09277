//! Hands: hand-over records, units, returnables, shifts.

use super::county::{Did, decided, text_of};
use super::listing::Cut;
use super::{Page, Paging, instant};
use crate::app::App;
use crate::ask::{Ask, Context, Id, Query, reply, usable_id};
use crate::auth::secret::random_id;
use crate::auth::{Action, Caller, Resource, authorize};
use crate::machine::World;
use crate::office::Role;
use crate::problem::Problem;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use sqlx::Row;
use sqlx::any::AnyRow;
use std::sync::Arc;
use utoipa::ToSchema;
use xiangyun_dispatch::command::{Command as DayCommand, HandOver};
use xiangyun_dispatch::event::{Counted, Found, Returnable};
use xiangyun_dispatch::holder::Holder;

/// Somebody who gives or takes.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct HolderBody {
    /// `carrier`, `sender`, `site` or `vehicle`.
    pub kind: HolderKind,
    /// Which one.
    #[schema(min_length = 1, max_length = 64)]
    pub id: String,
}

/// Kinds of holders that hand over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum HolderKind {
    /// A carrier outside the county's custody.
    Carrier,
    /// A sender.
    Sender,
    /// A site.
    Site,
    /// A vehicle and its crew.
    Vehicle,
}

/// A holder that exists.
///
/// # Errors
/// `H616` with the field.
pub(super) fn sides(app: &App, body: &HolderBody, at: &str) -> Result<Holder, Problem> {
    let id = body.id.clone();
    let known = match body.kind {
        HolderKind::Carrier => app.county.carriers.iter().any(|c| c.id.as_str() == id),
        HolderKind::Site => app.site(&id).is_some(),
        HolderKind::Vehicle => {
            app.county.vehicles.iter().any(|v| v.id.as_str() == id) || read_vehicle(app, &id)
        }
        HolderKind::Sender => usable_id(&id),
    };
    if !known {
        return Err(Problem::value(format!("{at}/id"), &id, "an id of the county's tables"));
    }
    Ok(match body.kind {
        HolderKind::Carrier => Holder::Carrier(id),
        HolderKind::Sender => Holder::Sender(id),
        HolderKind::Site => Holder::Site(id),
        HolderKind::Vehicle => Holder::Vehicle(id),
    })
}

/// A departure of a line counts as a vehicle.
fn read_vehicle(app: &App, id: &str) -> bool {
    app.county.line_trips.iter().any(|l| l.id.as_str() == id)
}

/// An item as counted.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CountedBody {
    /// Waybill or unit.
    #[schema(min_length = 1, max_length = 64)]
    pub item: String,
    /// How it was found.
    #[serde(default)]
    pub found: FoundWord,
}

/// How an item was found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FoundWord {
    /// As it should be.
    #[default]
    Good,
    /// Damaged (破损).
    Damaged,
    /// Belongs elsewhere (错分).
    MisSorted,
}

impl CountedBody {
    pub(super) fn inner(&self) -> Counted {
        let found = match self.found {
            FoundWord::Good => Found::Good,
            FoundWord::Damaged => Found::Damaged,
            FoundWord::MisSorted => Found::MisSorted,
        };
        Counted { item: self.item.clone(), found }
    }
}

/// Whether a list of items can be taken.
///
/// # Errors
/// `H616` with the item.
pub(super) fn judge_items(items: &[CountedBody], at: &str) -> Result<(), Problem> {
    if items.len() > super::stops::ITEMS_MAX {
        return Err(Problem::value(at, &items.len().to_string(), "at most 20,000 items"));
    }
    match items.iter().position(|i| !usable_id(&i.item) || i.item.len() > 64) {
        None => Ok(()),
        Some(n) => Err(Problem::value(format!("{at}/{n}/item"), &items[n].item, "a waybill or a unit")),
    }
}

/// A record of a change of hands (交接单).
#[derive(Debug, Serialize, ToSchema)]
pub struct HandoverView {
    /// Number of the record.
    pub id: String,
    /// Where.
    pub site: String,
    /// Giver.
    pub giver: String,
    /// Receiver.
    pub receiver: String,
    /// The stop.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub visit: Option<String>,
    /// Orders expected, in number.
    pub expected: i64,
    /// Orders that changed hands.
    pub moved: i64,
    /// Missing (少件).
    pub missing: i64,
    /// Extra (多件).
    pub extra: i64,
    /// Whether the receiver confirmed.
    pub confirmed: bool,
    /// Who confirmed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confirmed_by: Option<String>,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: jiff::Timestamp,
}

/// Records by number; a place, vehicle or carrier sees those it gave or took.
#[utoipa::path(get, path = "/api/v1/handovers", tag = "custody", params(Paging), responses((status = 200, body = Page<HandoverView>)))]
pub(super) async fn list(
    State(app): State<Arc<App>>,
    Query(paging): Query<Paging>,
    context: Context,
) -> Result<Response, Problem> {
    const SQL: &str = "SELECT id, site, giver, receiver, visit, expected, moved, missing, extra, confirmed, \
        confirmed_by, at_ms FROM handovers \
        WHERE county = $1 AND id > $2 AND ($4 = '' OR giver = $4 OR receiver = $4) ORDER BY id LIMIT $3";
    let own = context.caller.holder().map(|h| h.to_string()).unwrap_or_default();
    let view = |r: &AnyRow| {
        Ok(HandoverView {
            id: r.try_get("id")?,
            site: r.try_get("site")?,
            giver: r.try_get("giver")?,
            receiver: r.try_get("receiver")?,
            visit: r.try_get("visit")?,
            expected: r.try_get("expected")?,
            moved: r.try_get("moved")?,
            missing: r.try_get("missing")?,
            extra: r.try_get("extra")?,
            confirmed: r.try_get::<i64, _>("confirmed")? != 0,
            confirmed_by: r.try_get("confirmed_by")?,
            at: instant(r.try_get("at_ms")?),
        })
    };
    let page = Cut::by_id(&paging)?.page(&app, SQL, Some(own), view, |i| i.id.clone()).await?;
    Ok(reply(StatusCode::OK, &page))
}

/// A change of hands.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct HandoverBody {
    /// Number made by the device, so that a resend is recognised; made here if absent.
    #[schema(max_length = 64)]
    pub id: Option<String>,
    /// Where.
    #[schema(max_length = 64)]
    pub site: String,
    /// Giver.
    pub from: HolderBody,
    /// Receiver.
    pub to: HolderBody,
    /// The stop.
    #[schema(max_length = 200)]
    pub visit: Option<String>,
    /// Waybills that should change hands; the stop's if absent.
    #[serde(default)]
    #[schema(max_items = 20000)]
    pub expected: Vec<String>,
    /// What was counted.
    #[schema(max_items = 20000)]
    pub items: Vec<CountedBody>,
    /// Seals read.
    #[serde(default)]
    #[schema(max_items = 1000)]
    pub seals: Vec<String>,
    /// Both sides confirm on this device.
    #[serde(default)]
    pub confirmed: bool,
}

/// Whoever hands over is one of the two sides, or runs the day.
fn may_hand_over(world: &World, caller: &Caller, from: &Holder, to: &Holder) -> Result<(), Problem> {
    let may = |h: &Holder| authorize(world, caller, Action::HandOver, Resource::Holder(h));
    let own = caller.holder();
    match own {
        None => authorize(world, caller, Action::HandOver, Resource::Any),
        Some(own) if own == *from || own == *to => may(&own),
        Some(_) => Err(Problem::forbidden("a hand-over is recorded by its giver or its receiver")),
    }
}

/// Records a change of hands; custody moves when the receiver confirms.
#[utoipa::path(post, path = "/api/v1/handovers", tag = "custody", request_body = HandoverBody, responses((status = 201, body = Did)))]
pub(super) async fn hand_over(
    State(app): State<Arc<App>>,
    ask: Ask<HandoverBody>,
) -> Result<Response, Problem> {
    let body = ask.value;
    judge_items(&body.items, "/items")?;
    if app.site(&body.site).is_none() {
        return Err(Problem::value("/site", &body.site, "an id of sites.csv"));
    }
    if body.expected.len() > super::stops::ITEMS_MAX || body.seals.len() > 1_000 {
        return Err(Problem::value("/expected", "", "at most 20,000 waybills and 1,000 seals"));
    }
    let id = body.id.unwrap_or_else(random_id);
    if !usable_id(&id) || id.len() > 64 {
        return Err(Problem::value("/id", &id, "1 to 64 bytes"));
    }
    let caller = ask.context.caller.clone();
    let record = HandOver {
        handover: id.clone(),
        site: body.site,
        from: sides(&app, &body.from, "/from")?,
        to: sides(&app, &body.to, "/to")?,
        visit: body.visit,
        expected: body.expected,
        actual: body.items.iter().map(CountedBody::inner).collect(),
        seals: body.seals,
        confirmed_by: body.confirmed.then(|| caller.who.clone()),
    };
    let resource = format!("handover/{id}");
    decided(&app, &ask.context, "hand over", &resource, StatusCode::CREATED, move |world| {
        may_hand_over(world, &caller, &record.from, &record.to)?;
        Ok(DayCommand::HandOver(record))
    })
    .await
}

/// The receiver's word.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConfirmBody {
    /// What the receiver counted; what the giver counted if absent.
    #[schema(max_items = 20000)]
    pub items: Option<Vec<CountedBody>>,
}

/// Confirms a change of hands; a difference opens an exception with the giver in charge.
#[utoipa::path(post, path = "/api/v1/handovers/{id}/confirm", tag = "custody", params(("id" = String, Path, description = "Record")), request_body = ConfirmBody, responses((status = 200, body = Did)))]
pub(super) async fn confirm(
    State(app): State<Arc<App>>,
    Id(id): Id,
    ask: Ask<ConfirmBody>,
) -> Result<Response, Problem> {
    if let Some(items) = &ask.value.items {
        judge_items(items, "/items")?;
    }
    let actual = ask.value.items.map(|l| l.iter().map(CountedBody::inner).collect());
    let caller = ask.context.caller.clone();
    let resource = format!("handover/{id}");
    decided(&app, &ask.context, "confirm hand-over", &resource, StatusCode::OK, move |world| {
        let known = world.day.handovers.get(&id).ok_or_else(|| Problem::not_found("hand-over", &id))?;
        if caller.holder().is_some_and(|own| own != known.to) {
            return Err(Problem::forbidden("the receiver confirms"));
        }
        Ok(DayCommand::Confirm { handover: id, actual, by: caller.who })
    })
    .await
}

/// A bag, cage or box.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UnitBody {
    /// Its code.
    #[schema(min_length = 1, max_length = 64)]
    pub unit: String,
    /// Where.
    #[schema(max_length = 64)]
    pub site: String,
    /// Its seal.
    #[serde(default)]
    #[schema(max_length = 64)]
    pub seal: String,
    /// Orders in it.
    #[schema(min_items = 1, max_items = 2000)]
    pub orders: Vec<String>,
}

/// Packs orders into a unit.
#[utoipa::path(post, path = "/api/v1/units", tag = "custody", request_body = UnitBody, responses((status = 201, body = Did)))]
pub(super) async fn pack(State(app): State<Arc<App>>, ask: Ask<UnitBody>) -> Result<Response, Problem> {
    let body = ask.value;
    if !usable_id(&body.unit) || body.unit.len() > 64 {
        return Err(Problem::value("/unit", &body.unit, "1 to 64 bytes"));
    }
    if app.site(&body.site).is_none() {
        return Err(Problem::value("/site", &body.site, "an id of sites.csv"));
    }
    text_of("/seal", &body.seal, 64)?;
    if !(1..=2_000).contains(&body.orders.len()) {
        return Err(Problem::value("/orders", &body.orders.len().to_string(), "1 to 2,000 orders"));
    }
    let caller = ask.context.caller.clone();
    let resource = format!("unit/{}", body.unit);
    decided(&app, &ask.context, "pack unit", &resource, StatusCode::CREATED, move |world| {
        authorize(world, &caller, Action::Scan, Resource::Site(&body.site))?;
        Ok(DayCommand::Pack { unit: body.unit, site: body.site, seal: body.seal, orders: body.orders })
    })
    .await
}

/// Opens a unit; its orders are loose again.
#[utoipa::path(delete, path = "/api/v1/units/{id}", tag = "custody", params(("id" = String, Path, description = "Unit")), responses((status = 200, body = Did)))]
pub(super) async fn unpack(
    State(app): State<Arc<App>>,
    Id(id): Id,
    context: Context,
) -> Result<Response, Problem> {
    let caller = context.caller.clone();
    let resource = format!("unit/{id}");
    decided(&app, &context, "open unit", &resource, StatusCode::OK, move |world| {
        let unit = world.day.units.get(&id).ok_or_else(|| Problem::not_found("unit", &id))?;
        // It is opened where it is now.
        let site = unit
            .orders
            .iter()
            .next()
            .and_then(|o| world.day.orders.get(o))
            .map_or_else(|| unit.site.clone(), |o| o.site.clone());
        authorize(world, &caller, Action::Scan, Resource::Site(&site))?;
        Ok(DayCommand::Open { unit: id, site })
    })
    .await
}

/// What comes back empty.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReturnableWord {
    /// A village bag.
    Bag,
    /// A box.
    Tote,
    /// A rolling cage.
    Cage,
    /// An insulated box.
    CoolBox,
    /// An ice pack.
    IcePack,
}

/// Returnables that change hands.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReturnablesBody {
    /// Number made by the device, so that a resend is recognised.
    #[schema(min_length = 1, max_length = 64)]
    pub record: String,
    /// What.
    pub item: ReturnableWord,
    /// How many.
    #[schema(minimum = 1, maximum = 100_000)]
    pub count: i64,
    /// Giver.
    pub from: HolderBody,
    /// Receiver.
    pub to: HolderBody,
}

/// Moves returnables.
#[utoipa::path(post, path = "/api/v1/returnables", tag = "custody", request_body = ReturnablesBody, responses((status = 200, body = Did)))]
pub(super) async fn returnables(
    State(app): State<Arc<App>>,
    ask: Ask<ReturnablesBody>,
) -> Result<Response, Problem> {
    let body = ask.value;
    if !usable_id(&body.record) || body.record.len() > 64 {
        return Err(Problem::value("/record", &body.record, "1 to 64 bytes"));
    }
    if !(1..=100_000).contains(&body.count) {
        return Err(Problem::value("/count", &body.count.to_string(), "1 to 100,000"));
    }
    let (from, to) = (sides(&app, &body.from, "/from")?, sides(&app, &body.to, "/to")?);
    let caller = ask.context.caller.clone();
    decided(&app, &ask.context, "move returnables", "returnables", StatusCode::OK, move |_| {
        if caller.holder().is_some_and(|own| own != from && own != to) {
            return Err(Problem::forbidden("recorded by the giver or the receiver"));
        }
        let item = match body.item {
            ReturnableWord::Bag => Returnable::Bag,
            ReturnableWord::Tote => Returnable::Tote,
            ReturnableWord::Cage => Returnable::Cage,
            ReturnableWord::CoolBox => Returnable::CoolBox,
            ReturnableWord::IcePack => Returnable::IcePack,
        };
        Ok(DayCommand::MoveReturnables { record: body.record, item, count: body.count, from, to })
    })
    .await
}

/// A shift.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ShiftBody {
    /// Driver.
    #[schema(max_length = 64)]
    pub driver: String,
    /// Vehicle taken over; absent: the driver goes home.
    #[schema(max_length = 64)]
    pub vehicle: Option<String>,
}

/// Begins or ends a driver's shift.
#[utoipa::path(post, path = "/api/v1/shifts", tag = "custody", request_body = ShiftBody, responses((status = 200, body = Did)))]
pub(super) async fn shift(State(app): State<Arc<App>>, ask: Ask<ShiftBody>) -> Result<Response, Problem> {
    let ShiftBody { driver, vehicle } = ask.value;
    if !app.county.drivers.iter().any(|d| d.id.as_str() == driver) {
        return Err(Problem::value("/driver", &driver, "an id of drivers.csv"));
    }
    if let Some(id) = &vehicle
        && !app.county.vehicles.iter().any(|v| v.id.as_str() == id)
    {
        return Err(Problem::value("/vehicle", id, "an id of vehicles.csv"));
    }
    let caller = ask.context.caller.clone();
    let resource = format!("driver/{driver}");
    decided(&app, &ask.context, "change shift", &resource, StatusCode::OK, move |world| {
        let on = vehicle.clone().or_else(|| world.day.shifts.get(&driver).cloned());
        if caller.role() == Role::Driver
            && let Some(on) = &on
        {
            authorize(world, &caller, Action::Scan, Resource::Vehicle(on))?;
        }
        Ok(match vehicle {
            Some(vehicle) => DayCommand::StartShift { driver, vehicle },
            None => DayCommand::EndShift { driver },
        })
    })
    .await
}
