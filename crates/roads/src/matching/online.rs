//! Matching while the vehicle drives: every fix is answered for good after a bounded delay.

use super::{Fix, MatchedFix, MatchedPiece, Matcher, Matching};

/// Most fixes kept before a decision is forced, whatever their times say.
pub(crate) const ONLINE_FIXES_MAX: usize = 512;
/// Fixes of the past that each decision looks back on.
const CONTEXT_FIXES: usize = 24;

/// A fix whose road is decided.
#[derive(Clone, Debug, PartialEq)]
pub struct Decided {
    /// Number of the fix, counted from the first pushed.
    pub fix: u64,
    /// Where it was, `None` if on no road.
    pub matched: Option<MatchedFix>,
}

/// Matches a live feed. Decisions come in the order of the fixes, none later than
/// [`super::MatchOptions::delay_s`] of the feed's own time after its fix, and are never taken back.
pub struct OnlineMatcher<'m, 'n> {
    matcher: &'m Matcher<'n>,
    /// Decided fixes that still give context, then undecided ones.
    window: Vec<Fix>,
    /// How many of the window are decided.
    decided: usize,
    /// Number of the window's first fix.
    first: u64,
}

impl<'m, 'n> OnlineMatcher<'m, 'n> {
    /// A matcher for one vehicle's feed.
    #[must_use]
    pub fn new(matcher: &'m Matcher<'n>) -> Self {
        Self { matcher, window: Vec::new(), decided: 0, first: 0 }
    }

    /// Takes a fix in; gives what is decided now. A fix that does not go forward in time is decided at once, as on
    /// no road.
    pub fn push(&mut self, fix: Fix) -> Vec<Decided> {
        self.window.push(fix);
        let delay = self.matcher.options().delay_s;
        let oldest = self.window.get(self.decided).map_or(f64::INFINITY, |f| f.time_s);
        let full = self.window.len() - self.decided >= ONLINE_FIXES_MAX;
        // Half of the delay is collected before looking, so that a look is amortised over many fixes.
        if fix.time_s - oldest < delay && !full {
            return Vec::new();
        }
        let keep = delay / 2.0;
        let until = self
            .window
            .iter()
            .rposition(|f| fix.time_s - f.time_s >= keep)
            .map_or(self.decided, |i| i + 1)
            .max(if full { self.window.len() - ONLINE_FIXES_MAX / 2 } else { 0 })
            .max(self.decided + 1)
            .min(self.window.len());
        self.decide(until)
    }

    /// Ends the feed: everything left is decided.
    pub fn finish(&mut self) -> Vec<Decided> {
        let all = self.window.len();
        self.decide(all)
    }

    /// The pieces of road of the window as they look now, for showing; later fixes may still change the undecided
    /// part.
    #[must_use]
    pub fn present(&self) -> Vec<MatchedPiece> {
        self.look().pieces
    }

    fn look(&self) -> Matching {
        self.matcher.match_bounded(&self.window)
    }

    fn decide(&mut self, until: usize) -> Vec<Decided> {
        if until <= self.decided {
            return Vec::new();
        }
        let matching = self.look();
        let out = (self.decided..until)
            .map(|i| Decided { fix: self.first + i as u64, matched: matching.fixes[i] })
            .collect();
        self.decided = until;
        let surplus = self.decided.saturating_sub(CONTEXT_FIXES);
        self.window.drain(..surplus);
        self.decided -= surplus;
        self.first += surplus as u64;
        out
    }
}
