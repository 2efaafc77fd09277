//! Orders files: CSV (UTF-8; for imports GBK and GB 18030 too) and, for imports, XLSX. Good rows become [`Order`]s,
//! bad ones coded problems.

use crate::county::{Encodings, Row, Table};
use crate::limits::ORDERS_MAX;
use jiff::civil::{Date, DateTime};
use std::collections::HashMap;
use xiangyun_model::county::County;
use xiangyun_model::id::{CarrierId, ClassId, SiteId};
use xiangyun_model::order::{Order, OrderKind, OrderRecord};
use xiangyun_model::problem::Problems;
use xiangyun_model::site::SiteKind;
use xiangyun_model::time::Window;
use xiangyun_model::units::Amount;

/// Columns that an orders file must have; the others have defaults.
pub const REQUIRED: [&str; 11] = [
    "id",
    "kind",
    "carrier",
    "origin",
    "destination",
    "class",
    "pieces",
    "weight_g",
    "volume_cm3",
    "ready",
    "promise",
];
/// Most pieces of one order.
const PIECES_MAX: i64 = 100_000;
/// Most grams or cm³ of one order.
const ORDER_AMOUNT_MAX: i64 = 100_000_000_000;
/// Highest price of one order in fen.
const ORDER_FEN_MAX: i64 = 100_000_000;

/// An order with the row it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderRow {
    /// The row as written, for the backlog and for writing it again.
    pub record: OrderRecord,
    /// The order as planned.
    pub order: Order,
}

/// What to expect of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// A file of this system's own making: CSV in UTF-8.
    Own,
    /// Another system's file: XLSX by its name, else CSV in UTF-8 or GB 18030.
    Import,
}

struct References<'a> {
    county: &'a County,
    date: Date,
    sites: HashMap<&'a str, SiteId>,
    carriers: HashMap<&'a str, CarrierId>,
    classes: HashMap<&'a str, ClassId>,
}

/// Reads an orders file for a plan date. Every row is judged; the good ones come back in file order.
///
/// `columns` renames foreign headers (their word → ours) before anything else.
pub fn read(
    file: &str,
    bytes: &[u8],
    source: Source,
    columns: &HashMap<String, String>,
    county: &County,
    date: Date,
    problems: &mut Problems,
) -> Vec<OrderRow> {
    let xlsx = source == Source::Import
        && (file.to_ascii_lowercase().ends_with(".xlsx") || bytes.starts_with(b"PK\x03\x04"));
    // With a mapping the required columns are judged after the renaming.
    let required: &[&str] = if columns.is_empty() { &REQUIRED } else { &[] };
    let table = if xlsx {
        Table::read_xlsx(file, bytes, required, problems)
    } else {
        let encodings = if source == Source::Import { Encodings::Utf8OrGb18030 } else { Encodings::Utf8 };
        Table::read(file, bytes, required, encodings, problems)
    };
    let Some(mut table) = table else { return Vec::new() };
    if !columns.is_empty() {
        table.rename(columns);
        if !table.require(&REQUIRED, problems) {
            return Vec::new();
        }
    }
    read_table(&table, county, date, problems)
}

/// Judges every row of a table that is in memory; the good ones come back in its order.
pub fn read_table(table: &Table, county: &County, date: Date, problems: &mut Problems) -> Vec<OrderRow> {
    let references = References::new(county, date);
    let mut seen: HashMap<String, u64> = HashMap::new();
    let mut rows = Vec::new();
    for row in table.rows() {
        if rows.len() >= ORDERS_MAX {
            problems.push(row.fault(
                "P123",
                "id",
                format!("too many orders for a day; at most {ORDERS_MAX}"),
            ));
            break;
        }
        let Some(order) = references.order(&row, problems) else { continue };
        if let Some(first) = seen.insert(order.id.as_str().to_owned(), row.row) {
            problems.push(row.fault(
                "P109",
                "id",
                format!("this waybill is in row {first} already; remove one of them"),
            ));
            seen.insert(order.id.as_str().to_owned(), first);
            continue;
        }
        rows.push(OrderRow { record: record_of(&row), order });
    }
    rows
}

