//! The story of one order, for tracking pages and carriers' scans: a fold over the events that name it.

use crate::event::Event;
use crate::holder::Holder;
use serde::Serialize;

/// One step of an order's way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Step {
    /// When it was written, milliseconds since 1970 UTC.
    pub at_ms: i64,
    /// Status in our vocabulary.
    pub status: &'static str,
    /// Where, if known.
    pub site: Option<String>,
    /// Who has it then.
    pub holder: Option<Holder>,
}

/// Collects the steps of one order.
#[derive(Clone, Debug)]
pub struct Trace {
    order: String,
    /// Hand-over records that may move it: number, site, receiver.
    open: Vec<(String, String, Holder)>,
    /// Steps so far.
    pub steps: Vec<Step>,
}

impl Trace {
    /// An empty story.
    #[must_use]
    pub fn new(order: &str) -> Self {
        Self { order: order.to_owned(), open: Vec::new(), steps: Vec::new() }
    }

    /// Folds one event with the time it was written.
    pub fn apply(&mut self, event: &Event, at_ms: i64) {
        let mine = |id: &String| *id == self.order;
        let step = |status, site: Option<&String>, holder: Option<&Holder>| Step {
            at_ms,
            status,
            site: site.cloned(),
            holder: holder.cloned(),
        };
        match event {
            Event::OrderPlaced(e) if mine(&e.order) => {
                self.steps.push(step("created", Some(&e.origin), None));
            }
            Event::HandOverOpened(e) => self.open.push((e.handover.clone(), e.site.clone(), e.to.clone())),
            Event::HandOverConfirmed(e) if e.moved.iter().any(mine) => {
                if let Some((_, site, to)) = self.open.iter().rev().find(|(id, _, _)| *id == e.handover) {
                    let status = match to {
                        Holder::Vehicle(_) => "out_for_delivery",
                        Holder::Carrier(_) => "in_transit",
                        _ => "at_station",
                    };
                    let new = step(status, Some(site), Some(to));
                    self.steps.push(new);
                }
            }
            Event::Shelved(e) if mine(&e.order) => self.steps.push(step("at_point", Some(&e.site), None)),
            Event::Delivered(e) if mine(&e.order) => self.steps.push(step("delivered", Some(&e.site), None)),
            Event::RefusedByRecipient(e) if mine(&e.order) => self.steps.push(step("refused", None, None)),
            Event::ReturnStarted(e) if mine(&e.order) => self.steps.push(step("returning", None, None)),
            Event::ReturnedToSender(e) if mine(&e.order) => {
                self.steps.push(step("returned", None, Some(&e.from)));
            }
            Event::OrderCancelled(e) if mine(&e.order) => self.steps.push(step("returning", None, None)),
            Event::DeclaredLost(e) if mine(&e.order) => {
                self.steps.push(step("exception", None, Some(&e.from)));
            }
            _ => {}
        }
    }
}
