//! An order that comes during the day as a load that looks for its rides.

use super::Progress;
use crate::day::Day;
use crate::inputs::Inputs;
use jiff::civil::Date;
use xiangyun_model::id::SiteId;
use xiangyun_model::order::{Order, OrderKind};
use xiangyun_model::plan::{Channel, Direction, Load, UnitKind};

/// What the id of a new order's load begins with.
const PREFIX: &str = "N-";

/// Whether a load is of an order that came during the day.
pub(super) fn is_of(load: &Load) -> bool {
    load.id.starts_with(PREFIX)
}

/// Makes the load of one new order, without legs.
pub(super) fn load_of(
    inputs: &Inputs,
    date: Date,
    progress: &Progress,
    order: &Order,
) -> Result<Load, &'static str> {
    let county = &inputs.county;
    // Only what the hub sorts waits for a wave, which all such orders of the day fill.
    let waits = order.kind == OrderKind::Down && order.origin == county.hub;
    let sorted = inputs.orders.iter().filter(|_| waits).map(|r| &r.order);
    let orders: Vec<Order> =
        sorted.filter(|o| o.kind == OrderKind::Down && o.origin == county.hub).cloned().collect();
    let day = Day::new(county, date, &orders, &inputs.travel, &inputs.opening);
    let release = day.release_s(order).ok_or("it misses the last wave of sorting")?;
    let (due, hard) = day.due_s(order).ok_or("no lane leaves in time for its promise")?;
    if order.is_outbound() && !order.cleared {
        return Err("real-name acceptance, opening check and screening come first");
    }
    let class = county.class(order.class);
    let sealed = matches!(class.unit, UnitKind::Bag | UnitKind::Tote);
    let id = |s: SiteId| county.site(s).id.to_string();
    let end = day.end_of(order);
    let release = release.max(progress.now);
    if hard && release >= due {
        return Err("the cut-off of its lane is over");
    }
    Ok(Load {
        id: format!("{PREFIX}{}", order.id),
        direction: match order.kind {
            OrderKind::Down => Direction::Down,
            OrderKind::Up | OrderKind::Return => Direction::Up,
            OrderKind::Transfer => Direction::Cross,
        },
        orders: vec![order.id.to_string()],
        amount: order.amount,
        goods: vec![class.id.to_string()],
        band: county.band(class.band).id.to_string(),
        unit: class.unit,
        units: county.handling.units(class.unit, order.amount),
        sealed,
        sorted_at: id(if order.kind == OrderKind::Down { county.hub } else { order.origin }),
        origin: id(order.origin),
        destination: id(end),
        release,
        due,
        hard,
        channel: Channel::Direct,
        legs: Vec::new(),
        arrives: 0,
        out_of_band_s: 0,
    })
}