fn record_of(row: &Row<'_>) -> OrderRecord {
    let text = |column: &str| row.text(column).to_owned();
    OrderRecord {
        id: text("id"),
        kind: text("kind"),
        carrier: text("carrier"),
        origin: text("origin"),
        destination: text("destination"),
        class: text("class"),
        pieces: text("pieces"),
        weight_g: text("weight_g"),
        volume_cm3: text("volume_cm3"),
        ready: text("ready"),
        promise: text("promise"),
        window: text("window"),
        first_due: text("first_due"),
        deferrals: text("deferrals"),
        late_fen_h: text("late_fen_h"),
        unserved_fen: text("unserved_fen"),
        cleared: text("cleared"),
        arrived_at: text("arrived_at"),
    }
}

/// Writes records as an orders file.
#[must_use]
pub fn write<'a>(records: impl IntoIterator<Item = &'a OrderRecord>) -> Vec<u8> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(OrderRecord::COLUMNS).expect("writing to memory");
    for record in records {
        writer.write_record(record.values()).expect("writing to memory, always the same number of cells");
    }
    writer.into_inner().expect("writing to memory")
}

/// Resolves records that are already in memory (a backlog): `file` names their source in problems, the first record
/// is row 2.
pub fn resolve(
    file: &str,
    records: &[OrderRecord],
    county: &County,
    date: Date,
    problems: &mut Problems,
) -> Vec<OrderRow> {
    read(file, &write(records), Source::Own, &HashMap::new(), county, date, problems)
}

impl<'a> References<'a> {
    fn new(county: &'a County, date: Date) -> Self {
        Self {
            county,
            date,
            sites: county.sites.iter().enumerate().map(|(i, s)| (s.id.as_str(), SiteId::at(i))).collect(),
            carriers: county
                .carriers
                .iter()
                .enumerate()
                .map(|(i, c)| (c.id.as_str(), CarrierId::at(i)))
                .collect(),
            classes: county
                .classes
                .iter()
                .enumerate()
                .map(|(i, c)| (c.id.as_str(), ClassId::at(i)))
                .collect(),
        }
    }

    fn order(&self, row: &Row<'_>, p: &mut Problems) -> Option<Order> {
        let id = row.code("id", p);
        let kind = row.word("kind", OrderKind::parse, "down, up, transfer, return", p);
        let carrier = find(&self.carriers, row, "carrier", "P112", "carrier; use an id of carriers.csv", p);
        let origin = find(&self.sites, row, "origin", "P111", "site; use an id of sites.csv", p);
        let destination = find(&self.sites, row, "destination", "P111", "site; use an id of sites.csv", p);
        let class = find(&self.classes, row, "class", "P112", "goods class; use an id of goods.csv", p);
        let pieces = row.int("pieces", 1..=PIECES_MAX, p);
        let g = row.int("weight_g", 0..=ORDER_AMOUNT_MAX, p);
        let cm3 = row.int("volume_cm3", 0..=ORDER_AMOUNT_MAX, p);
        let ready_s = self.instant(row, "ready", p);
        let promise_s = self.instant(row, "promise", p);
        let window = match row.text("window") {
            "" => Some(None),
            _ => row.window("window", p).map(Some),
        };
        let first_due = row.date("first_due", p).map(|d| d.unwrap_or(self.date));
        let deferrals = row.int_or("deferrals", 0..=1000, 0, p);
        let defaults = class.map(|c| self.county.class(c));
        let late_fen_h = row.int_or("late_fen_h", 0..=ORDER_FEN_MAX, defaults.map_or(0, |c| c.late_fen_h), p);
        let unserved_fen =
            row.int_or("unserved_fen", 0..=ORDER_FEN_MAX, defaults.map_or(0, |c| c.unserved_fen), p);
        let cleared = if row.text("cleared").is_empty() { Some(true) } else { row.yes("cleared", p) };
        if let (Some(ready), Some(promise)) = (ready_s, promise_s)
            && promise < ready
        {
            p.push(row.fault(
                "P124",
                "promise",
                "the promise lies before the goods are ready; correct one of them",
            ));
            return None;
        }
        let ends = kind.zip(origin).zip(destination);
        if let Some(((kind, origin), destination)) = ends {
            self.direction(row, kind, origin, destination, window, p)?;
        }
        let ((kind, origin), destination) = ends?;
        let arrived_s = match row.text("arrived_at") {
            "" => None,
            _ => Some(self.instant(row, "arrived_at", p)?),
        };
        Some(Order {
            id: id?,
            kind,
            carrier: carrier?,
            origin,
            destination,
            class: class?,
            amount: Amount { g: g?, cm3: cm3?, pieces: pieces? },
            ready_s: arrived_s.or(ready_s)?,
            promise_s: promise_s?,
            window: window?,
            first_due: first_due?,
            deferrals: u32::try_from(deferrals?).ok()?,
            late_fen_h: late_fen_h?,
            unserved_fen: unserved_fen?,
            cleared: cleared?,
        })
    }

