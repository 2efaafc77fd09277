//! Good plans that are remembered, and whole routes of them brought into the plan that is being searched: what two
//! good plans have in common stays, where they differ the routes of one replace those of the other (selective route
//! exchange; Nagata, Bräysy and Dullaert 2010), and the jobs left over find their places as in every iteration.

use super::eval::Eval;
use super::links::NONE;
use super::walk::{Best, Walk};

/// Most plans remembered.
const PLANS: usize = 8;
/// Plans that differ in at most one in so many of their legs count as one.
const ALIKE: usize = 50;
/// Most routes that are brought in at once.
const ROUTES: usize = 6;
/// Neighbours among whose routes the others are looked for.
const CLOSE: usize = 40;
/// Seeds tried for one where the plans differ.
const SEEDS: usize = 8;

/// A remembered plan.
#[derive(Clone, Debug)]
struct Elite {
    plan: Best,
    /// Slot of each job.
    route_of: Vec<u32>,
    /// Job after and before each job.
    beside: Vec<[u32; 2]>,
}

/// The plans that one thread remembers.
#[derive(Clone, Debug, Default)]
pub(super) struct Memory {
    elites: Vec<Elite>,
}

impl Elite {
    fn of(plan: &Best, jobs: usize) -> Self {
        let mut route_of = vec![NONE; jobs];
        let mut beside = vec![[NONE; 2]; jobs];
        for (slot, route) in (0u32..).zip(&plan.routes) {
            let mut before = NONE;
            for &v in route {
                if let Some(of) = route_of.get_mut(v as usize) {
                    *of = slot;
                    beside[v as usize][0] = before;
                    if let Some(b) = beside.get_mut(before as usize) {
                        b[1] = v;
                    }
                }
                before = v;
            }
        }
        Self { plan: plan.clone(), route_of, beside }
    }

    /// Jobs whose next stop is not beside them in the other plan.
    fn differs(&self, other: &Self) -> usize {
        let pairs = self.beside.iter().zip(&other.beside);
        pairs.filter(|(a, b)| a[1] != b[1] && a[1] != b[0] || a[1] == NONE && !b.contains(&NONE)).count()
    }

    fn rank(&self) -> (usize, i64) {
        (self.plan.missing, self.plan.cost)
    }
}

impl Memory {
    /// Remembers a plan, in place of one like it or of the worst; whether it is worth remembering.
    pub(super) fn keep(&mut self, plan: &Best, jobs: usize) -> bool {
        let new = Elite::of(plan, jobs);
        let alike = self.elites.iter().position(|e| new.differs(e) <= jobs / ALIKE);
        let place = match alike {
            Some(at) => Some(at),
            None if self.elites.len() < PLANS => {
                self.elites.push(new);
                return true;
            }
            None => (0..self.elites.len()).max_by_key(|&i| (self.elites[i].rank(), i)),
        };
        match place {
            Some(at) if new.rank() < self.elites[at].rank() => {
                self.elites[at] = new;
                true
            }
            _ => false,
        }
    }

    /// Plans remembered.
    #[cfg(test)]
    fn len(&self) -> usize {
        self.elites.len()
    }
}

