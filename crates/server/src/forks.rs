//! Forks of a plan: a copy to try something on by hand, with its changes in order so that the last can be undone, and its
//! locks. A fork is a plan directory like any other; its base plan and its changes lie beside it.

use crate::app::App;
use crate::machine::read;
use crate::plans::Loaded;
use crate::problem::Problem;
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::sync::Arc;
use xiangyun_model::plan::{Plan, VisitLock};
use xiangyun_planning::inputs::{ORDERS_FILE, TRAVEL_FILE};
use xiangyun_planning::output::{MapData, Sources, render};
use xiangyun_planning::repair::{Edit, NoEdit, Offer, Patch, Running};
use xiangyun_planning::{network, orders};
use xiangyun_redispatch::Redispatch;

/// Changes of one fork.
pub const EDITS_MAX: usize = 500;
/// Locks of one fork.
pub const LOCKS_MAX: usize = 20_000;
/// File of what a fork is, in its directory.
const FORK: &str = "fork.json";
/// The plan as it was when the fork was made.
const BASE: &str = "base.json";

/// A change that was made.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Made {
    /// What was asked for.
    pub edit: Edit,
    /// What it changes.
    pub patch: Patch,
    /// Price in fen.
    pub price_fen: i64,
    /// Lateness left in the whole plan, seconds.
    pub lateness_s: i64,
    /// Stops moved.
    pub moved_stops: u32,
}

/// What a fork is.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Fork {
    /// The plan it was made from.
    pub base: String,
    /// Repairs of the running day that it holds already.
    pub accepted: usize,
    /// Changes in order.
    pub edits: Vec<Made>,
    /// Locks by visit.
    pub locks: Vec<VisitLock>,
}

impl Fork {
    /// Reads a fork; none for a plan that is no fork.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn read(app: &App, id: &str) -> Result<Option<Self>, Problem> {
        let path = app.plans.dir_of(id).join(FORK);
        match std::fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(|e| Problem::internal(&e)),
            Err(err) if err.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(err) => Err(Problem::internal(&err)),
        }
    }
}

/// Repairs of the running day that were accepted on a plan.
#[must_use]
pub fn accepted_on(app: &App, plan: &str) -> usize {
    let prefix = format!("{plan}.");
    read(&app.world).day.offers.iter().filter(|(id, o)| o.accepted && id.starts_with(&prefix)).count()
}

/// A plan as it runs: with what has happened, where it is the day's.
fn follow(app: &App, loaded: &Loaded) -> Redispatch {
    let day = {
        let world = read(&app.world);
        let date = loaded.plan.date.to_string();
        let today = world.office.published.as_ref().and_then(|id| world.office.plans.get(id));
        today.is_some_and(|p| p.date == date).then(|| world.day.plan_part())
    };
    let mut worker = Redispatch::new(loaded.plan.clone(), loaded.inputs.clone(), loaded.midnight_ms());
    if let Some(day) = day {
        worker.follow(&day, app.clock.now_ms());
    }
    worker
}

/// Makes a fork of a plan; `now` is the plan as it runs, where it is the day's. To be called where blocking is allowed.
///
/// # Errors
/// What the file system says.
pub fn make(app: &App, base: &Loaded, now: Option<Running>) -> Result<Arc<Loaded>, Problem> {
    let accepted = accepted_on(app, &base.plan.id);
    let running = now.unwrap_or_else(|| follow(app, base).into_running());
    let mut plan = running.plan().clone();
    plan.id = format!("{}-f{}", base.plan.id, &crate::auth::secret::random_id()[..8]);
    plan.cost_fen = base.plan.cost_fen;
    let to = app.plans.dir_of(&plan.id);
    let half = app.plans.dir().join(format!(".half-{}", crate::auth::secret::random_id()));
    let fork = Fork { base: base.plan.id.clone(), accepted, ..Fork::default() };
    let written = link_inputs(&base.dir, &half)
        .and_then(|()| write(&half, "plan.json", &plan))
        .and_then(|()| write(&half, BASE, &plan))
        .and_then(|()| write(&half, FORK, &fork))
        .and_then(|()| newer_inputs(base, &running, &half))
        .and_then(|()| std::fs::rename(&half, &to));
    if let Err(err) = written {
        let _ = std::fs::remove_dir_all(&half);
        return Err(Problem::internal(&format!("{}: {err}", to.display())));
    }
    app.plans.get(&plan.id)
}

