//! The search: [`solve`].

mod arcs;
mod clock;
mod eval;
mod full;
mod lean;
mod links;
mod near;
mod net;
mod rng;
#[cfg(test)]
mod tests;
mod walk;

use crate::budget::Budget;
use crate::control::{Control, Progress};
use crate::cost::{Evaluation, evaluate};
use crate::locks::Locks;
use crate::problem::Problem;
use crate::solution::Solution;
use arcs::{Profiles, with_arcs};
use clock::Clock;
use eval::Eval;
use net::Net;
use walk::Walk;

/// What a search found.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The best plan.
    pub solution: Solution,
    /// What it amounts to.
    pub evaluation: Evaluation,
    /// Iterations made, over all threads.
    pub iterations: u64,
    /// Each improvement: after how many iterations, and the progress then.
    pub history: Vec<Progress>,
}

/// Finds a good plan within the budget.
///
/// `start` is the plan to begin from (any plan of this problem; what it breaks is mended by leaving jobs out, unless
/// they are locked), `locks` what must stay of it. The search may be stopped by `control` at any time and then
/// returns the best plan so far.
#[must_use]
pub fn solve(
    problem: &Problem,
    start: Option<&Solution>,
    locks: &Locks,
    budget: &Budget,
    control: &dyn Control,
) -> Outcome {
    let net = Net::new(problem, start, locks);
    let run = Run { net: &net, start, budget, control };
    if !locks.prefixes.is_empty() || !lean::suits(problem) {
        return match Profiles::of(problem.profiles(), &net.point_list) {
            Profiles::Narrow(arcs) => run.go(|| full::Full::new(&net, &arcs)),
            Profiles::Wide(arcs) => run.go(|| full::Full::new(&net, &arcs)),
        };
    }
    let (times, both) = (lean::has_times(problem), lean::has_pickups(problem));
    with_arcs!(&net.arcs, a => match (times, both) {
        (false, false) => run.go(|| lean::Lean::<_, false, false>::new(&net, a)),
        (true, false) => run.go(|| lean::Lean::<_, true, false>::new(&net, a)),
        (false, true) => run.go(|| lean::Lean::<_, false, true>::new(&net, a)),
        (true, true) => run.go(|| lean::Lean::<_, true, true>::new(&net, a)),
    })
}

struct Run<'a> {
    net: &'a Net<'a>,
    start: Option<&'a Solution>,
    budget: &'a Budget,
    control: &'a dyn Control,
}

impl Run<'_> {
    fn go<E: Eval>(&self, kernel: impl Fn() -> E) -> Outcome {
        let mut clock = Clock::new(self.budget, self.control, 1);
        let mut walk = Walk::new(self.net, kernel(), self.budget.seed);
        let mut history = Vec::new();
        if let Some(start) = self.start {
            walk.load(start);
        }
        walk.links.begin();
        walk.recreate();
        walk.keep();
        walk.store_all();
        self.note(&walk, &mut clock, &mut history);
        self.anneal(&mut walk, &mut clock, &mut history);
        let solution = walk.solution(&walk.best, self.start);
        let evaluation = evaluate(self.net.problem, &solution, self.net.locks);
        Outcome { solution, evaluation, iterations: clock.steps, history }
    }

    fn anneal<E: Eval>(&self, walk: &mut Walk<'_, E>, clock: &mut Clock<'_>, history: &mut Vec<Progress>) {
        let fixed: i64 = (0..self.net.slots.len() as u32)
            .filter(|&r| walk.links.routes[r as usize].size > 0)
            .map(|r| self.net.kind(r).fixed)
            .sum();
        let mean = (walk.links.cost - fixed) as f64 / self.net.jobs.max(1) as f64;
        let (hot, cold) = (mean * 0.15, mean * 0.01);
        let (mut temperature, mut wait) = (hot, 0);
        while !clock.is_over() {
            if wait == 0 {
                temperature = hot * (cold / hot).powf(clock.fraction());
                wait = 64;
            }
            wait -= 1;
            if walk.step(temperature) {
                clock.better();
                self.note(walk, clock, history);
            }
            clock.tick();
        }
    }

    fn note<E: Eval>(&self, walk: &Walk<'_, E>, clock: &mut Clock<'_>, history: &mut Vec<Progress>) {
        let best = &walk.best;
        let missing: i64 = best
            .absent
            .iter()
            .filter(|&&j| self.net.must[j as usize])
            .map(|&j| self.net.absence[j as usize])
            .sum();
        let progress = Progress {
            steps: clock.steps,
            cost: best.cost - missing,
            missing: best.missing,
            vehicles: best.used as usize,
        };
        self.control.improved(&progress);
        history.push(progress);
    }
}
