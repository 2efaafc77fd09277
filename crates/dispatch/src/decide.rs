//! What each command leads to, or why it is refused. Pure: it reads the state, changes nothing, searches nothing.

mod cash;
mod custody;
mod exceptions;
mod fleet;
mod orders;
mod plan;
mod stores;

pub use custody::PROOF_DISTANCE_MAX_M;

use crate::command::Command;
use crate::event::Event;
use crate::refusal::Refusal;
use crate::state::{OrderState, Phase, State};

/// Most items one command may name.
pub const ITEMS_MAX: usize = 20_000;
/// Wrong pick-up codes before an order's code is blocked.
pub const CODE_TRIES_MAX: u32 = 5;

/// Decides a command at `now_ms` of the business clock.
///
/// # Errors
/// A [`Refusal`] with its code and field; nothing is to be applied then.
pub fn decide(state: &State, command: &Command, now_ms: i64) -> Result<Vec<Event>, Refusal> {
    match command {
        Command::PlaceOrder(order) => orders::place(state, order),
        Command::ChangeOrder { order, destination, promise_ms, agreed } => {
            orders::change(state, order, destination.as_deref(), *promise_ms, agreed.as_ref())
        }
        Command::CancelOrder { order, cause } => orders::cancel(state, order, cause),
        Command::Accept { order, real_name, inspected, screened, by } => {
            orders::accept(state, order, (*real_name, *inspected, *screened), by)
        }
        Command::Pack { unit, site, seal, orders } => custody::pack(state, unit, site, seal, orders),
        Command::Open { unit, site } => custody::open(state, unit, site),
        Command::HandOver(record) => custody::hand_over(state, record, now_ms),
        Command::Confirm { handover, actual, by } => {
            custody::confirm(state, handover, actual.as_deref(), by, now_ms)
        }
        Command::Publish { plan, trips } => plan::publish(state, plan, trips),
        Command::Arrive { visit, at_ms } => plan::arrive(state, visit, *at_ms),
        Command::Serve { visit, at_ms } => plan::serve(state, visit, *at_ms),
        Command::Fail { visit, cause, skipped } => plan::fail(state, visit, cause, *skipped),
        Command::Shelve { order, site, shelf, code_hash, keep_until_ms } => {
            custody::shelve(state, order, site, shelf, code_hash, (*keep_until_ms, now_ms))
        }
        Command::Deliver { .. } => custody::deliver(state, command),
        Command::Refuse { order, cause } => orders::refuse(state, order, cause),
        Command::Return { order, cause } => orders::start_return(state, order, cause),
        Command::TakeBack { order, at_ms } => orders::take_back(state, order, *at_ms),
        Command::Lose { order } => orders::lose(state, order),
        Command::TakeCash { order, fen, method, holder } => cash::take(state, order, *fen, method, holder),
        Command::CloseCash { holder, counted_fen, by } => cash::close(state, holder, *counted_fen, by),
        Command::Raise { exception, kind, subject, in_charge, evidence, price_fen } => {
            exceptions::raise(state, exception, *kind, subject, in_charge.as_ref(), (evidence, *price_fen))
        }
        Command::Close { exception, how, acted } => exceptions::close(state, exception, how, *acted),
        Command::Offer(offer) => exceptions::offer(state, offer),
        Command::AcceptOffer { offer, by } => exceptions::accept(state, offer, by),
        Command::Claim { claim, order, cause, fen } => cash::claim(state, claim, order, cause, *fen),
        Command::Settle { claim, fen, by } => cash::settle(state, claim, *fen, by),
        Command::SealPositions { segment, from_ms, to_ms, count, hash } => {
            Ok(vec![Event::PositionsSealed(crate::event::PositionsSealed {
                segment: segment.clone(),
                from_ms: *from_ms,
                to_ms: *to_ms,
                count: *count,
                hash: hash.clone(),
            })])
        }
        Command::Agree { order, agreed, how } => orders::agree(state, order, agreed, how, now_ms),
        Command::Divert { order, to, cause } => stores::divert(state, order, to, cause),
        Command::Defer { order, promise_ms, cause } => {
            stores::defer(state, order, *promise_ms, cause, now_ms)
        }
        Command::SetRoom { site, pieces } => stores::set_room(state, site, *pieces),
        Command::SetCondition { vehicle, condition, site, note } => {
            Ok(fleet::set_condition(state, vehicle, *condition, site.as_ref(), note, now_ms))
        }
        Command::StartShift { driver, vehicle } => fleet::start_shift(state, driver, vehicle, now_ms),
        Command::EndShift { driver } => fleet::end_shift(state, driver, now_ms),
        Command::MoveReturnables { record, item, count, from, to } => {
            stores::move_returnables(state, record, *item, *count, (from, to))
        }
        Command::CountReturnables { holder, item, counted, by } => {
            stores::count_returnables(state, holder, *item, *counted, by)
        }
        Command::NoteCold { .. } => fleet::note_cold(state, command),
        Command::ReviseVisit { visit, arrived_ms, left_ms } => {
            fleet::revise_visit(state, visit, *arrived_ms, *left_ms)
        }
        Command::SendScan { scan, carrier } => Ok(fleet::send_scan(state, scan, carrier, now_ms)),
        Command::ScanAnswered { scan, carrier, answer, retry_ms } => {
            fleet::scan_answered(state, scan, carrier, answer, *retry_ms, now_ms)
        }
        Command::ErasePerson { person } => {
            Ok(vec![Event::PersonErased(crate::event::PersonErased { person: *person })])
        }
    }
}

/// An order that exists and is not over.
fn open_order<'a>(state: &'a State, id: &str) -> Result<&'a OrderState, Refusal> {
    let order =
        state.orders.get(id).ok_or_else(|| Refusal::Unknown { field: "/order", id: id.to_owned() })?;
    if order.phase == Phase::Closed {
        return Err(Refusal::State {
            subject: format!("order {id}"),
            is: format!("with {}", order.holder),
            needs: "an order that is not over",
        });
    }
    Ok(order)
}