impl<E: Eval> Walk<'_, E> {
    /// Brings neighbouring routes of a remembered plan into this one; whether a new best plan was stored, or nothing
    /// if there is no difference to bring in.
    pub(super) fn inherit_step(&mut self, temperature: f64) -> Option<bool> {
        let memory = std::mem::take(&mut self.memory);
        let found = self.inherit_from(&memory, temperature);
        self.memory = memory;
        found
    }

    fn inherit_from(&mut self, memory: &Memory, temperature: f64) -> Option<bool> {
        if memory.elites.is_empty() {
            return None;
        }
        let elite = &memory.elites[self.rng.below(memory.elites.len())];
        let mut picked: Vec<u32> = Vec::new();
        for _ in 0..SEEDS {
            let seed = self.rng.below(self.net.jobs) as u32;
            let slot = elite.route_of[seed as usize];
            if slot != NONE && self.is_new(elite, slot) {
                let most = 1 + self.rng.below(ROUTES);
                picked.push(slot);
                for &v in self.net.near.of(seed, CLOSE) {
                    let slot = elite.route_of[v as usize];
                    if picked.len() >= most {
                        break;
                    }
                    if slot != NONE && !picked.contains(&slot) && self.is_new(elite, slot) {
                        picked.push(slot);
                    }
                }
                break;
            }
        }
        if picked.is_empty() {
            return None;
        }
        let before = self.cost();
        self.links.begin();
        let jobs = self.links.jobs;
        // Where the jobs are now, by route.
        let mut hits: Vec<(u32, u32)> = Vec::new();
        for &slot in &picked {
            for &v in elite.plan.routes[slot as usize].iter().filter(|&&v| v < jobs) {
                let route = self.links.at[v as usize].route;
                if route == NONE {
                    continue;
                }
                match hits.iter_mut().find(|h| h.1 == route) {
                    Some(hit) => hit.0 += 1,
                    None => hits.push((1, route)),
                }
                self.take_out(v);
            }
        }
        hits.sort_unstable_by(|a, b| b.cmp(a));
        let mut victims: Vec<u32> = hits.iter().map(|h| h.1).filter(|&r| self.is_loose(r)).collect();
        victims.truncate(picked.len());
        for &r in &victims {
            self.clear_route_of(r);
        }
        for &slot in &picked {
            let class = self.net.class_of[slot as usize];
            let same = victims.iter().position(|&r| self.net.class_of[r as usize] == class);
            let to = match same {
                Some(at) => Some(victims.swap_remove(at)),
                None => self.empty_of(class),
            };
            let Some(to) = to else { continue };
            self.links.save(to);
            self.bring_in(to, &elite.plan.routes[slot as usize]);
        }
        let Self { links, .. } = self;
        let at = &links.at;
        links.absent.retain(|&j| at[j as usize].route == NONE);
        self.refresh_changed();
        self.recreate();
        Some(self.settle(before, temperature))
    }

    /// Whether a remembered route is free to come in and has jobs that do not ride together here.
    fn is_new(&self, elite: &Elite, slot: u32) -> bool {
        let net = self.net;
        let mut at = NONE;
        let mut count = 0;
        let mut together = true;
        for &v in &elite.plan.routes[slot as usize] {
            if v >= self.links.jobs {
                continue;
            }
            if net.pinned[v as usize] || net.only[v as usize] != NONE {
                return false;
            }
            let here = self.links.at[v as usize].route;
            together &= here != NONE && (count == 0 || here == at);
            at = here;
            count += 1;
        }
        let alike = together && count > 0 && {
            let ours = self.links.nodes(at).filter(|&v| v < self.links.jobs).count();
            ours == count
        };
        net.slots[slot as usize].prefix.is_none() && count > 0 && !alike
    }

    /// An empty slot of a class, if the fleet allows another route.
    fn empty_of(&self, class: u32) -> Option<u32> {
        if self.links.used >= self.fleet {
            return None;
        }
        let slots = self.net.classes[class as usize].iter().copied();
        let mut empty = slots.filter(|&s| self.links.routes[s as usize].size == 0);
        empty.next()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(routes: &[&[u32]], cost: i64) -> Best {
        Best { routes: routes.iter().map(|r| r.to_vec()).collect(), cost, ..Best::default() }
    }

    #[test]
    fn alike_plans_are_kept_once_and_the_better_stays() {
        let mut memory = Memory::default();
        assert!(memory.keep(&plan(&[&[0, 1, 2], &[3, 4]], 10), 5));
        // The same legs, backwards and in other vehicles.
        assert!(!memory.keep(&plan(&[&[4, 3], &[2, 1, 0]], 10), 5));
        assert!(memory.keep(&plan(&[&[4, 3], &[2, 1, 0]], 9), 5));
        assert_eq!(memory.len(), 1);
        assert!(memory.keep(&plan(&[&[0, 3, 2], &[1, 4]], 50), 5));
        assert_eq!(memory.len(), 2);
    }

    #[test]
    fn the_worst_makes_room() {
        let mut memory = Memory::default();
        for i in 0..20 {
            let mut order: Vec<u32> = (0..30).collect();
            order.rotate_left(i);
            for k in 0..15 {
                order.swap(k, 29 - (k * (i + 3)) % 15);
            }
            memory.keep(&plan(&[&order[..12], &order[12..]], 100 - i as i64), 30);
        }
        assert!(memory.len() <= PLANS);
        assert_eq!(memory.elites.iter().map(Elite::rank).min(), Some((0, 81)));
    }
}
