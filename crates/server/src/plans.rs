//! Plans at hand: directories taken in, checked by the independent checker, kept in the daemon's folder, read again when
//! needed.

use crate::office::Fact;
use crate::problem::Problem;
use axum::http::StatusCode;
use std::collections::{HashSet, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use xiangyun_dispatch::command::PlaceOrder;
use xiangyun_dispatch::event::PlannedTrip;
use xiangyun_dispatch::published;
use xiangyun_model::plan::Plan;
use xiangyun_planning::check;
use xiangyun_planning::inputs::Inputs;

/// Plans kept in memory.
pub const LOADED_MAX: usize = 4;

/// A plan with what it was made from.
pub struct Loaded {
    /// The plan.
    pub plan: Plan,
    /// Its inputs.
    pub inputs: Inputs,
    /// Where its directory lies.
    pub dir: PathBuf,
    known: HashSet<String>,
}

impl Loaded {
    fn new(plan: Plan, inputs: Inputs, dir: PathBuf) -> Self {
        let known = inputs.orders.iter().map(|r| r.order.id.to_string()).collect();
        Self { plan, inputs, dir, known }
    }

    /// Whether the planner has seen an order, served or not.
    #[must_use]
    pub fn knows(&self, order: &str) -> bool {
        self.known.contains(order)
    }

    /// The instant of the day's local midnight.
    #[must_use]
    pub fn midnight_ms(&self) -> i64 {
        midnight_ms(self.plan.date, &self.plan.zone)
    }

    /// Its trips with instants and orders.
    #[must_use]
    pub fn trips(&self) -> Vec<PlannedTrip> {
        published::trips(&self.plan, self.midnight_ms())
    }

    /// Its orders as the day wants them placed.
    #[must_use]
    pub fn orders(&self) -> Vec<PlaceOrder> {
        let county = &self.inputs.county;
        let midnight = self.midnight_ms();
        self.inputs
            .orders
            .iter()
            .map(|row| {
                let o = &row.order;
                PlaceOrder {
                    order: o.id.as_str().to_owned(),
                    direction: o.kind.word().to_owned(),
                    carrier: county.carriers[o.carrier.index()].id.as_str().to_owned(),
                    origin: county.site(o.origin).id.as_str().to_owned(),
                    destination: county.site(o.destination).id.as_str().to_owned(),
                    class: county.classes[o.class.index()].id.as_str().to_owned(),
                    pieces: o.amount.pieces,
                    g: o.amount.g,
                    cm3: o.amount.cm3,
                    promise_ms: midnight + o.promise_s * 1_000,
                    person: None,
                    cash: None,
                    agreed: Some(xiangyun_dispatch::event::Agreed::Point),
                    keep_days: 3,
                }
            })
            .collect()
    }

    /// The fact of its being taken in.
    #[must_use]
    pub fn taken(&self, origin: &str, base: Option<String>, summary: String) -> Fact {
        Fact::PlanTaken {
            plan: self.plan.id.clone(),
            date: self.plan.date.to_string(),
            base,
            origin: origin.to_owned(),
            orders: self.plan.orders,
            served: self.plan.served(),
            cost_fen: self.plan.cost_fen,
            summary,
        }
    }
}

/// The instant of a day's local midnight.
#[must_use]
pub fn midnight_ms(date: jiff::civil::Date, zone: &str) -> i64 {
    // The county's zone was read with its tables; a plan's zone is the same.
    date.in_tz(zone).or_else(|_| date.in_tz("UTC")).map_or(0, |z| z.timestamp().as_millisecond())
}

/// Plans by id.
pub struct Shelf {
    dir: PathBuf,
    loaded: Mutex<VecDeque<Arc<Loaded>>>,
    /// The day's plan stays in memory.
    pinned: Mutex<Option<Arc<Loaded>>>,
}

impl Shelf {
    /// Over a folder.
    #[must_use]
    pub fn new(dir: PathBuf) -> Self {
        Self { dir, loaded: Mutex::default(), pinned: Mutex::default() }
    }

    /// The folder of a plan.
    #[must_use]
    pub fn dir_of(&self, id: &str) -> PathBuf {
        self.dir.join(id)
    }

    /// The folder of all plans.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Whether a plan lies here, without reading it.
    #[must_use]
    pub fn known(&self, id: &str) -> bool {
        plain(id) && self.dir_of(id).is_dir()
    }

    /// A plan that was taken in. Reads its directory when it is not in memory, which takes a moment: call it where
    /// blocking is allowed.
    ///
    /// # Errors
    /// Not there, or not readable.
    pub fn get(&self, id: &str) -> Result<Arc<Loaded>, Problem> {
        if let Some(found) = self.cached(id) {
            return Ok(found);
        }
        let dir = self.dir_of(id);
        if !self.known(id) {
            return Err(Problem::not_found("plan", id));
        }
        let loaded = Arc::new(read_plan(&dir, false)?);
        self.keep(Arc::clone(&loaded));
        Ok(loaded)
    }

    /// A plan in memory.
    #[must_use]
    pub fn cached(&self, id: &str) -> Option<Arc<Loaded>> {
        let pinned = self.pinned.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(pinned) = pinned.filter(|l| l.plan.id == id) {
            return Some(pinned);
        }
        self.loaded.lock().unwrap_or_else(PoisonError::into_inner).iter().find(|l| l.plan.id == id).cloned()
    }

    /// A plan's directory has changed: it is read again.
    pub fn forget(&self, id: &str) {
        self.loaded.lock().unwrap_or_else(PoisonError::into_inner).retain(|l| l.plan.id != id);
    }

    /// Keeps the day's plan in memory whatever else is read.
    pub fn pin(&self, loaded: &Arc<Loaded>) {
        *self.pinned.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(loaded));
    }

    fn keep(&self, loaded: Arc<Loaded>) {
        let mut kept = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|l| l.plan.id != loaded.plan.id);
        kept.push_back(loaded);
        while kept.len() > LOADED_MAX {
            kept.pop_front();
        }
    }

    /// Takes a directory in: checks it, copies it into the folder whole or not at all.
    ///
    /// # Errors
    /// The violations of the checker, or what the file system says.
    pub fn take(&self, from: &Path) -> Result<Arc<Loaded>, Problem> {
        let mut loaded = read_plan(from, true)?;
        if !plain(&loaded.plan.id) {
            return Err(Problem::value(
                "/directory",
                &loaded.plan.id,
                "a plan whose id is a plain file name",
            ));
        }
        let to = self.dir_of(&loaded.plan.id);
        if !to.is_dir() {
            let half = self.dir.join(format!(".half-{}", crate::auth::secret::random_id()));
            let copied = copy_dir(from, &half).and_then(|()| std::fs::rename(&half, &to));
            if let Err(err) = copied {
                let _ = std::fs::remove_dir_all(&half);
                if !to.is_dir() {
                    return Err(Problem::internal(&format!("{}: {err}", to.display())));
                }
            }
        }
        loaded.dir = to;
        let loaded = Arc::new(loaded);
        self.keep(Arc::clone(&loaded));
        Ok(loaded)
    }
}

