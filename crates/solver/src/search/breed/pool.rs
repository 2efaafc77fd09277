//! The population: sound and unsound plans apart, the worst and the most alike make room (Vidal et al. 2012).

use super::piece::Prices;
use super::plan::Plan;
use crate::search::rng::Rng;

/// Plans of each kind after a selection, and how many more there may be until the next.
const LEAST: usize = 25;
const BORN: usize = 40;
/// Best plans that diversity does not count against, and nearest plans that it is measured by.
const ELITE: f64 = 4.0;
const CLOSE: usize = 5;

#[derive(Debug)]
struct Member {
    id: u32,
    plan: Plan,
    /// Others and how far they are, ascending by distance.
    near: Vec<(u32, u32)>,
    /// Share of rank by cost and by diversity together: less is fitter.
    fitness: f64,
}

impl Member {
    /// Mean distance of the nearest others.
    fn diversity(&self) -> f64 {
        let close = self.near.len().min(CLOSE);
        let sum: u32 = self.near[..close].iter().map(|n| n.0).sum();
        if close == 0 { f64::MAX } else { f64::from(sum) / close as f64 }
    }

    fn has_twin(&self) -> bool {
        self.near.first().is_some_and(|n| n.0 == 0)
    }
}

/// Plans of one kind.
#[derive(Debug, Default)]
struct Half {
    members: Vec<Member>,
}

impl Half {
    fn add(&mut self, id: u32, plan: Plan, prices: &Prices) {
        let mut near: Vec<(u32, u32)> = Vec::with_capacity(LEAST + BORN);
        for other in &mut self.members {
            let apart = plan.apart(&other.plan);
            let at = other.near.partition_point(|n| *n < (apart, id));
            other.near.insert(at, (apart, id));
            near.push((apart, other.id));
        }
        near.sort_unstable();
        self.members.push(Member { id, plan, near, fitness: 0.0 });
        if self.members.len() >= LEAST + BORN {
            while self.members.len() > LEAST {
                self.rank(prices);
                self.drop_worst();
            }
        }
        self.rank(prices);
    }

    fn rank(&mut self, prices: &Prices) {
        let count = self.members.len();
        let mut by_cost: Vec<(i64, usize)> =
            self.members.iter().enumerate().map(|(i, m)| (m.plan.cost(prices), i)).collect();
        by_cost.sort_unstable();
        let mut by_diversity: Vec<(f64, usize)> =
            by_cost.iter().enumerate().map(|(rank, &(_, i))| (-self.members[i].diversity(), rank)).collect();
        by_diversity.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let weight = (1.0 - ELITE / count as f64).max(0.0);
        for (rank, &(_, cost_rank)) in by_diversity.iter().enumerate() {
            let member = &mut self.members[by_cost[cost_rank].1];
            member.fitness = cost_rank as f64 + weight * rank as f64;
        }
    }

    /// Gives up a plan that has a twin, else the least fit.
    fn drop_worst(&mut self) {
        let key = |m: &Member| (m.has_twin(), m.fitness);
        let worst = (0..self.members.len()).max_by(|&a, &b| {
            let (x, y) = (key(&self.members[a]), key(&self.members[b]));
            x.0.cmp(&y.0).then(x.1.total_cmp(&y.1)).then(a.cmp(&b))
        });
        let Some(worst) = worst else { return };
        let id = self.members.remove(worst).id;
        for other in &mut self.members {
            other.near.retain(|n| n.1 != id);
        }
    }
}

/// The population.
#[derive(Debug, Default)]
pub(super) struct Pool {
    sound: Half,
    unsound: Half,
    born: u32,
}

impl Pool {
    pub(super) fn add(&mut self, plan: Plan, prices: &Prices) {
        self.born += 1;
        let half = if plan.sound() { &mut self.sound } else { &mut self.unsound };
        half.add(self.born, plan, prices);
    }

    pub(super) fn len(&self) -> usize {
        self.sound.members.len() + self.unsound.members.len()
    }