    /// An instant `YYYY-MM-DDTHH:MM[:SS]` as seconds from midnight of the plan date.
    fn instant(&self, row: &Row<'_>, column: &str, p: &mut Problems) -> Option<i64> {
        let text = row.text(column);
        if text.is_empty() {
            p.push(row.fault("P105", column, "nothing is there; write YYYY-MM-DDTHH:MM"));
            return None;
        }
        let Ok(at) = text.replace(' ', "T").parse::<DateTime>() else {
            p.push(row.fault("P113", column, "no date and time; write YYYY-MM-DDTHH:MM"));
            return None;
        };
        let days = self.date.until(at.date()).map(|span| i64::from(span.get_days())).unwrap_or(i64::MAX);
        if days.abs() > 3660 {
            p.push(row.fault("P113", column, "more than ten years from the plan date; correct the year"));
            return None;
        }
        let time = at.time();
        let clock_s =
            i64::from(time.hour()) * 3600 + i64::from(time.minute()) * 60 + i64::from(time.second());
        Some(days * 86_400 + clock_s)
    }

    /// What each kind of order asks of its ends.
    fn direction(
        &self,
        row: &Row<'_>,
        kind: OrderKind,
        from: SiteId,
        to: SiteId,
        window: Option<Option<Window>>,
        p: &mut Problems,
    ) -> Option<()> {
        let (a, b) = (self.county.site(from), self.county.site(to));
        if from == to {
            p.push(row.fault("P122", "destination", "the destination is the origin; name two places"));
            return None;
        }
        if a.kind == SiteKind::Gateway {
            p.push(row.fault("P122", "origin", "goods from a gateway begin at the hub; name the hub"));
            return None;
        }
        let ok = match kind {
            // Goods left over at a station after a deferral are still on their way down.
            OrderKind::Down => {
                matches!(a.kind, SiteKind::Hub | SiteKind::Station)
                    && !matches!(b.kind, SiteKind::Hub | SiteKind::Gateway)
            }
            OrderKind::Up | OrderKind::Return => matches!(b.kind, SiteKind::Hub | SiteKind::Gateway),
            OrderKind::Transfer => b.kind != SiteKind::Gateway,
        };
        if !ok {
            let want = match kind {
                OrderKind::Down => {
                    "an order down goes from the hub (or a station) to a station, park or village"
                }
                OrderKind::Up | OrderKind::Return => "an order up or a return goes to the hub or a gateway",
                OrderKind::Transfer => "a transfer ends within the county",
            };
            p.push(row.fault("P122", "destination", want));
            return None;
        }
        let open = |site: SiteId| self.county.site(site);
        let far = if kind == OrderKind::Down || kind == OrderKind::Transfer { to } else { from };
        if let Some(Some(window)) = window {
            let windows = open(far).windows_on(self.date, true);
            if !windows.is_empty()
                && !windows.iter().any(|w| w.from_s < window.to_s && window.from_s < w.to_s)
            {
                p.push(row.fault(
                    "P114",
                    "window",
                    format!(
                        "impossible: {} is closed all this time; choose hours within its own",
                        open(far).id
                    ),
                ));
                return None;
            }
        }
        Some(())
    }
}

fn find<Id: Copy>(
    map: &HashMap<&str, Id>,
    row: &Row<'_>,
    column: &str,
    code: &'static str,
    what: &str,
    p: &mut Problems,
) -> Option<Id> {
    let found = map.get(row.text(column)).copied();
    if found.is_none() {
        p.push(row.fault(code, column, format!("unknown {what}")));
    }
    found
}
