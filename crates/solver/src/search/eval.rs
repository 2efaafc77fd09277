//! What the search asks of a kernel: the exact change of cost by an insertion, and the caches that make it quick.

use super::links::{Link, Links};
use super::middle::Part;
use super::rng::Rng;

/// How a job comes into a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Put {
    /// After this node.
    After(u32),
    /// A new reload of this number after the node, the job after it.
    ReloadThen(u32, u32),
    /// The job after the node, a new reload after the job.
    ThenReload(u32, u32),
    /// First half of a shipment after one node, second after another (the first half itself, if next to it).
    Both(u32, u32),
}

pub(super) trait Eval {
    /// Whether a route costs its vehicle and its ways and nothing else, overload apart.
    const WAYS_ALONE: bool = false;

    /// Whether the kernel follows single jobs that come and go ([`Eval::linked`], [`Eval::unlinked`]) in constant time
    /// and whole routes need no refresh after such changes.
    const SINGLE: bool = false;

    /// Follows a job that was linked in; whether the route keeps every rule.
    #[inline(always)]
    fn linked(&mut self, links: &mut Links, job: u32) -> bool {
        let route = links.at[job as usize].route;
        self.refresh(links, route)
    }

    /// Follows a job that was taken out after `pred`; false where the way over the gap is none.
    #[inline(always)]
    fn unlinked(&mut self, links: &mut Links, job: u32, pred: u32) -> bool {
        let _ = (links, job, pred);
        true
    }

    /// Puts the caches of a route back after its links have been undone.
    #[inline(always)]
    fn undone(&mut self, links: &mut Links, route: u32) {
        self.refresh(links, route);
    }

    /// Recomputes the caches and the cost of a route after any change; whether the route keeps every rule.
    fn refresh(&mut self, links: &mut Links, route: u32) -> bool;

    /// Whether the job can ride on the route at all, as far as that is known at once.
    #[inline(always)]
    fn admits(&self, route: u32, job: u32) -> bool {
        let _ = (route, job);
        true
    }

    /// Whether the job fits the vehicle of the route at all: skills.
    fn rides(&self, route: u32, job: u32) -> bool;

    /// Price of the way between two nodes for the vehicle of the route.
    fn leg(&self, links: &Links, route: u32, from: u32, to: u32) -> i64;

    /// What a job pays at least for so long a way to another job and back; 0 where the kernel does not know.
    #[inline(always)]
    fn apart(&self, way: u32) -> i64 {
        let _ = way;
        0
    }

    /// A node of the route, one of its ends included, as a part of a day.
    fn part(&self, links: &Links, route: u32, node: u32) -> Part;

    /// One part, then another.
    fn join(&self, route: u32, one: &Part, other: &Part) -> Part;

    /// What a day of this part costs, as far as parts tell; [`super::arcs::FAR`] if it breaks a rule.
    fn worth(&self, route: u32, whole: &Part) -> i64;

    /// Whether two jobs of two routes can change vehicles, as far as loads tell at once.
    #[inline(always)]
    fn may_swap(&self, links: &Links, one: u32, other: u32) -> bool {
        let _ = (links, one, other);
        true
    }

    /// Whether ways are alike in both directions: a leg that is known one way is not asked for the other.
    const EVEN: bool = false;

    /// [`Eval::leg`], read among what belongs to `to`.
    #[inline(always)]
    fn leg_into(&self, links: &Links, route: u32, to: u32, from: u32) -> i64 {
        self.leg(links, route, from, to)
    }

    /// What the leg from a node of a route to the next costs, as far as ways tell.
    #[inline(always)]
    fn leg_after(&self, links: &Links, node: u32) -> i64 {
        let Link { route, succ, .. } = links.at[node as usize];
        self.leg(links, route, node, succ)
    }

    /// Change of cost when the job comes after the node; [`super::arcs::FAR`] if that breaks a rule, or anything not
    /// below `limit` if it costs that much.
    fn insertion(&self, links: &Links, job: u32, after: u32, limit: i64) -> i64;

    /// The same beside a job in a route, after it or before it, the way from there being known if it is at most
    /// [`super::near::WAY_MAX`].
    #[inline(always)]
    fn beside<const BEFORE: bool>(&self, links: &Links, job: u32, other: (u32, u32), limit: i64) -> i64 {
        let after = if BEFORE { links.at[other.0 as usize].pred } else { other.0 };
        self.insertion(links, job, after, limit)
    }

    /// Best places in the route for both halves of a shipment below `limit`; each place is passed over with a
    /// probability of one in `blink`.
    fn pair(
        &self,
        links: &Links,
        halves: (u32, u32),
        route: u32,
        limit: i64,
        blink: &mut Blink,
    ) -> Option<(i64, Put)>;

    /// Best insertion at this place that also adds a reload, below `limit`.
    fn with_reload(&self, links: &Links, job: u32, after: u32, limit: i64) -> Option<(i64, Put)> {
        let _ = (links, job, after, limit);
        None
    }

    /// Whether any vehicle may reload.
    fn reloads(&self) -> bool {
        false
    }

    /// A new node for a reload of this number in the route, ready to be linked.
    fn add_reload(&mut self, links: &mut Links, route: u32, which: u32) -> u32 {
        let _ = (links, route, which);
        unreachable!("only kernels with reloads are asked")
    }

    /// A reload node that is in no route any more.
    fn free_reload(&mut self, node: u32) {
        let _ = node;
    }

    /// Cost that belongs to no single route.
    fn extra(&self) -> i64 {
        0
    }

    /// Lets routes carry up to `most` too much, at about `price` for as much as a job weighs; the caller sees to it
    /// that no route carries more.
    fn soften(&mut self, links: &mut Links, most: i64, price: i64) {
        let _ = (links, most, price);
    }

    /// What all routes together carry too much.
    #[inline(always)]
    fn excess(&self) -> i64 {
        0
    }

    /// Accepts what the route, made of locked visits only, breaks by itself.
    fn forgive(&mut self, links: &mut Links, route: u32) {
        let _ = (links, route);
    }

    /// The number of the reload that this node is, if it is one.
    fn reload_of(&self, node: u32) -> Option<u32> {
        let _ = node;
        None
    }
}

/// Passes over about one place in a hundred (blinks of Christiaens and Vanden Berghe 2020), drawing the distance to
/// the next blink instead of a number for each place.
#[derive(Clone, Debug)]
pub(super) struct Blink {
    left: u32,
    mean: u32,
    rng: Rng,
}

impl Blink {
    pub(super) fn new(seed: u64, mean: u32) -> Self {
        Self { left: mean, mean, rng: Rng::new(seed) }
    }

    #[inline(always)]
    pub(super) fn skips(&mut self) -> bool {
        self.left -= 1;
        if self.left == 0 {
            // Exponential with the wanted mean, at least 1.
            self.left = 1 + (-(1.0 - self.rng.unit()).ln() * f64::from(self.mean)) as u32;
            return true;
        }
        false
    }
}
