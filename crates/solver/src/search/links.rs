//! Routes as linked lists over one node space, with a journal for undoing.
//!
//! Nodes are the jobs, then for each slot (a vehicle that may be used) its start and end, then reloads as needed. A
//! change costs the length of the routes touched, never the size of the problem.

pub(super) const NONE: u32 = u32::MAX;

#[derive(Clone, Copy, Debug)]
pub(super) struct Link {
    pub(super) pred: u32,
    pub(super) succ: u32,
    /// Slot, [`NONE`] when absent.
    pub(super) route: u32,
    /// 0 at the start; known only while whole routes are refreshed.
    pub(super) pos: u32,
    /// Index into the arcs.
    pub(super) point: u32,
    /// Distance to the node after it; 0 in an empty route.
    pub(super) next: i64,
}

#[derive(Clone, Debug, Default)]
pub(super) struct RouteState {
    /// Nodes between start and end.
    pub(super) size: u32,
    pub(super) cost: i64,
    /// Last journal in which it was saved.
    saved: u64,
    /// In the list of routes changed since the best plan was stored.
    pub(super) dirty: bool,
}

/// A route as it was before its first change in an iteration.
#[derive(Clone, Copy, Debug)]
struct Saved {
    route: u32,
    /// Where its nodes begin among those saved.
    from: u32,
    size: u32,
    cost: i64,
}

/// All routes, the jobs in none, and the journal of the running iteration.
#[derive(Clone, Debug)]
pub(super) struct Links {
    pub(super) jobs: u32,
    pub(super) at: Vec<Link>,
    pub(super) routes: Vec<RouteState>,
    pub(super) absent: Vec<u32>,
    /// Sum over routes.
    pub(super) cost: i64,
    /// Routes with at least one node.
    pub(super) used: u32,
    journal: u64,
    saved: Vec<Saved>,
    /// Links as they were before each change of this iteration, where changes are undone one by one.
    log: Vec<(u32, Link)>,
    /// Whether they are: with kernels that follow single changes. Else whole routes are saved.
    single: bool,
    saved_nodes: Vec<u32>,
    saved_absent: Vec<u32>,
    saved_cost: i64,
    saved_used: u32,
    scratch: Vec<u32>,
}

impl Links {
    /// Empty routes for `slots`, every job absent; `points` of the jobs, then of each slot's start and end; whether
    /// changes are undone one by one.
    pub(super) fn new(jobs: usize, slots: usize, points: &[u32], single: bool) -> Self {
        let mut at: Vec<Link> = points
            .iter()
            .map(|&point| Link { pred: NONE, succ: NONE, route: NONE, pos: 0, point, next: 0 })
            .collect();
        for r in 0..slots {
            let (s, e) = (jobs + 2 * r, jobs + 2 * r + 1);
            at[s].succ = e as u32;
            at[e].pred = s as u32;
            at[s].route = r as u32;
            at[e].route = r as u32;
            at[e].pos = 1;
        }
        Self {
            jobs: jobs as u32,
            at,
            routes: vec![RouteState::default(); slots],
            absent: (0..jobs as u32).collect(),
            cost: 0,
            used: 0,
            journal: 1,
            saved: Vec::new(),
            log: Vec::new(),
            single,
            saved_nodes: Vec::new(),
            saved_absent: Vec::new(),
            saved_cost: 0,
            saved_used: 0,
            scratch: Vec::new(),
        }
    }

    #[inline(always)]
    pub(super) fn start(&self, route: u32) -> u32 {
        self.jobs + 2 * route
    }

    #[inline(always)]
    pub(super) fn end(&self, route: u32) -> u32 {
        self.jobs + 2 * route + 1
    }

