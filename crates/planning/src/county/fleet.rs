//! `vehicles.csv`, `drivers.csv`, `lines.csv`.

use super::{AMOUNT_MAX, FEN_MAX, Index, Loader, Names, Row};
use std::collections::BTreeMap;
use xiangyun_model::driver::{Driver, Licence};
use xiangyun_model::fleet::{Compartment, Layout, Vehicle};
use xiangyun_model::id::{DriverId, SiteId, VehicleId};
use xiangyun_model::line::{LineStop, LineTrip};
use xiangyun_model::problem::{Problem, Problems};
use xiangyun_model::units::Amount;

const LICENCES: &str = "A1, A2, A3, B1, B2, C1, C2";
/// Most compartments of a layout, and most layouts of a vehicle.
const LAYOUT_PARTS_MAX: usize = 8;

/// Reads `band:g/cm3/pieces+band:g/cm3/pieces|…`: layouts joined by `|`, their compartments by `+`.
fn layouts(row: &Row<'_>, index: &Index, problems: &mut Problems) -> Option<Vec<Layout>> {
    let mut layouts = Vec::new();
    for text in row.text("layouts").split('|') {
        let mut compartments: Vec<Compartment> = Vec::new();
        for part in text.split('+') {
            let (band, room) = part.split_once(':').unwrap_or((part, ""));
            let numbers: Vec<i64> = room.split('/').filter_map(|n| n.trim().parse().ok()).collect();
            let [g, cm3, pieces] = numbers[..] else {
                let want =
                    "not a layout; write band:grams/cm3/pieces, compartments joined by +, layouts by |";
                problems.push(row.fault("P110", "layouts", want));
                return None;
            };
            if [g, cm3, pieces].iter().any(|n| !(0..=AMOUNT_MAX).contains(n)) {
                problems.push(row.fault(
                    "P107",
                    "layouts",
                    "a capacity is negative or too large; give whole numbers from 0",
                ));
                return None;
            }
            let band = index.bands.find(row, "layouts", band.trim(), problems)?;
            let word = part.split(':').next().unwrap_or("").trim();
            let same = compartments.iter().filter(|c| c.band == band).count();
            let name = if same == 0 { word.to_owned() } else { format!("{word}-{}", same + 1) };
            compartments.push(Compartment { name, band, room: Amount { g, cm3, pieces } });
        }
        if compartments.len() > LAYOUT_PARTS_MAX {
            problems.push(row.fault("P107", "layouts", format!("at most {LAYOUT_PARTS_MAX} compartments")));
            return None;
        }
        layouts.push(Layout { compartments });
    }
    if layouts.len() > LAYOUT_PARTS_MAX {
        problems.push(row.fault("P107", "layouts", format!("at most {LAYOUT_PARTS_MAX} layouts")));
        return None;
    }
    Some(layouts)
}