    pub(super) fn clear(&mut self) {
        self.sound.members.clear();
        self.unsound.members.clear();
    }

    /// The breaches of unsound plans cost something else now.
    pub(super) fn reprice(&mut self, prices: &Prices) {
        if !self.unsound.members.is_empty() {
            self.unsound.rank(prices);
        }
    }

    /// The fitter of two plans drawn.
    fn pick(&self, rng: &mut Rng) -> &Plan {
        let draw = |rng: &mut Rng| {
            let at = rng.below(self.len());
            self.sound.members.get(at).unwrap_or_else(|| &self.unsound.members[at - self.sound.members.len()])
        };
        let (a, b) = (draw(rng), draw(rng));
        if b.fitness < a.fitness { &b.plan } else { &a.plan }
    }

    /// Two parents, two plans wherever possible.
    pub(super) fn parents(&self, rng: &mut Rng) -> (&Plan, &Plan) {
        let one = self.pick(rng);
        let mut other = self.pick(rng);
        for _ in 0..10 {
            if !std::ptr::eq(one, other) {
                break;
            }
            other = self.pick(rng);
        }
        (one, other)
    }
}

#[cfg(test)]
mod tests {
    use super::super::piece::Breach;
    use super::*;

    const PRICES: Prices = Prices { load: 2.0, warp: 1.0, limit: 1.0 };

    fn plan(order: &[u32], base: i64, load: i64) -> Plan {
        Plan::of(
            order.len(),
            vec![(0, order.to_vec())],
            Vec::new(),
            base,
            Breach { load, ..Breach::default() },
        )
    }

    #[test]
    fn a_selection_keeps_the_best_and_gives_up_twins_first() {
        let mut pool = Pool::default();
        let mut rng = Rng::new(4);
        let mut order: Vec<u32> = (0..30).collect();
        for born in 0..(LEAST + BORN) as i64 - 1 {
            if born % 2 == 0 {
                order.swap(rng.below(30), rng.below(30));
            }
            pool.add(plan(&order, 1000 - born, 0), &PRICES);
        }
        assert_eq!(pool.len(), LEAST + BORN - 1);
        pool.add(plan(&order, 5, 0), &PRICES);
        assert_eq!(pool.len(), LEAST);
        let costs: Vec<i64> = pool.sound.members.iter().map(|m| m.plan.base).collect();
        assert!(costs.contains(&5), "{costs:?}");
        // Every second plan was the one before over again.
        assert!(pool.sound.members.iter().all(|m| !m.has_twin()), "{costs:?}");
    }

    #[test]
    fn unsound_plans_are_ranked_by_what_their_breaches_cost_now() {
        let mut pool = Pool::default();
        pool.add(plan(&[0, 1, 2, 3, 4], 100, 10), &PRICES);
        pool.add(plan(&[4, 2, 0, 1, 3], 110, 1), &PRICES);
        let fitness = |pool: &Pool| pool.unsound.members.iter().map(|m| m.fitness).collect::<Vec<_>>();
        assert!(fitness(&pool)[1] < fitness(&pool)[0]);
        pool.reprice(&Prices { load: 0.1, ..PRICES });
        assert!(fitness(&pool)[0] < fitness(&pool)[1]);
    }

    #[test]
    fn turned_around_plans_are_the_same() {
        let (a, b) = (plan(&[0, 1, 2, 3], 1, 0), plan(&[3, 2, 1, 0], 1, 0));
        assert_eq!(a.apart(&b), 0);
        assert!(a.apart(&plan(&[0, 2, 1, 3], 1, 0)) > 0);
    }

    #[test]
    fn a_plan_that_leaves_a_job_out_is_another_than_one_that_serves_it_alone() {
        let alone = Plan::of(2, vec![(0, vec![0]), (1, vec![1])], Vec::new(), 1, Breach::default());
        let absent = Plan::of(2, vec![(0, vec![0])], vec![1], 1, Breach::default());
        assert!(alone.apart(&absent) > 0 && absent.apart(&alone) > 0);
        assert_eq!(absent.apart(&absent.clone()), 0);
    }
}
