//! Recombination: routes around a place of one plan are replaced by those of another that hold most of the same jobs
//! (selective route exchange; Nagata, Bräysy and Dullaert 2010).

use super::plan::Plan;
use crate::search::links::NONE;
use crate::search::net::Net;
use crate::search::rng::Rng;

/// What recombination leaves to be finished.
#[derive(Debug, Default)]
pub(super) struct Child {
    /// Slots and their jobs; those that differ from the first parent's are marked.
    pub(super) routes: Vec<(u32, Vec<u32>, bool)>,
    /// Jobs in no route that the first parent serves, and that look for a place.
    pub(super) absent: Vec<u32>,
}

/// Index of the route of each job.
fn routes_of(plan: &Plan, jobs: usize) -> Vec<u32> {
    let mut of = vec![NONE; jobs];
    for (at, (_, route)) in (0u32..).zip(&plan.routes) {
        for &v in route {
            of[v as usize] = at;
        }
    }
    of
}

/// A child of two plans.
pub(super) fn cross(net: &Net<'_>, one: &Plan, other: &Plan, rng: &mut Rng) -> Child {
    let jobs = net.jobs;
    let of_one = routes_of(one, jobs);
    let of_other = routes_of(other, jobs);
    let most = one.routes.len().min(other.routes.len()).max(2) - 1;
    let count = 1 + rng.below(most);
    // Routes of the first plan around a random job.
    let seed = rng.below(jobs) as u32;
    let mut leave = Vec::new();
    for &v in std::iter::once(&seed).chain(net.near.of(seed, usize::MAX)) {
        if leave.len() >= count {
            break;
        }
        let r = of_one[v as usize];
        if r != NONE && !leave.contains(&r) {
            leave.push(r);
        }
    }
    // As many of the second that hold most of their jobs, for their length.
    let mut shared = vec![0u32; other.routes.len()];
    for &r in &leave {
        for &v in &one.routes[r as usize].1 {
            if let Some(count) = shared.get_mut(of_other[v as usize] as usize) {
                *count += 1;
            }
        }
    }
    let mut order: Vec<(i64, usize)> = (0..other.routes.len())
        .filter(|&r| shared[r] > 0)
        .map(|r| (-(i64::from(shared[r]) * 2 - other.routes[r].1.len() as i64), r))
        .collect();
    order.sort_unstable();
    order.truncate(leave.len());
    let come: Vec<usize> = order.iter().map(|o| o.1).collect();
    let mut left = vec![false; one.routes.len()];
    for &r in &leave {
        left[r as usize] = true;
    }
    let mut comes = vec![false; jobs];
    for &r in &come {
        for &v in &other.routes[r].1 {
            comes[v as usize] = true;
        }
    }
    // Either what stays keeps its jobs, or what comes does.
    let stays_first = rng.below(2) == 0;
    let mut child = Child::default();
    let mut placed = vec![false; jobs];
    let mut free: Vec<u32> = Vec::new();
    for (at, (slot, route)) in one.routes.iter().enumerate() {
        if left[at] {
            free.push(*slot);
            continue;
        }
        let mut list = route.clone();
        if !stays_first {
            list.retain(|&v| !comes[v as usize]);
        }
        for &v in &list {
            placed[v as usize] = true;
        }
        let changed = list.len() < route.len();
        if list.is_empty() {
            free.push(*slot);
        } else {
            child.routes.push((*slot, list, changed));
        }
    }
    // In a vehicle of the same kind where one is free.
    let mut wait: Vec<Vec<u32>> = Vec::new();
    for &r in &come {
        let (slot, route) = &other.routes[r];
        let mut list = route.clone();
        list.retain(|&v| !placed[v as usize]);
        for &v in &list {
            placed[v as usize] = true;
        }
        if list.is_empty() {
            continue;
        }
        let class = net.class_of[*slot as usize];
        match free.iter().position(|&s| net.class_of[s as usize] == class) {
            Some(at) => {
                let to = free.swap_remove(at);
                let same = one.routes.iter().any(|(s, old)| *s == to && *old == list);
                child.routes.push((to, list, !same));
            }
            None => {
                let taken = |s: u32| child.routes.iter().any(|c| c.0 == s);
                match net.classes[class as usize].iter().copied().find(|&s| !taken(s) && !free.contains(&s)) {
                    Some(to) => child.routes.push((to, list, true)),
                    None => wait.push(list),
                }
            }
        }
    }
    for list in wait {
        match free.pop() {
            Some(to) => child.routes.push((to, list, true)),
            None => list.iter().for_each(|&v| placed[v as usize] = false),
        }
    }
    child.absent = (0..jobs as u32).filter(|&v| !placed[v as usize] && of_one[v as usize] != NONE).collect();
    child
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::locks::Locks;
    use crate::search::breed::piece::Breach;

    /// One in so many is none.
    const NEVER: usize = 1 << 32;

    /// A plan of jobs dealt at random to at most `routes` slots, one in `absent` of them left out.
    fn dealt(net: &Net<'_>, routes: usize, absent: usize, rng: &mut Rng) -> Plan {
        let count = routes.min(net.slots.len());
        let mut lists = vec![Vec::new(); count];
        let mut out = Vec::new();
        for v in 0..net.jobs as u32 {
            let list = if rng.below(absent) == 0 { &mut out } else { &mut lists[rng.below(count)] };
            list.push(v);
        }
        let first = rng.below(net.slots.len() - count + 1) as u32;
        let routes = (first..).zip(lists).filter(|(_, list)| !list.is_empty()).collect();
        Plan::of(net.jobs, routes, out, 0, Breach::default())
    }

    #[test]
    fn a_child_has_every_job_once_and_marks_what_differs() {
        let mut crossed = 0;
        for seed in 0..400 {
            let problem = crate::search::tests::random(seed, 20);
            let locks = Locks::none();
            let net = Net::new(&problem, None, &locks);
            let mut rng = Rng::new(seed);
            // Every fourth time with jobs left out, seldom or often.
            let absent = if seed % 4 > 0 { NEVER } else { 2 + rng.below(4) };
            let (one, other) = (dealt(&net, 5, absent, &mut rng), dealt(&net, 4, absent, &mut rng));
            let child = cross(&net, &one, &other, &mut rng);
            let mut seen = child.absent.clone();
            let mut slots: Vec<u32> = child.routes.iter().map(|r| r.0).collect();
            for (slot, list, changed) in &child.routes {
                assert!(!list.is_empty());
                seen.extend(list);
                let same = one.routes.iter().any(|(s, old)| s == slot && old == list);
                assert!(*changed || same, "seed {seed}: a route that differs is not marked");
                crossed += usize::from(!same);
            }
            seen.sort_unstable();
            assert!(seen.windows(2).all(|pair| pair[0] < pair[1]), "seed {seed}: a job twice");
            // What the first parent serves is served or looks for a place.
            let served = one.routes.iter().flat_map(|r| &r.1);
            assert!(served.into_iter().all(|v| seen.binary_search(v).is_ok()), "seed {seed}: a job is lost");
            assert!(child.absent.iter().all(|v| !one.absent.contains(v)), "seed {seed}");
            slots.sort_unstable();
            slots.dedup();
            assert_eq!(slots.len(), child.routes.len(), "seed {seed}: two routes in one vehicle");
            assert!(
                child.routes.len() <= one.routes.len(),
                "seed {seed}: more routes than the first parent has"
            );
        }
        assert!(crossed > 300, "{crossed} routes came in");
    }
}
