//! Plans: taken in, compared, published.

use super::county::Did;
use super::{Page, Paging, instant, limit_of, maybe_instant};
use crate::app::App;
use crate::ask::{Ask, Id, Query, reply, versioned};
use crate::machine::{Done, Happening};
use crate::office::Fact;
use crate::plans::Loaded;
use crate::problem::Problem;
use crate::worker::repair::unplanned;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sqlx::Row;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use utoipa::ToSchema;
use xiangyun_dispatch::command::Command as DayCommand;
use xiangyun_dispatch::decide::decide;
use xiangyun_dispatch::state::Phase;

/// A plan.
#[derive(Debug, Serialize, ToSchema)]
pub struct PlanView {
    /// Id.
    pub id: String,
    /// Its day.
    pub date: String,
    /// The plan it was made from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base: Option<String>,
    /// `directory`, `run`, `night`, `edit` or `fork`.
    pub origin: String,
    /// Orders in all.
    pub orders: i64,
    /// Orders served.
    pub served: i64,
    /// Objective in fen.
    pub cost_fen: i64,
    /// What is different from its base.
    pub summary: String,
    /// When it came.
    #[schema(value_type = String, format = DateTime)]
    pub taken: jiff::Timestamp,
    /// When it became the day's plan.
    #[schema(value_type = Option<String>, format = DateTime)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub published: Option<jiff::Timestamp>,
    /// Its version.
    pub version: i64,
}

/// A stop of a trip.
#[derive(Debug, Serialize, ToSchema)]
pub struct VisitView {
    /// Id, the `{id}` of `/stops/{id}`.
    pub visit: String,
    /// Site.
    pub site: String,
    /// Planned arrival.
    #[schema(value_type = String, format = DateTime)]
    pub arrive: jiff::Timestamp,
    /// Planned departure.
    #[schema(value_type = String, format = DateTime)]
    pub depart: jiff::Timestamp,
    /// Orders off, in number.
    pub unload_orders: u64,
    /// Orders on, in number.
    pub load_orders: u64,
    /// Orders off, for roles that see all orders.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unload: Option<Vec<String>>,
    /// Orders on, for roles that see all orders.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub load: Option<Vec<String>>,
}

/// A trip.
#[derive(Debug, Serialize, ToSchema)]
pub struct TripView {
    /// Id.
    pub trip: String,
    /// Vehicle.
    pub vehicle: String,
    /// Driver.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub driver: Option<String>,
    /// Stops in order.
    pub visits: Vec<VisitView>,
}

/// A plan with its trips.
#[derive(Debug, Serialize, ToSchema)]
pub struct PlanDetail {
    /// The plan.
    pub plan: PlanView,
    /// Trips by departure.
    pub trips: Vec<TripView>,
    /// Orders left.
    pub unassigned: u64,
    /// What is different from its base: by figure, ours less the base's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compared: Option<Compared>,
}

/// The difference of two plans.
#[derive(Debug, Serialize, ToSchema)]
pub struct Compared {
    /// The other plan.
    pub with: String,
    /// Cost in fen, ours less the other's.
    pub cost_fen: i64,
    /// Orders served, ours less the other's.
    pub served: i64,
    /// Metres driven, ours less the other's.
    pub metres: i64,
    /// Vehicles used, ours less the other's.
    pub vehicles: i64,
    /// Orders that change vehicle at their last leg.
    pub moved_orders: u64,
}

fn row_view(r: &sqlx::any::AnyRow) -> Result<PlanView, sqlx::Error> {
    Ok(PlanView {
        id: r.try_get("id")?,
        date: r.try_get("date")?,
        base: r.try_get("base")?,
        origin: r.try_get("origin")?,
        orders: r.try_get("orders")?,
        served: r.try_get("served")?,
        cost_fen: r.try_get("cost_fen")?,
        summary: r.try_get("summary")?,
        taken: instant(r.try_get("taken_ms")?),
        published: maybe_instant(r.try_get("published_ms")?),
        version: r.try_get("seq")?,
    })
}

const COLUMNS: &str = "SELECT id, date, base, origin, orders, served, cost_fen, summary, taken_ms, published_ms, seq \
    FROM plans WHERE county = $1 AND id > $2 AND ($3 = '' OR id = $3) AND ($4 = '' OR base = $4) ORDER BY id LIMIT $5";

/// Plans by id: all, one, or those made from one.
pub(super) async fn stored(
    app: &App,
    after: &str,
    id: &str,
    base: &str,
    limit: i64,
) -> Result<Vec<PlanView>, Problem> {
    let rows = sqlx::query(COLUMNS)
        .bind(app.code.clone())
        .bind(after.to_owned())
        .bind(id.to_owned())
        .bind(base.to_owned())
        .bind(limit)
        .fetch_all(app.store.readers())
        .await?;
    Ok(rows.iter().map(row_view).collect::<Result<Vec<_>, _>>()?)
}