    /// Nodes between start and end.
    pub(super) fn nodes(&self, route: u32) -> impl Iterator<Item = u32> + '_ {
        let mut v = self.at[self.start(route) as usize].succ;
        let end = self.end(route);
        std::iter::from_fn(move || {
            (v != end).then(|| {
                let here = v;
                v = self.at[v as usize].succ;
                here
            })
        })
    }

    /// Begins an iteration that may be undone.
    pub(super) fn begin(&mut self) {
        self.journal += 1;
        self.saved.clear();
        self.log.clear();
        self.saved_nodes.clear();
        self.saved_absent.clear();
        self.saved_absent.extend_from_slice(&self.absent);
        self.saved_cost = self.cost;
        self.saved_used = self.used;
    }

    /// Saves a route before its first change in this iteration.
    pub(super) fn save(&mut self, route: u32) {
        if self.routes[route as usize].saved == self.journal {
            return;
        }
        let from = self.saved_nodes.len() as u32;
        if !self.single {
            let mut nodes = std::mem::take(&mut self.saved_nodes);
            nodes.extend(self.nodes(route));
            self.saved_nodes = nodes;
        }
        let state = &mut self.routes[route as usize];
        state.saved = self.journal;
        self.saved.push(Saved { route, from, size: state.size, cost: state.cost });
    }

    /// Notes a node's link before it changes.
    #[inline(always)]
    fn log(&mut self, v: u32) {
        if self.single {
            self.log.push((v, self.at[v as usize]));
        }
    }

    /// Routes changed in this iteration.
    pub(super) fn changed(&self) -> impl Iterator<Item = u32> + '_ {
        self.saved.iter().map(|s| s.route)
    }

    /// Number of the iteration.
    #[inline(always)]
    pub(super) fn journal(&self) -> u64 {
        self.journal
    }

    /// Whether the route changed in this iteration.
    #[inline(always)]
    pub(super) fn is_changed(&self, route: u32) -> bool {
        self.routes[route as usize].saved == self.journal
    }

    pub(super) fn changed_at(&self, index: usize) -> Option<u32> {
        self.saved.get(index).map(|s| s.route)
    }

    /// Restores everything of this iteration but the caches and costs of the routes, which the caller refreshes.
    pub(super) fn undo(&mut self) {
        if self.single {
            while let Some((v, link)) = self.log.pop() {
                self.at[v as usize] = link;
            }
            for saved in &self.saved {
                let state = &mut self.routes[saved.route as usize];
                (state.size, state.cost) = (saved.size, saved.cost);
            }
        } else {
            for i in 0..self.saved.len() {
                self.clear_route(self.saved[i].route);
            }
            for i in 0..self.saved.len() {
                let Saved { route, from, cost, .. } = self.saved[i];
                let to = self.saved.get(i + 1).map_or(self.saved_nodes.len(), |s| s.from as usize);
                let nodes = std::mem::take(&mut self.saved_nodes);
                self.thread(route, &nodes[from as usize..to]);
                self.saved_nodes = nodes;
                self.routes[route as usize].cost = cost;
            }
        }
        std::mem::swap(&mut self.absent, &mut self.saved_absent);
        self.cost = self.saved_cost;
        self.used = self.saved_used;
    }

    /// Marks all nodes of a route absent and empties it; does not touch `absent` or `used`.
    fn clear_route(&mut self, route: u32) {
        let end = self.end(route);
        let mut v = self.at[self.start(route) as usize].succ;
        while v != end {
            let next = self.at[v as usize].succ;
            self.log(v);
            self.at[v as usize].route = NONE;
            v = next;
        }
        let start = self.start(route);
        self.log(start);
        self.log(end);
        self.at[start as usize].succ = end;
        self.at[end as usize].pred = start;
        self.routes[route as usize].size = 0;
    }

    /// Fills an empty route.
    fn thread(&mut self, route: u32, nodes: &[u32]) {
        let mut before = self.start(route);
        self.log(before);
        for &v in nodes {
            self.log(v);
            self.at[before as usize].succ = v;
            self.at[v as usize].pred = before;
            self.at[v as usize].route = route;
            before = v;
        }
        let end = self.end(route);
        self.log(end);
        self.at[before as usize].succ = end;
        self.at[end as usize].pred = before;
        self.routes[route as usize].size = nodes.len() as u32;
    }

    /// Replaces a whole route outside any journal; the caller refreshes and keeps `absent` true.
    pub(super) fn assign(&mut self, route: u32, nodes: &[u32]) {
        if self.routes[route as usize].size > 0 {
            self.used -= 1;
        }
        self.clear_route(route);
        self.thread(route, nodes);
        if !nodes.is_empty() {
            self.used += 1;
        }
    }

    /// Unlinks a node; the caller has saved its route and keeps `absent` true.
    pub(super) fn unlink(&mut self, v: u32) {
        let Link { pred, succ, route, .. } = self.at[v as usize];
        self.log(v);
        self.log(pred);
        self.log(succ);
        self.at[pred as usize].succ = succ;
        self.at[succ as usize].pred = pred;
        self.at[v as usize].route = NONE;
        let state = &mut self.routes[route as usize];
        state.size -= 1;
        if state.size == 0 {
            self.used -= 1;
        }
    }

    /// Links an absent node after another; the caller has saved the route.
    pub(super) fn link(&mut self, v: u32, after: u32) {
        let Link { succ, route, .. } = self.at[after as usize];
        self.log(v);
        self.log(after);
        self.log(succ);
        self.at[after as usize].succ = v;
        self.at[succ as usize].pred = v;
        let link = &mut self.at[v as usize];
        link.pred = after;
        link.succ = succ;
        link.route = route;
        let state = &mut self.routes[route as usize];
        if state.size == 0 {
            self.used += 1;
        }
        state.size += 1;
    }

    /// Sets positions and next-distances with `dist`; returns the way of the route. Where single changes are
    /// followed, positions are not kept.
    #[inline]
    pub(super) fn measure(&mut self, route: u32, dist: impl Fn(u32, u32) -> i64) -> i64 {
        let (start, end) = (self.start(route), self.end(route));
        if self.routes[route as usize].size == 0 {
            self.set_next(start, 0);
            self.at[end as usize].pos = 1;
            return 0;
        }
        let (mut v, mut way, mut pos) = (start, 0, 0);
        while v != end {
            let Link { succ, point, next, .. } = self.at[v as usize];
            let d = dist(point, self.at[succ as usize].point);
            if next != d {
                self.set_next(v, d);
            }
            self.at[v as usize].pos = pos;
            way += d;
            pos += 1;
            v = succ;
        }
        self.at[end as usize].pos = pos;
        way
    }

    /// Sets the distance to the node after this one; the caller has saved its route.
    #[inline(always)]
    pub(super) fn set_next(&mut self, v: u32, way: i64) {
        self.log(v);
        self.at[v as usize].next = way;
    }

    /// Stores a new cost of a route.
    #[inline]
    pub(super) fn set_cost(&mut self, route: u32, cost: i64) {
        let state = &mut self.routes[route as usize];
        self.cost += cost - state.cost;
        state.cost = cost;
    }

    /// A new node beyond all others, in no route.
    pub(super) fn grow(&mut self, point: u32) -> u32 {
        self.at.push(Link { pred: NONE, succ: NONE, route: NONE, pos: 0, point, next: 0 });
        self.at.len() as u32 - 1
    }

    pub(super) fn scratch(&mut self) -> Vec<u32> {
        std::mem::take(&mut self.scratch)
    }

    pub(super) fn give_back(&mut self, mut scratch: Vec<u32>) {
        scratch.clear();
        self.scratch = scratch;
    }
}
