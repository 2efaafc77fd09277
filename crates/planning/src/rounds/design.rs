//! Master rounds designed from past days: a plan for volumes that four days in five do not exceed.

use super::{Master, master, orders, volumes};
use crate::check::{self, Verdict};
use crate::forecast::DayCounts;
use crate::inputs::Inputs;
use crate::search::{Effort, Variant};
use crate::travel::Travel;
use crate::{closing, night};
use jiff::civil::Date;
use xiangyun_model::county::County;
use xiangyun_model::plan::Plan;
use xiangyun_model::problem::Problems;
use xiangyun_solver::Control;

/// Master rounds with the plan that they are made from.
pub struct Designed {
    /// The rounds.
    pub master: Master,
    /// The plan of the volumes.
    pub plan: Plan,
    /// What it was made from.
    pub inputs: Inputs,
    /// What the independent checker says of it.
    pub verdict: Verdict,
}

/// Designs master rounds from a history that ends on `to`; `travel` are the times of that day.
///
/// # Errors
/// Orders that the county's own tables do not allow.
pub fn design(
    county: County,
    history: &[DayCounts],
    (from, to): (Date, Date),
    travel: Travel,
    effort: &Effort,
    control: &dyn Control,
) -> Result<Designed, Problems> {
    let records = orders(&county, &volumes(&county, history, to), to);
    let mut problems = Problems::new();
    let rows = crate::orders::resolve("P80", &records, &county, to, &mut problems);
    if !problems.is_empty() {
        return Err(problems);
    }
    let opening = closing::empty(&county, to.yesterday().unwrap_or(to));
    let plan = night::plan(&county, to, &rows, &travel, &opening, effort, Variant::default(), control);
    let master = master(&plan, &county, from, to);
    let inputs = Inputs { county, orders: rows, opening, travel };
    let verdict = check::check(&plan, &inputs);
    Ok(Designed { master, plan, inputs, verdict })
}
