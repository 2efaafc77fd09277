//! What the search moves: the channel of every call, the rounds of every base, the trunk, and what they amount to.

use crate::account::Account;
use crate::draft::{Draft, LineDraft};
use crate::frame::TrunkTask;
use crate::slack::Slack;
use crate::timing::Timing;
use std::collections::BTreeMap;

/// A day of a crew in the search: what it serves, trip by trip. Rounds hold calls, the trunk holds tasks.
pub type CrewDay = (usize, Vec<Vec<u32>>);

/// A whole plan in the search.
#[derive(Clone, Debug, Default)]
pub struct Candidate {
    /// The base that serves each item, by position in `Day::depots`: calls, then loads from point to point.
    pub via: Vec<Option<usize>>,
    /// Rounds by base.
    pub rounds: Vec<Vec<CrewDay>>,
    /// Demands of the trunk.
    pub tasks: Vec<TrunkTask>,
    /// Trunk trips.
    pub trunk: Vec<CrewDay>,
    /// Whether the trunk is fixed from now on, for the comparison that asks so, or an evening plan is being laid out.
    pub frozen: bool,
    /// At dawn: whether trunk tasks stay with the trucks that have them in the change being made.
    pub trunk_held: bool,
    /// At dawn: what the search sees in a visit by another van than the evening's, in fen.
    pub other_van_fen: i64,
    /// Lines used.
    pub lines: BTreeMap<usize, LineDraft>,
    /// The same as drafts.
    pub draft: Draft,
    /// Timed.
    pub timing: Timing,
    /// Its slack.
    pub slack: Slack,
    /// What it costs.
    pub account: Account,
}

impl Candidate {
    /// Whether a line carries a load.
    #[must_use]
    pub fn on_line(&self, load: u32) -> bool {
        self.lines.values().any(|line| line.rides.iter().any(|&(l, _, _)| l == load))
    }

    /// The same with other trips of the trunk, yet to be timed.
    pub(super) fn with_trunk(&self, trunk: Vec<CrewDay>) -> Self {
        Self {
            via: self.via.clone(),
            rounds: self.rounds.clone(),
            tasks: self.tasks.clone(),
            trunk,
            frozen: self.frozen,
            trunk_held: self.trunk_held,
            other_van_fen: self.other_van_fen,
            lines: self.lines.clone(),
            ..Self::default()
        }
    }

    /// What ranks candidates: orders that must not be left, then money.
    #[must_use]
    pub fn rank(&self) -> (u64, i64) {
        (self.account.must_left, self.account.total_fen())
    }
}
