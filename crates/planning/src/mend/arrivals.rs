//! What really arrived: an arrivals file replaces the parcels down of the evening; what waits in the villages stays.

use crate::inputs::Inputs;
use crate::orders::OrderRow;
use std::collections::BTreeSet;
use xiangyun_model::order::OrderKind;

/// The orders of the dawn.
#[derive(Clone, Debug, Default)]
pub struct Arrived {
    /// Everything to be planned.
    pub rows: Vec<OrderRow>,
    /// Orders that the evening knew and that did not come.
    pub absent: u64,
}

/// Puts arrivals in place of what the evening assumed.
///
/// A row of the arrivals with an `arrived_at` came then; one without is known to be missing. Parcels down of the evening
/// that the arrivals do not name did not come either: a forecast parcel never does, and a parcel of the notice is then on
/// another truck. Goods that wait in the villages, transfers and returns, and the backlog of earlier days stay as the
/// evening had them unless the arrivals name them.
#[must_use]
pub fn arrivals(inputs: &Inputs, scanned: &[OrderRow]) -> Arrived {
    let named: BTreeSet<&str> = scanned.iter().map(|r| r.record.id.as_str()).collect();
    let backlog: BTreeSet<&str> = inputs.opening.backlog.iter().map(|b| b.order.as_str()).collect();
    let mut out = Arrived::default();
    for row in &inputs.orders {
        let id = row.record.id.as_str();
        if named.contains(id) {
            continue;
        }
        let forecast = id.starts_with("F-");
        let down = row.order.kind == OrderKind::Down;
        if forecast || (down && !backlog.contains(id)) {
            out.absent += 1;
        } else {
            out.rows.push(row.clone());
        }
    }
    for row in scanned {
        if row.record.arrived_at.is_empty() && row.order.kind == OrderKind::Down {
            out.absent += 1;
        } else {
            let mut row = row.clone();
            // From here on the time of arrival is when it is ready: the plan's own inputs say it so.
            if !row.record.arrived_at.is_empty() {
                row.record.ready = std::mem::take(&mut row.record.arrived_at);
            }
            out.rows.push(row);
        }
    }
    out
}