/// What came of a change.
pub struct Outcome {
    /// The fork.
    pub fork: Fork,
    /// Its plan now.
    pub plan: Plan,
}

/// One change of a fork, or the last one undone. To be called where blocking is allowed, one at a time.
///
/// # Errors
/// The reasons of the checker; nothing is changed then.
pub fn edit(app: &App, id: &str, edit: Option<&Edit>) -> Result<Outcome, Problem> {
    let loaded = app.plans.get(id)?;
    let mut fork = Fork::read(app, id)?.ok_or_else(|| Problem::not_found("fork", id))?;
    let plan = match edit {
        Some(edit) => {
            if fork.edits.len() >= EDITS_MAX {
                return Err(Problem::conflict(format!("a fork takes {EDITS_MAX} changes; fork it again")));
            }
            let mut running = follow(app, &loaded).into_running();
            let offer = running.edit(edit, &fork.locks).map_err(|e| refused(&e))?;
            running.accept(&offer.patch);
            let mut plan = running.plan().clone();
            plan.cost_fen = loaded.plan.cost_fen + offer.price_fen;
            fork.edits.push(made(edit, offer));
            plan
        }
        None => {
            if fork.edits.pop().is_none() {
                return Err(Problem::conflict("there is no change to undo"));
            }
            let bytes = std::fs::read(loaded.dir.join(BASE)).map_err(|e| Problem::internal(&e))?;
            let mut plan: Plan = serde_json::from_slice(&bytes).map_err(|e| Problem::internal(&e))?;
            for made in &fork.edits {
                made.patch.apply(&mut plan);
                plan.cost_fen += made.price_fen;
            }
            plan
        }
    };
    write(&loaded.dir, FORK, &fork).map_err(|e| Problem::internal(&e))?;
    write(&loaded.dir, "plan.json", &plan).map_err(|e| Problem::internal(&e))?;
    app.plans.forget(id);
    Ok(Outcome { fork, plan })
}

/// Sets the lock of visits.
///
/// # Errors
/// A visit that the plan does not have.
pub fn lock(app: &App, id: &str, locks: Vec<VisitLock>) -> Result<Outcome, Problem> {
    let loaded = app.plans.get(id)?;
    let mut fork = Fork::read(app, id)?.ok_or_else(|| Problem::not_found("fork", id))?;
    for (i, lock) in locks.into_iter().enumerate() {
        let known = loaded.plan.trips.iter().flat_map(|t| &t.visits).any(|v| v.id == lock.visit);
        if !known {
            return Err(Problem::value(format!("/locks/{i}/visit"), &lock.visit, "a visit of this plan"));
        }
        fork.locks.retain(|l| l.visit != lock.visit);
        fork.locks.push(lock);
    }
    if fork.locks.len() > LOCKS_MAX {
        return Err(Problem::conflict(format!("a fork takes {LOCKS_MAX} locks")));
    }
    write(&loaded.dir, FORK, &fork).map_err(|e| Problem::internal(&e))?;
    Ok(Outcome { fork, plan: loaded.plan.clone() })
}

/// Whether a fork may become the day's plan: the day must not have been repaired since, and nothing may miss a ride.
///
/// # Errors
/// What stands against it.
pub fn publishable(app: &App, loaded: &Loaded) -> Result<(), Problem> {
    let Some(fork) = Fork::read(app, &loaded.plan.id)? else { return Ok(()) };
    let since = accepted_on(app, &fork.base).saturating_sub(fork.accepted);
    let is_day = read(&app.world).office.published.as_ref() == Some(&fork.base);
    if is_day && since > 0 {
        return Err(Problem::conflict(format!(
            "{since} repairs were accepted since this fork was made; fork {} again and repeat the changes",
            fork.base
        )));
    }
    let left = follow(app, loaded).missed().len();
    if left > 0 {
        return Err(Problem::conflict(format!("{left} loads would miss a ride as the day stands now")));
    }
    Ok(())
}