/// Whether an id is one plain file name.
fn plain(id: &str) -> bool {
    !id.is_empty() && !id.starts_with('.') && !id.contains(['/', '\\', '\0'])
}

fn read_plan(dir: &Path, judge: bool) -> Result<Loaded, Problem> {
    let refuse = |violations: &[check::Violation]| {
        let first =
            violations.first().map_or_else(String::new, |v| format!("{} {}: {}", v.code, v.at, v.found));
        let detail = format!("{}: {} violations; {first}", dir.display(), violations.len());
        let mut problem = Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "H630", detail);
        for v in violations.iter().take(20) {
            let detail = format!("{}: {}", v.at, v.found);
            problem = problem.at("/directory", v.code, detail, v.limit.clone());
        }
        problem
    };
    if !dir.join("plan.json").is_file() {
        return Err(Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "H630",
            format!("{}: no plan directory; it has no plan.json", dir.display()),
        )
        .at("/directory", "H630", "no plan.json", "a directory that `xiangyun plan` wrote"));
    }
    let (plan, inputs) = check::read_dir(dir).map_err(|violations| refuse(&violations))?;
    if judge {
        let verdict = check::check(&plan, &inputs);
        if !verdict.violations.is_empty() {
            return Err(refuse(&verdict.violations));
        }
    }
    Ok(Loaded::new(plan, inputs, dir.to_owned()))
}

fn copy_dir(from: &Path, to: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_dir(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), &target)?;
        }
    }
    Ok(())
}