/// All plans by id.
#[utoipa::path(get, path = "/api/v1/plans", tag = "plans", params(Paging), responses((status = 200, body = Page<PlanView>)))]
pub(super) async fn list(
    State(app): State<Arc<App>>,
    Query(paging): Query<Paging>,
) -> Result<Response, Problem> {
    let limit = limit_of(paging.limit)?;
    let items = stored(&app, paging.cursor.as_deref().unwrap_or(""), "", "", limit + 1).await?;
    Ok(reply(StatusCode::OK, &Page::cut(items, limit, |i| i.id.clone())))
}

/// A plan directory to take in.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TakeBody {
    /// A directory that `xiangyun plan` wrote, on the daemon's machine.
    #[schema(min_length = 1, max_length = 1000)]
    pub directory: String,
}

/// Loads a plan where blocking is allowed.
pub(crate) async fn load(app: &Arc<App>, id: &str) -> Result<Arc<Loaded>, Problem> {
    if let Some(found) = app.plans.cached(id) {
        return Ok(found);
    }
    let (app, id) = (Arc::clone(app), id.to_owned());
    tokio::task::spawn_blocking(move || app.plans.get(&id)).await.map_err(|e| Problem::internal(&e))?
}

/// Takes a directory in where blocking is allowed.
pub(crate) async fn take_in(app: &Arc<App>, dir: PathBuf) -> Result<Arc<Loaded>, Problem> {
    let app = Arc::clone(app);
    tokio::task::spawn_blocking(move || app.plans.take(&dir)).await.map_err(|e| Problem::internal(&e))?
}

/// Takes a plan directory in: it is checked by the independent checker and copied.
#[utoipa::path(post, path = "/api/v1/plans", tag = "plans", request_body = TakeBody, responses((status = 201, body = PlanView)))]
pub(super) async fn take(State(app): State<Arc<App>>, ask: Ask<TakeBody>) -> Result<Response, Problem> {
    super::county::text_of("/directory", &ask.value.directory, 1_000)?;
    let loaded = take_in(&app, PathBuf::from(&ask.value.directory)).await?;
    if loaded.plan.county != app.code {
        return Err(Problem::value(
            "/directory",
            &loaded.plan.county,
            format!("a plan of county {}", app.code),
        ));
    }
    let fact = loaded.taken("directory", None, String::new());
    taken(&app, &ask.context, fact).await
}

/// Notes a plan that was taken in; one that is known already is no news.
pub(super) async fn taken(
    app: &Arc<App>,
    context: &crate::ask::Context,
    fact: Fact,
) -> Result<Response, Problem> {
    let Fact::PlanTaken { plan, .. } = &fact else { return Err(Problem::internal(&"no plan")) };
    let id = plan.clone();
    app.act(context, "take plan in", &format!("plan/{id}"), move |world, now| {
        let Fact::PlanTaken { plan, date, base, origin, orders, served, cost_fen, summary } = &fact else {
            return Err(Problem::internal(&"no plan"));
        };
        let body = json!({
            "id": plan, "date": date, "base": base, "origin": origin, "orders": orders, "served": served,
            "cost_fen": cost_fen, "summary": summary, "taken": instant(now),
            "version": world.version(&format!("plan/{plan}")),
        });
        let new = !world.office.plans.contains_key(plan);
        Ok(Done::new(StatusCode::CREATED, body).with(new.then_some(fact)))
    })
    .await
}

/// One plan with its trips.
#[utoipa::path(get, path = "/api/v1/plans/{id}", tag = "plans", params(("id" = String, Path, description = "Plan")), responses((status = 200, body = PlanDetail)))]
pub(super) async fn one(
    State(app): State<Arc<App>>,
    Id(id): Id,
    context: crate::ask::Context,
) -> Result<Response, Problem> {
    let plan = stored(&app, "", &id, "", 1).await?.pop().ok_or_else(|| Problem::not_found("plan", &id))?;
    let loaded = load(&app, &id).await?;
    let compared = match &plan.base {
        Some(base) => load(&app, base).await.ok().map(|b| compare(&loaded, &b)),
        None => None,
    };
    let central = crate::auth::Action::MakePlans.allows(context.caller.role())
        || crate::auth::Action::EditPlans.allows(context.caller.role());
    let trips = loaded
        .trips()
        .into_iter()
        .map(|t| TripView {
            trip: t.trip,
            vehicle: t.vehicle,
            driver: t.driver,
            visits: t
                .visits
                .into_iter()
                .map(|v| VisitView {
                    visit: v.visit,
                    site: v.site,
                    arrive: instant(v.arrive_ms),
                    depart: instant(v.depart_ms),
                    unload_orders: v.unload.len() as u64,
                    load_orders: v.load.len() as u64,
                    unload: central.then_some(v.unload),
                    load: central.then_some(v.load),
                })
                .collect(),
        })
        .collect();
    let version = plan.version;
    let unassigned = loaded.plan.unassigned.len() as u64;
    Ok(versioned(&PlanDetail { plan, trips, unassigned, compared }, version))
}