/// Papers of a fork that becomes the day's plan: drivers' manifests, sort plan, maps.
///
/// # Errors
/// What the file system says.
pub fn papers(app: &App, loaded: &Loaded) -> Result<(), Problem> {
    if Fork::read(app, &loaded.plan.id)?.is_none() {
        return Ok(());
    }
    let (plan, county) = (&loaded.plan, &loaded.inputs.county);
    let map = match app.roads.get() {
        Some(roads) => network::map_data(roads, county, plan),
        None => MapData {
            legs: std::collections::BTreeMap::new(),
            roads: Vec::new(),
            synthetic_roads: county.synthetic_roads,
        },
    };
    let orders: Vec<_> = loaded.inputs.orders.iter().map(|row| row.order.clone()).collect();
    for file in render(&Sources::new(plan, county, &orders, &map)) {
        let path = loaded.dir.join(&file.path);
        let written = path.parent().map_or(Ok(()), std::fs::create_dir_all);
        written.and_then(|()| std::fs::write(&path, &file.bytes)).map_err(|e| Problem::internal(&e))?;
    }
    Ok(())
}

fn made(edit: &Edit, offer: Offer) -> Made {
    Made {
        edit: edit.clone(),
        patch: offer.patch,
        price_fen: offer.price_fen,
        lateness_s: offer.lateness_s,
        moved_stops: offer.moved_stops,
    }
}

/// Reasons with their places and what would be allowed.
fn refused(why: &NoEdit) -> Problem {
    use axum::http::StatusCode;
    let mut problem = Problem::new(StatusCode::CONFLICT, "H633", why.to_string());
    if let NoEdit::Broken(reasons) = why {
        for v in reasons.iter().take(50) {
            problem = problem.at("", v.code, format!("{}: {}", v.at, v.found), v.limit.clone());
        }
    }
    if let NoEdit::Unknown(_) = why {
        problem.status = StatusCode::UNPROCESSABLE_ENTITY.as_u16();
    }
    problem
}

fn write<T: Serialize>(dir: &Path, name: &str, value: &T) -> std::io::Result<()> {
    let bytes = serde_json::to_vec(value).map_err(std::io::Error::other)?;
    let new = dir.join(format!(".{name}.new"));
    std::fs::write(&new, bytes)?;
    std::fs::File::open(&new)?.sync_all()?;
    std::fs::rename(new, dir.join(name))
}

/// The inputs of a plan never change: a fork links to those of its base.
fn link_inputs(from: &Path, to: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let name = entry.file_name();
        let target = to.join(&name);
        match name.to_string_lossy().as_ref() {
            "inputs" => link_inputs(&entry.path(), &target)?,
            "inputs.json" | "plan.schema.json" => link(&entry.path(), &target)?,
            _ if from.ends_with("inputs") => link(&entry.path(), &target)?,
            _ => {}
        }
    }
    Ok(())
}

/// Orders of the day that the base did not know, and roads as they are now, in place of the base's files.
fn newer_inputs(base: &Loaded, running: &Running, to: &Path) -> std::io::Result<()> {
    let inputs = running.inputs();
    let put = |name: &str, bytes: Vec<u8>| {
        let dir = to.join("inputs");
        let _ = std::fs::remove_file(dir.join(format!("{name}.gz")));
        std::fs::write(dir.join(name), bytes)
    };
    if inputs.orders.len() != base.inputs.orders.len() {
        put(ORDERS_FILE, orders::write(inputs.orders.iter().map(|r| &r.record)))?;
    }
    if inputs.travel != base.inputs.travel {
        put(TRAVEL_FILE, serde_json::to_vec(&inputs.travel).map_err(std::io::Error::other)?)?;
    }
    Ok(())
}

fn link(from: &Path, to: &Path) -> std::io::Result<()> {
    std::fs::hard_link(from, to).or_else(|_| std::fs::copy(from, to).map(|_| ()))
}
