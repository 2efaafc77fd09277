//! Temperatures that vehicles report, against the bands of what they carry.
//!
//! Probe 1 belongs to the first cold compartment of the vehicle's layout, probe 2 to the second, and so on; probe 0 (the
//! carriage sensor of JT/T 808-2019) stands for all of them.

use super::Hand;
use crate::app::App;
use crate::machine::read;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use xiangyun_dispatch::cold::{Probe, Run};
use xiangyun_dispatch::command::Command as DayCommand;
use xiangyun_dispatch::holder::Holder;
use xiangyun_model::fleet::Vehicle;
use xiangyun_telematics::position::Item;
use xiangyun_telematics::segments::Record;
use xiangyun_telematics::session::stored::items_of;

/// One temperature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// Vehicle.
    pub vehicle: String,
    /// When.
    pub at_ms: i64,
    /// Which probe.
    pub probe: u8,
    /// Tenths of a degree Celsius.
    pub dc: i32,
}

/// Temperatures of a stored report.
pub fn readings(vehicle: &str, record: &Record) -> Vec<Reading> {
    if record.items.is_empty() {
        return Vec::new();
    }
    items_of(record)
        .into_iter()
        .filter_map(|item| match item {
            Item::TemperatureDc { probe, deci_c } => Some(Reading {
                vehicle: vehicle.to_owned(),
                at_ms: record.time_ms,
                probe,
                dc: i32::from(deci_c),
            }),
            _ => None,
        })
        .collect()
}

/// What a vehicle carries of a band, while it does.
struct Kept {
    probe: Probe,
    orders: BTreeSet<String>,
}

/// All compartments under watch, by vehicle and band.
#[derive(Default)]
pub struct Probes {
    kept: BTreeMap<(String, String), Kept>,
}

impl Probes {
    /// Takes readings in, in the order of their times, and sends the runs that they end.
    pub fn look(&mut self, hand: &Hand<'_>, mut readings: Vec<Reading>, now_ms: i64) {
        let app = hand.app;
        let aboard = aboard(app);
        for (key, orders) in &aboard {
            if !self.kept.contains_key(key)
                && let Some(band) = app.county.bands.iter().find(|b| b.id.as_str() == key.1)
            {
                let probe = Probe::new(band.min_dc, band.max_dc, now_ms);
                self.kept.insert(key.clone(), Kept { probe, orders: orders.clone() });
            }
        }
        readings.sort_by_key(|r| r.at_ms);
        let vehicles: HashMap<&str, &Vehicle> =
            app.county.vehicles.iter().map(|v| (v.id.as_str(), v)).collect();
        for reading in readings {
            for band in bands_of(app, vehicles.get(reading.vehicle.as_str()).copied(), reading.probe) {
                let key = (reading.vehicle.clone(), band);
                let Some(kept) = self.kept.get_mut(&key) else { continue };
                let runs = kept.probe.reading(reading.at_ms, reading.dc);
                note(hand, &key, &kept.orders, runs);
            }
        }
        let over: Vec<(String, String)> =
            self.kept.keys().filter(|k| !aboard.contains_key(*k)).cloned().collect();
        for key in over {
            if let Some(mut kept) = self.kept.remove(&key) {
                let runs = kept.probe.end(now_ms);
                note(hand, &key, &kept.orders, runs);
            }
        }
        for (key, orders) in aboard {
            if let Some(kept) = self.kept.get_mut(&key) {
                kept.orders = orders;
            }
        }
    }
}

fn note(hand: &Hand<'_>, (vehicle, band): &(String, String), orders: &BTreeSet<String>, runs: Vec<Run>) {
    for run in runs {
        let command = DayCommand::NoteCold {
            vehicle: vehicle.clone(),
            compartment: band.clone(),
            from_ms: run.from_ms,
            to_ms: run.to_ms,
            worst_dc: run.worst_dc,
            orders: orders.iter().cloned().collect(),
        };
        if let Err(problem) = hand.send(command) {
            tracing::warn!(vehicle, detail = problem.detail, "a temperature run was not noted");
        }
    }
}

/// Orders of cold bands by the vehicle that has them.
fn aboard(app: &App) -> BTreeMap<(String, String), BTreeSet<String>> {
    let county = &app.county;
    let cold: HashMap<&str, &str> = county
        .classes
        .iter()
        .filter(|c| county.band(c.band).cold)
        .map(|c| (c.id.as_str(), county.band(c.band).id.as_str()))
        .collect();
    let mut found: BTreeMap<(String, String), BTreeSet<String>> = BTreeMap::new();
    for (id, order) in &read(&app.world).day.orders {
        if let Holder::Vehicle(vehicle) = &order.holder
            && let Some(band) = cold.get(order.class.as_str())
        {
            found.entry((vehicle.clone(), (*band).to_owned())).or_default().insert(id.clone());
        }
    }
    found
}

/// Bands that a probe of a vehicle speaks for.
fn bands_of(app: &App, vehicle: Option<&Vehicle>, probe: u8) -> Vec<String> {
    let Some(vehicle) = vehicle else { return Vec::new() };
    let most = |l: &&xiangyun_model::fleet::Layout| {
        l.compartments.iter().filter(|c| app.county.band(c.band).cold).count()
    };
    let Some(layout) = vehicle.layouts.iter().max_by_key(most) else { return Vec::new() };
    let cold: Vec<String> = layout
        .compartments
        .iter()
        .map(|c| app.county.band(c.band))
        .filter(|b| b.cold)
        .map(|b| b.id.to_string())
        .collect();
    match usize::from(probe) {
        0 => cold,
        n => cold.get(n - 1).cloned().into_iter().collect(),
    }
}