/// What is different between two plans.
pub(super) fn compare(ours: &Loaded, other: &Loaded) -> Compared {
    let metres = |l: &Loaded| l.plan.trips.iter().map(|t| t.metres).sum::<i64>();
    let vehicles =
        |l: &Loaded| l.plan.trips.iter().map(|t| t.vehicle.as_str()).collect::<BTreeSet<_>>().len() as i64;
    let last = |l: &Loaded| -> BTreeMap<String, String> {
        let by_trip: BTreeMap<&str, &str> =
            l.plan.trips.iter().map(|t| (t.id.as_str(), t.vehicle.as_str())).collect();
        l.plan
            .loads
            .iter()
            .filter_map(|load| {
                let vehicle = (*by_trip.get(load.legs.last()?.trip.as_str())?).to_owned();
                Some(load.orders.iter().map(move |o| (o.clone(), vehicle.clone())).collect::<Vec<_>>())
            })
            .flatten()
            .collect()
    };
    let (a, b) = (last(ours), last(other));
    Compared {
        with: other.plan.id.clone(),
        cost_fen: ours.plan.cost_fen - other.plan.cost_fen,
        served: ours.plan.served() as i64 - other.plan.served() as i64,
        metres: metres(ours) - metres(other),
        vehicles: vehicles(ours) - vehicles(other),
        moved_orders: a.iter().filter(|(o, v)| b.get(*o).is_some_and(|w| w != *v)).count() as u64,
    }
}

/// How to publish.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PublishBody {
    /// Also place the plan's orders that the day does not know yet.
    #[serde(default)]
    pub place_orders: bool,
}

/// Makes a plan the day's plan. What is under way stays; trips not begun are replaced.
#[utoipa::path(post, path = "/api/v1/plans/{id}/publish", tag = "plans", params(("id" = String, Path, description = "Plan")), request_body = PublishBody, responses((status = 200, body = Did)))]
pub(super) async fn publish(
    State(app): State<Arc<App>>,
    Id(id): Id,
    ask: Ask<PublishBody>,
) -> Result<Response, Problem> {
    let loaded = load(&app, &id).await?;
    {
        let (app, loaded) = (Arc::clone(&app), Arc::clone(&loaded));
        tokio::task::spawn_blocking(move || {
            crate::forks::publishable(&app, &loaded).and_then(|()| crate::forks::papers(&app, &loaded))
        })
        .await
        .map_err(|e| Problem::internal(&e))??;
    }
    let place = ask.value.place_orders;
    app.act(&ask.context, "publish plan", &format!("plan/{id}"), move |world, now| {
        publishing(world, now, &loaded, place)
    })
    .await
}

/// What publishing a plan leads to.
///
/// # Errors
/// A plan that is not known, or that would undo what has happened.
pub(crate) fn publishing(
    world: &crate::machine::World,
    now: i64,
    loaded: &Loaded,
    place: bool,
) -> Result<Done, Problem> {
    let id = &loaded.plan.id;
    if !world.office.plans.contains_key(id) {
        return Err(Problem::not_found("plan", id));
    }
    let mut happenings: Vec<Happening> = Vec::new();
    let mut kinds = BTreeSet::new();
    if place {
        for order in loaded.orders() {
            if !world.day.orders.contains_key(&order.order) {
                let events = decide(&world.day, &DayCommand::PlaceOrder(order), now)?;
                happenings.extend(events.into_iter().map(Happening::Day));
            }
        }
    }
    // What places can store, from the county's own table.
    for site in &loaded.inputs.county.sites {
        let id = site.id.as_str();
        if site.store_pieces > 0 && world.day.rooms.get(id) != Some(&site.store_pieces) {
            let command = DayCommand::SetRoom { site: id.to_owned(), pieces: site.store_pieces };
            happenings.extend(decide(&world.day, &command, now)?.into_iter().map(Happening::Day));
        }
    }
    // Orders of the day that came after the plan was made.
    let open = world.day.orders.iter().filter(|(_, o)| matches!(o.phase, Phase::Placed | Phase::InCustody));
    for raise in unplanned(loaded, open.map(|(id, o)| (id.as_str(), o.class.as_str(), o.promise_ms))) {
        happenings.extend(decide(&world.day, &raise, now)?.into_iter().map(Happening::Day));
    }
    let command = DayCommand::Publish { plan: id.clone(), trips: loaded.trips() };
    happenings.extend(decide(&world.day, &command, now)?.into_iter().map(Happening::Day));
    happenings.push(Happening::Office(Fact::PlanPublished { plan: id.clone() }));
    for happening in &happenings {
        kinds.insert(match happening {
            Happening::Day(event) => event.kind(),
            Happening::Office(fact) => fact.kind(),
        });
    }
    Ok(Done { happenings, ..Done::new(StatusCode::OK, json!({ "events": kinds })) })
}
