//! A first plan by savings (Clarke and Wright 1964): rounds of one job each, joined at their ends where that saves most.
//! Where a search has few iterations for each job, most of what they would do is done by this at once.

use super::arcs::with_arcs;
use super::eval::Eval;
use super::links::NONE;
use super::walk::Walk;

/// From so many jobs on it pays.
const JOBS_MIN: usize = 500;
/// What the leg between two jobs counts, in fifths (Yellow 1970): on Ghent2 the first plan costs 1.2 % less than with 5,
/// with a route more.
const SHAPE: i64 = 7;

/// Rounds that grow: at most two neighbours of each job, and the round that each belongs to.
struct Rounds {
    beside: Vec<[u32; 2]>,
    /// A job of the same round, nearer to the one that stands for it, which is its own.
    stands: Vec<u32>,
    /// Load of the round that a job stands for.
    load: Vec<i64>,
}

impl Rounds {
    fn find(&mut self, mut job: u32) -> u32 {
        while self.stands[job as usize] != job {
            let above = self.stands[job as usize];
            self.stands[job as usize] = self.stands[above as usize];
            job = above;
        }
        job
    }

    /// Joins the rounds of two jobs at these, if both are ends of different rounds that fit one hold.
    fn join(&mut self, a: u32, b: u32, most: i64) {
        let end = |sides: &[u32; 2]| sides[1] == NONE;
        if !end(&self.beside[a as usize]) || !end(&self.beside[b as usize]) {
            return;
        }
        let (one, other) = (self.find(a), self.find(b));
        let load = self.load[one as usize] + self.load[other as usize];
        if one == other || load > most {
            return;
        }
        for (job, next) in [(a, b), (b, a)] {
            let sides = &mut self.beside[job as usize];
            sides[usize::from(sides[0] != NONE)] = next;
        }
        self.stands[other as usize] = one;
        self.load[one as usize] = load;
    }

    /// The rounds from one end to the other.
    fn lists(&self) -> Vec<Vec<u32>> {
        let mut seen = vec![false; self.beside.len()];
        let mut lists = Vec::new();
        for first in 0..self.beside.len() as u32 {
            if seen[first as usize] || self.beside[first as usize][1] != NONE {
                continue;
            }
            let (mut list, mut before, mut here) = (Vec::new(), NONE, first);
            while here != NONE {
                seen[here as usize] = true;
                list.push(here);
                let sides = self.beside[here as usize];
                let next = if sides[0] == before { sides[1] } else { sides[0] };
                (before, here) = (here, next);
            }
            lists.push(list);
        }
        lists
    }
}

impl<E: Eval> Walk<'_, E> {
    /// Makes the rounds within an iteration where every vehicle is like the others and nothing but loads binds; what
    /// they leave is left absent.
    pub(super) fn save_ways(&mut self) {
        let net = self.net;
        let whole =
            net.jobs >= JOBS_MIN && E::SINGLE && net.metric && !net.optional && net.classes.len() == 1;
        if !whole || self.links.used > 0 || !net.fits.is_empty() || net.kind(0).max_distance.is_some() {
            return;
        }
        let kind = net.kind(0);
        let most = kind.layouts[0].first().copied().unwrap_or(0);
        let rounds = self.grow_rounds(most);
        let slots = net.classes[0].iter().copied();
        for (slot, list) in slots.zip(rounds) {
            self.links.save(slot);
            self.bring_in(slot, &list);
        }
        let Self { links, .. } = self;
        let at = &links.at;
        links.absent.retain(|&j| at[j as usize].route == NONE);
    }

    fn grow_rounds(&self, most: i64) -> Vec<Vec<u32>> {
        let net = self.net;
        let jobs = net.jobs as u32;
        let depot = (net.points[net.jobs], net.points[net.jobs + 1]);
        let mut savings: Vec<(i64, u32, u32)> = Vec::new();
        with_arcs!(&net.arcs, arcs => {
            use super::arcs::Arcs;
            for a in 0..jobs {
                let p = net.points[a as usize];
                for &b in net.near.of(a, usize::MAX) {
                    let q = net.points[b as usize];
                    let saved = 5 * (arcs.dist(p, depot.1) + arcs.dist(depot.0, q)) - SHAPE * arcs.dist(p, q);
                    if saved > 0 && (a < b || !net.near.of(b, usize::MAX).contains(&a)) {
                        savings.push((-saved, a, b));
                    }
                }
            }
        });
        savings.sort_unstable();
        let mut rounds = Rounds {
            beside: vec![[NONE; 2]; net.jobs],
            stands: (0..jobs).collect(),
            load: net.demand.clone(),
        };
        for (_, a, b) in savings {
            rounds.join(a, b, most);
        }
        let mut lists = rounds.lists();
        // The longest first: where there are too few vehicles the jobs of small rounds wait.
        lists.sort_by_key(|list| std::cmp::Reverse(list.len()));
        lists
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_join_at_their_ends_and_within_the_hold() {
        let mut rounds =
            Rounds { beside: vec![[NONE; 2]; 5], stands: (0..5).collect(), load: vec![1, 1, 1, 1, 2] };
        rounds.join(0, 1, 4);
        rounds.join(1, 2, 4);
        rounds.join(1, 3, 4); // 1 is no end any more
        rounds.join(0, 2, 4); // the same round
        rounds.join(2, 4, 4); // too heavy
        rounds.join(3, 0, 4);
        assert_eq!(rounds.lists(), [vec![2, 1, 0, 3], vec![4]]);
    }
}
