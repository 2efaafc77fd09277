//! `sites.csv`, `bands.csv`, `goods.csv`, `carriers.csv`, `inbound.csv`, `calendar.csv`, `stock.csv`.

use super::{AMOUNT_MAX, FEN_MAX, Index, Loader, SPAN_S_MAX};
use xiangyun_model::calendar::{CalendarEntry, CalendarKind};
use xiangyun_model::carrier::{Carrier, Inbound};
use xiangyun_model::county::Stock;
use xiangyun_model::geo::LonLat;
use xiangyun_model::goods::{Band, GoodsClass};
use xiangyun_model::handling::UnitKind;
use xiangyun_model::id::{BandId, CarrierId, ClassId, SiteId};
use xiangyun_model::problem::Problem;
use xiangyun_model::site::{Site, SiteKind};

const SITE_KINDS: &str = "hub, station, village, park, gateway";
const UNIT_KINDS: &str = "bag, tote, cage, loose";

impl Loader<'_> {
    pub(super) fn sites(&mut self, index: &mut Index) -> Vec<Site> {
        let required = [
            "id",
            "kind",
            "name_zh",
            "lon",
            "lat",
            "parent",
            "hours",
            "service_s",
            "unit_s",
            "docks",
            "max_vehicle",
        ];
        let Some(table) = self.table("sites.csv", &required) else { return Vec::new() };
        let mut sites = Vec::new();
        let mut parents = Vec::new();
        for row in table.rows() {
            let p = &mut *self.problems;
            let id = index.sites.take(&row, SiteId::at(sites.len()), p);
            let kind = row.word("kind", SiteKind::parse, SITE_KINDS, p);
            let lon = row.degrees("lon", 180.0, p);
            let lat = row.degrees("lat", 90.0, p);
            let hours = row.hours("hours", p);
            let closed_days = row.dates("closed_days", p);
            let unattended = row.yes("unattended", p);
            let service_s = row.int("service_s", 0..=SPAN_S_MAX, p);
            let unit_s = row.int("unit_s", 0..=SPAN_S_MAX, p);
            let store_pieces = row.int_or("store_pieces", 0..=AMOUNT_MAX, AMOUNT_MAX, p);
            let store_cm3 = row.int_or("store_cm3", 0..=AMOUNT_MAX, AMOUNT_MAX, p);
            let store_cold_cm3 = row.int_or("store_cold_cm3", 0..=AMOUNT_MAX, 0, p);
            let uncertainty = row.int_or("coord_uncertainty_m", 0..=1_000_000, 0, p);
            let docks = row.int_or("docks", 0..=10_000, 0, p);
            let max_vehicle = row.vehicle_kind("max_vehicle", p);
            let opened_on = row.date("opened_on", p);
            if row.text("name_zh").is_empty() {
                p.push(row.fault("P105", "name_zh", "nothing is there; give a name"));
            }
            let flags: Vec<String> = row.list("flags").map(str::to_owned).collect();
            let place = lon.zip(lat).and_then(|(lon, lat)| LonLat::new(lon, lat).ok());
            let parts = id.zip(kind).zip(place).zip(hours).zip(unattended).zip(service_s.zip(unit_s));
            let stores = store_pieces.zip(store_cm3).zip(store_cold_cm3).zip(uncertainty);
            let rest = docks.zip(max_vehicle).zip(opened_on);
            if let (
                Some((((((id, kind), place), hours), unattended), (service_s, unit_s))),
                Some((((store_pieces, store_cm3), store_cold_cm3), coord_uncertainty_m)),
                Some(((docks, max_vehicle), opened_on)),
            ) = (parts, stores, rest)
            {
                parents.push((sites.len(), row.clone()));
                sites.push(Site {
                    id,
                    kind,
                    code: row.text("code").into(),
                    name_zh: row.text("name_zh").into(),
                    name_en: row.text("name_en").into(),
                    aliases: row.list("aliases").map(str::to_owned).collect(),
                    place,
                    coord_source: row.text("coord_source").into(),
                    coord_uncertainty_m,
                    parent: None,
                    hours,
                    closed_days,
                    unattended,
                    service_s,
                    unit_s,
                    store_pieces,
                    store_cm3,
                    store_cold_cm3,
                    docks: u32::try_from(docks).unwrap_or(u32::MAX),
                    max_vehicle,
                    poor: flags.iter().any(|f| f == "poor"),
                    remote: flags.iter().any(|f| f == "remote"),
                    flags,
                    phase: row.text("phase").into(),
                    opened_on,
                });
            }
        }
        self.parents(&mut sites, &parents, index);
        sites
    }

    fn parents(&mut self, sites: &mut [Site], rows: &[(usize, super::Row<'_>)], index: &Index) {
        for (i, row) in rows {
            let text = row.text("parent");
            let wants = match sites[*i].kind {
                SiteKind::Hub => continue,
                SiteKind::Station | SiteKind::Gateway => SiteKind::Hub,
                SiteKind::Village | SiteKind::Park => SiteKind::Station,
            };
            if text.is_empty() {
                self.problems.push(row.fault(
                    "P105",
                    "parent",
                    format!("nothing is there; give the id of its {}", wants.word()),
                ));
                continue;
            }
            let Some(parent) = index.sites.find(row, "parent", text, self.problems) else { continue };
            // A row that failed has no site; its own problem is listed already.
            if let Some(found) = sites.get(parent.index())
                && found.id.as_str() == text
                && found.kind != wants
            {
                let want = format!(
                    "this is a {}; a {} belongs to a {}",
                    found.kind.word(),
                    sites[*i].kind.word(),
                    wants.word()
                );
                self.problems.push(row.fault("P118", "parent", want));
                continue;
            }
            sites[*i].parent = Some(parent);
        }
    }

    pub(super) fn hub(&mut self, sites: &[Site]) -> Option<SiteId> {
        let hubs: Vec<usize> =
            sites.iter().enumerate().filter(|(_, s)| s.kind == SiteKind::Hub).map(|(i, _)| i).collect();
        if hubs.len() == 1 {
            return Some(SiteId::at(hubs[0]));
        }
        if self.problems.is_empty() || hubs.len() > 1 {
            self.problems.push(Problem {
                code: "P118",
                file: "sites.csv".into(),
                row: 0,
                column: "kind".into(),
                found: hubs.len().to_string(),
                want: "a county has exactly one site of kind hub".into(),
            });
        }
        None
    }

    pub(super) fn bands(&mut self, index: &mut Index) -> Vec<Band> {
        let Some(table) = self.table("bands.csv", &["id", "name_zh", "min_c", "max_c", "cold"]) else {
            return Vec::new();
        };
        let mut bands: Vec<Band> = Vec::new();
        for row in table.rows() {
            let p = &mut *self.problems;
            let id = index.bands.take(&row, BandId::at(bands.len()), p);
            let mut limit = |column: &str| {
                if row.text(column).is_empty() {
                    Some(None)
                } else {
                    row.int(column, -100..=100, p).map(|c| Some(i32::try_from(c * 10).unwrap_or(0)))
                }
            };
            let (min_dc, max_dc) = (limit("min_c"), limit("max_c"));
            let cold = row.yes("cold", self.problems);
            if let (Some(Some(min)), Some(Some(max))) = (min_dc, max_dc)
                && min > max
            {
                self.problems.push(row.fault(
                    "P114",
                    "min_c",
                    "the lowest temperature is above the highest; swap them",
                ));
            }
            if let (Some(id), Some(min_dc), Some(max_dc), Some(cold)) = (id, min_dc, max_dc, cold) {
                bands.push(Band { id, name_zh: row.text("name_zh").into(), min_dc, max_dc, cold });
            }
        }
        bands
    }

    pub(super) fn classes(&mut self, index: &mut Index) -> Vec<GoodsClass> {
        let required = [
            "id",
            "name_zh",
            "band",
            "out_of_band_min",
            "on_way_min",
            "incompatible",
            "unit",
            "on_lines",
            "late_fen_h",
            "unserved_fen",
        ];
        let Some(table) = self.table("goods.csv", &required) else { return Vec::new() };
        let mut classes: Vec<GoodsClass> = Vec::new();
        let mut rows = Vec::new();
        for row in table.rows() {
            let p = &mut *self.problems;
            let id = index.classes.take(&row, ClassId::at(classes.len()), p);
            let band = index.bands.find(&row, "band", row.text("band"), p);
            let mut minutes = |column: &str| {
                if row.text(column).is_empty() {
                    Some(None)
                } else {
                    row.int(column, 0..=SPAN_S_MAX / 60, p).map(|m| Some(m * 60))
                }
            };
            let (out, way) = (minutes("out_of_band_min"), minutes("on_way_min"));
            let unit = row.word("unit", UnitKind::parse, UNIT_KINDS, p);
            let on_lines = row.yes("on_lines", p);
            let late_fen_h = row.int("late_fen_h", 0..=FEN_MAX, p);
            let unserved_fen = row.int("unserved_fen", 0..=FEN_MAX, p);
            if let (
                Some(id),
                Some(band),
                Some(out),
                Some(way),
                Some(unit),
                Some(on_lines),
                Some(late_fen_h),
                Some(unserved_fen),
            ) = (id, band, out, way, unit, on_lines, late_fen_h, unserved_fen)
            {
                rows.push((classes.len(), row.clone()));
                classes.push(GoodsClass {
                    id,
                    name_zh: row.text("name_zh").into(),
                    name_en: row.text("name_en").into(),
                    band,
                    out_of_band_max_s: out,
                    on_way_max_s: way,
                    incompatible: Vec::new(),
                    unit,
                    on_lines,
                    late_fen_h,
                    unserved_fen,
                });
            }
        }
        for (i, row) in rows {
            for other in index.classes.find_all(&row, "incompatible", self.problems) {
                let this = ClassId::at(i);
                if let Some(class) = classes.get_mut(other.index()) {
                    class.incompatible.push(this);
                }
                classes[i].incompatible.push(other);
            }
        }
        for class in &mut classes {
            class.incompatible.sort_unstable();
            class.incompatible.dedup();
        }
        classes
    }

    pub(super) fn carriers(&mut self, index: &mut Index) -> Vec<Carrier> {
        let required = ["id", "name_zh", "name_en", "share_bp", "share_up_bp", "excludes", "sealed", "today"];
        let Some(table) = self.table("carriers.csv", &required) else { return Vec::new() };
        let mut carriers: Vec<Carrier> = Vec::new();
        let mut rows = Vec::new();
        for row in table.rows() {
            let p = &mut *self.problems;
            let id = index.carriers.take(&row, CarrierId::at(carriers.len()), p);
            let share_bp = row.int("share_bp", 0..=10_000, p);
            let share_up_bp = row.int("share_up_bp", 0..=10_000, p);
            let sealed = row.yes("sealed", p);
            let today = |word: &str| match word {
                "villages" => Some(true),
                "townships" => Some(false),
                _ => None,
            };
            let today_villages = row.word("today", today, "villages, townships", p);
            if let (Some(id), Some(share_bp), Some(share_up_bp), Some(sealed), Some(today_villages)) =
                (id, share_bp, share_up_bp, sealed, today_villages)
            {
                rows.push((carriers.len(), row.clone()));
                let (name_zh, name_en) = (row.text("name_zh").into(), row.text("name_en").into());
                carriers.push(Carrier {
                    id,
                    name_zh,
                    name_en,
                    share_bp,
                    share_up_bp,
                    excludes: Vec::new(),
                    sealed,
                    today_villages,
                });
            }
        }
        for (i, row) in rows {
            for other in index.carriers.find_all(&row, "excludes", self.problems) {
                if let Some(carrier) = carriers.get_mut(other.index()) {
                    carrier.excludes.push(CarrierId::at(i));
                }
                carriers[i].excludes.push(other);
            }
        }
        for carrier in &mut carriers {
            carrier.excludes.sort_unstable();
            carrier.excludes.dedup();
        }
        if self.problems.is_empty() {
            self.shares_of_carriers(&carriers);
        }
        carriers
    }

    fn shares_of_carriers(&mut self, carriers: &[Carrier]) {
        for (column, sum) in [
            ("share_bp", carriers.iter().map(|c| c.share_bp).sum::<i64>()),
            ("share_up_bp", carriers.iter().map(|c| c.share_up_bp).sum()),
        ] {
            if sum != 10_000 {
                self.problems.push(Problem {
                    code: "P120",
                    file: "carriers.csv".into(),
                    row: 0,
                    column: column.into(),
                    found: sum.to_string(),
                    want: "the shares must add up to 10000".into(),
                });
            }
        }
    }

    pub(super) fn inbound(&mut self, index: &Index) -> Vec<Inbound> {
        let Some(table) = self.table("inbound.csv", &["carrier", "arrives", "share_bp"]) else {
            return Vec::new();
        };
        let mut inbound = Vec::new();
        for row in table.rows() {
            let p = &mut *self.problems;
            let carrier = index.carriers.find(&row, "carrier", row.text("carrier"), p);
            let arrives_s = row.clock("arrives", p);
            let share_bp = row.int("share_bp", 0..=10_000, p);
            if let (Some(carrier), Some(arrives_s), Some(share_bp)) = (carrier, arrives_s, share_bp) {
                inbound.push(Inbound { carrier, arrives_s, share_bp });
            }
        }
        inbound
    }

    pub(super) fn calendar(&mut self, index: &Index) -> Vec<CalendarEntry> {
        let Some(table) = self.table(
            "calendar.csv",
            &["date", "site", "kind", "down_bp", "up_bp", "from_kind", "hours", "note"],
        ) else {
            return Vec::new();
        };
        let mut calendar = Vec::new();
        for row in table.rows() {
            let p = &mut *self.problems;
            let date = row.date("date", p);
            if date == Some(None) {
                p.push(row.fault("P105", "date", "nothing is there; write YYYY-MM-DD"));
            }
            let site = match row.text("site") {
                "" => Some(None),
                text => index.sites.find(&row, "site", text, p).map(Some),
            };
            let kind = match row.text("kind") {
                "market" => Some(CalendarKind::Market),
                "festival" => Some(CalendarKind::Festival),
                "peak" => Some(CalendarKind::Peak),
                "weather" => Some(CalendarKind::Weather),
                "truck_limit" => {
                    let from_kind = row.vehicle_kind("from_kind", p);
                    let hours = row.window("hours", p);
                    from_kind
                        .zip(hours)
                        .map(|(from_kind, hours)| CalendarKind::TruckLimit { from_kind, hours })
                }
                _ => {
                    p.push(row.fault(
                        "P110",
                        "kind",
                        "unknown word; one of market, festival, peak, weather, truck_limit",
                    ));
                    None
                }
            };
            let down_bp = row.int_or("down_bp", 0..=1_000_000, 10_000, p);
            let up_bp = row.int_or("up_bp", 0..=1_000_000, 10_000, p);
            let speed_bp = row.int_or("speed_bp", 1_000..=10_000, 10_000, p);
            if let (Some(Some(date)), Some(site), Some(kind), Some(down_bp), Some(up_bp), Some(speed_bp)) =
                (date, site, kind, down_bp, up_bp, speed_bp)
            {
                calendar.push(CalendarEntry {
                    date,
                    site,
                    kind,
                    down_bp,
                    up_bp,
                    speed_bp,
                    note: row.text("note").into(),
                });
            }
        }
        calendar
    }

    pub(super) fn stock(&mut self, index: &Index) -> Vec<Stock> {
        let Some(table) = self.table("stock.csv", &["site", "item", "count", "want"]) else {
            return Vec::new();
        };
        let mut stock = Vec::new();
        for row in table.rows() {
            let p = &mut *self.problems;
            let site = index.sites.find(&row, "site", row.text("site"), p);
            let item = row.word("item", UnitKind::parse, UNIT_KINDS, p);
            let count = row.int("count", 0..=10_000_000, p);
            let want = row.int_or("want", 0..=10_000_000, 0, p);
            if let (Some(site), Some(item), Some(count), Some(want)) = (site, item, count, want) {
                stock.push(Stock { site, item, count, want });
            }
        }
        stock
    }
}