impl Loader<'_> {
    pub(super) fn vehicles(&mut self, index: &Index) -> Vec<Vehicle> {
        let required = [
            "id",
            "plate",
            "kind",
            "profile",
            "base",
            "payload_g",
            "layouts",
            "fixed_fen",
            "km_fen",
            "available",
            "licence",
        ];
        let Some(table) = self.table("vehicles.csv", &required) else { return Vec::new() };
        let mut names = Names::new("vehicle", "vehicles.csv", "P112");
        let mut vehicles: Vec<Vehicle> = Vec::new();
        for row in table.rows() {
            let p = &mut *self.problems;
            let id = names.take(&row, VehicleId::at(vehicles.len()), p);
            let kind = row.vehicle_kind("kind", p);
            let base = index.sites.find(&row, "base", row.text("base"), p);
            let carrier = match row.text("carrier") {
                "" => Some(None),
                text => index.carriers.find(&row, "carrier", text, p).map(Some),
            };
            let payload_g = row.int("payload_g", 1..=AMOUNT_MAX, p);
            let layouts = layouts(&row, index, p);
            let fixed_fen = row.int("fixed_fen", 0..=FEN_MAX, p);
            let km_fen = row.int("km_fen", 0..=1_000_000, p);
            let range_m = match row.text("range_m") {
                "" => Some(None),
                _ => row.int("range_m", 1..=10_000_000, p).map(Some),
            };
            let charge_m_s = row.int_or("charge_m_s", 0..=1_000_000, 0, p);
            let trips_max = row.int_or("trips_max", 1..=100, 20, p);
            let available = row.window("available", p);
            let licence = row.word("licence", Licence::parse, LICENCES, p);
            let excludes = index.carriers.find_all(&row, "excludes", p);
            let subsidised = row.yes("subsidised", p);
            if row.text("profile").is_empty() {
                p.push(row.fault("P105", "profile", "nothing is there; name a road profile such as van"));
            }
            let who = id.zip(kind).zip(base).zip(carrier).zip(payload_g).zip(layouts);
            let price = fixed_fen.zip(km_fen).zip(range_m).zip(charge_m_s).zip(trips_max);
            let when = available.zip(licence).zip(subsidised);
            if let (
                Some((((((id, kind), base), carrier), payload_g), layouts)),
                Some(((((fixed_fen, km_fen), range_m), charge_m_s), trips_max)),
                Some(((available, licence), subsidised)),
            ) = (who, price, when)
            {
                vehicles.push(Vehicle {
                    id,
                    plate: row.text("plate").into(),
                    kind,
                    profile: row.text("profile").into(),
                    carrier,
                    base,
                    payload_g,
                    layouts,
                    fixed_fen,
                    km_fen,
                    range_m,
                    charge_m_s,
                    trips_max: u32::try_from(trips_max).unwrap_or(1),
                    available,
                    licence,
                    excludes,
                    subsidised,
                    flags: row.list("flags").map(str::to_owned).collect(),
                });
            }
        }
        vehicles
    }

    pub(super) fn drivers(&mut self, index: &Index) -> Vec<Driver> {
        let required = ["id", "licence", "shift", "base", "hour_fen", "overtime_hour_fen"];
        let Some(table) = self.table("drivers.csv", &required) else { return Vec::new() };
        let mut names = Names::new("driver", "drivers.csv", "P112");
        let mut drivers: Vec<Driver> = Vec::new();
        for row in table.rows() {
            let p = &mut *self.problems;
            let id = names.take(&row, DriverId::at(drivers.len()), p);
            let licence = row.word("licence", Licence::parse, LICENCES, p);
            let shift = if row.text("shift").is_empty() {
                p.push(row.fault(
                    "P116",
                    "shift",
                    "this driver has no shift; write FROM-TO such as 08:00-17:30",
                ));
                None
            } else {
                row.window("shift", p)
            };
            let weekdays = row.weekdays("weekdays", p);
            let leave = row.dates("leave", p);
            let base = index.sites.find(&row, "base", row.text("base"), p);
            let knows = index.sites.find_all(&row, "knows", p);
            let hour_fen = row.int("hour_fen", 0..=FEN_MAX, p);
            let overtime_hour_fen = row.int("overtime_hour_fen", 0..=FEN_MAX, p);
            if let (
                Some(id),
                Some(licence),
                Some(shift),
                Some(weekdays),
                Some(base),
                Some(hour_fen),
                Some(overtime_hour_fen),
            ) = (id, licence, shift, weekdays, base, hour_fen, overtime_hour_fen)
            {
                drivers.push(Driver {
                    id,
                    licence,
                    shift,
                    weekdays,
                    leave,
                    base,
                    knows,
                    hour_fen,
                    overtime_hour_fen,
                });
            }
        }
        drivers
    }

    /// Every vehicle needs somebody at its base who may drive it.
    pub(super) fn crews(&mut self, vehicles: &[Vehicle], drivers: &[Driver]) {
        if !self.problems.is_empty() {
            return;
        }
        for (i, vehicle) in vehicles.iter().enumerate() {
            if !drivers.iter().any(|d| d.base == vehicle.base && d.licence.allows(vehicle.licence)) {
                self.problems.push(Problem {
                    code: "P119",
                    file: "vehicles.csv".into(),
                    row: i as u64 + 2,
                    column: "licence".into(),
                    found: vehicle.licence.word().into(),
                    want: format!("no driver at the base of {} holds this licence; add one to drivers.csv or move the vehicle", vehicle.id),
                });
            }
        }
    }

    pub(super) fn lines(&mut self, index: &Index) -> Vec<LineTrip> {
        let required = [
            "line",
            "name_zh",
            "departure",
            "seq",
            "site",
            "arrive",
            "depart",
            "hold_g",
            "hold_cm3",
            "hold_pieces",
            "stop_pieces",
            "closes_min",
            "use_fen",
            "piece_fen",
        ];
        let Some(table) = self.table("lines.csv", &required) else { return Vec::new() };
        let mut trips: BTreeMap<String, (LineTrip, i64)> = BTreeMap::new();
        for row in table.rows() {
            let p = &mut *self.problems;
            let id = row.code("departure", p);
            let seq = row.int("seq", 1..=1000, p);
            let site: Option<SiteId> = index.sites.find(&row, "site", row.text("site"), p);
            let arrive_s = row.clock("arrive", p);
            let depart_s = row.clock("depart", p);
            let g = row.int("hold_g", 0..=AMOUNT_MAX, p);
            let cm3 = row.int("hold_cm3", 0..=AMOUNT_MAX, p);
            let pieces = row.int("hold_pieces", 0..=AMOUNT_MAX, p);
            let stop_pieces = row.int("stop_pieces", 0..=AMOUNT_MAX, p);
            let closes = row.int("closes_min", 0..=1440, p);
            let weekdays = row.weekdays("weekdays", p);
            let use_fen = row.int("use_fen", 0..=FEN_MAX, p);
            let piece_fen = row.int("piece_fen", 0..=FEN_MAX, p);
            let stop = id.zip(seq).zip(site).zip(arrive_s.zip(depart_s));
            let hold = g.zip(cm3).zip(pieces).zip(stop_pieces).zip(closes);
            let price = weekdays.zip(use_fen).zip(piece_fen);
            let (
                Some((((id, seq), site), (arrive_s, depart_s))),
                Some(((((g, cm3), pieces), stop_pieces), closes)),
                Some(((weekdays, use_fen), piece_fen)),
            ) = (stop, hold, price)
            else {
                continue;
            };
            if depart_s < arrive_s {
                p.push(row.fault("P121", "depart", "the departure lies before the arrival; put it after"));
                continue;
            }
            let (trip, last) = trips.entry(id.as_str().to_owned()).or_insert_with(|| {
                let trip = LineTrip {
                    id,
                    line: row.text("line").into(),
                    name_zh: row.text("name_zh").into(),
                    stops: Vec::new(),
                    hold: Amount { g, cm3, pieces },
                    stop_pieces,
                    closes_s: closes * 60,
                    weekdays,
                    use_fen,
                    piece_fen,
                };
                (trip, 0)
            });
            if seq <= *last {
                p.push(row.fault(
                    "P121",
                    "seq",
                    format!("the stops of {} are not in order; number them upward", trip.id),
                ));
            } else if trip.stops.last().is_some_and(|before| before.depart_s >= arrive_s) {
                p.push(row.fault(
                    "P121",
                    "arrive",
                    "the stop lies before the departure from the stop before; put it after",
                ));
            }
            // What the luggage leaves may differ by leg; the tightest counts for the whole departure.
            trip.hold = Amount {
                g: trip.hold.g.min(g),
                cm3: trip.hold.cm3.min(cm3),
                pieces: trip.hold.pieces.min(pieces),
            };
            trip.stop_pieces = trip.stop_pieces.min(stop_pieces);
            *last = seq;
            trip.stops.push(LineStop { site, arrive_s, depart_s });
        }
        for (id, (trip, _)) in &trips {
            if trip.stops.len() < 2 {
                self.problems.push(Problem {
                    code: "P121",
                    file: "lines.csv".into(),
                    row: 0,
                    column: "departure".into(),
                    found: id.clone(),
                    want: "a departure needs at least two stops".into(),
                });
            }
        }
        trips.into_values().map(|(trip, _)| trip).collect()
    }
}
