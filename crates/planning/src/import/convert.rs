//! Rows of any layout to orders: values read leniently but never guessed, defaults named, addresses resolved,
//! duplicates recognised by waybill.

use super::carriers::Carriers;
use super::cell::{self, BadWhen, Unit};
use super::fix;
use super::header::Mapping;
use super::sheet::{Mark, Sheet, SheetRow, letter, shortened};
use super::waybill;
use crate::address::{Answer, Candidate, Query, Resolver};
use crate::county::Table;
use crate::orders::{self, OrderRow};
use jiff::civil::Date;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use xiangyun_model::county::County;
use xiangyun_model::id::CarrierId;
use xiangyun_model::order::{OrderKind, OrderRecord};
use xiangyun_model::problem::{Problem, Problems};
use xiangyun_model::site::SiteKind;

/// What an import is judged against.
pub struct Context<'a> {
    /// The county.
    pub county: &'a County,
    /// Plan date of the orders.
    pub date: Date,
    /// Places addresses; without it only ids of `sites.csv` are destinations.
    pub resolver: Option<&'a Resolver>,
    /// Whose file it is, where no column says so.
    pub carrier: Option<CarrierId>,
    /// Waybills that earlier imports of the day brought.
    pub known: &'a BTreeSet<String>,
}

/// One row taken.
#[derive(Clone, Debug)]
pub struct Kept {
    /// Row in the file.
    pub row: u64,
    /// The order.
    pub order: OrderRow,
    /// Recipient (for what goes up: sender) as written; personal data.
    pub recipient: String,
    /// Phone as written, digits and stars; personal data.
    pub phone: String,
    /// Address as written; personal data.
    pub address: String,
    /// How sure the place is, in thousandths; none where the file named a site.
    pub confidence_pm: Option<u32>,
}

impl Imported {
    /// Addresses with the site that the file itself named for them: what a sorter has settled.
    pub fn settled(&self) -> impl Iterator<Item = (&str, &str)> {
        self.kept.iter().filter(|k| k.confidence_pm.is_none() && !k.address.is_empty()).map(|kept| {
            let record = &kept.order.record;
            let outbound = matches!(record.kind.as_str(), "up" | "return");
            (kept.address.as_str(), if outbound { &*record.origin } else { &*record.destination })
        })
    }
}

/// A row that a person must place.
#[derive(Clone, Debug)]
pub struct ToSort {
    /// Row in the file.
    pub row: u64,
    /// The order as read, without its place.
    pub record: OrderRecord,
    /// The address as written; personal data.
    pub address: String,
    /// Places that it may mean, the likeliest first.
    pub candidates: Vec<Candidate>,
}

/// What an import gave.
#[derive(Debug, Default)]
pub struct Imported {
    /// Orders, in file order.
    pub kept: Vec<Kept>,
    /// Rows to sort by hand: good but for their place.
    pub to_sort: Vec<ToSort>,
    /// Rows refused, by number.
    pub refused: BTreeSet<u64>,
    /// Rows left out because their waybill is there already, word for word, by number.
    pub duplicates: BTreeSet<u64>,
    /// Why rows were refused.
    pub problems: Problems,
    /// What was read leniently, left out or assumed.
    pub notices: Problems,
    /// The refused rows and those to sort, to be corrected and imported again; empty when there are none.
    pub fix_file: Vec<u8>,
}

/// Makes orders of a table's rows.
#[must_use]
pub fn convert(sheet: &Sheet, mapping: &Mapping, context: &Context<'_>) -> Imported {
    let mut out =
        Imported { problems: sheet.problems.clone(), notices: sheet.notices.clone(), ..Imported::default() };
    if !complete(sheet, mapping, &mut out.problems) {
        out.refused.extend(sheet.rows.iter().skip(mapping.position + 1).map(|r| r.row));
        finish(sheet, mapping, &mut out);
        return out;
    }
    let reader = Reader { sheet, mapping, context, carriers: Carriers::new(context.county) };
    reader.assumed(&mut out.notices);
    let mut drafts: Vec<Draft> = Vec::new();
    let mut seen: HashMap<String, usize> = HashMap::new();
    for (at, row) in sheet.rows.iter().enumerate().skip(mapping.position + 1) {
        if row.refused {
            out.refused.insert(row.row);
            continue;
        }
        if reader.is_total(row) || row.cells == sheet.rows[mapping.position].cells {
            let what = shortened(row.cells.iter().find(|c| !c.is_empty()).unwrap_or(""));
            out.notices.push(sheet.fault(
                "P136",
                row.row,
                "",
                &what,
                "a total or a header again, no order; left out",
            ));
            continue;
        }
        let Some(draft) = reader.draft(at, row, &mut out) else {
            out.refused.insert(row.row);
            continue;
        };
        let id = draft.record.id.clone();
        let earlier = seen.get(&id).map(|&first| &sheet.rows[first]);
        if context.known.contains(&id) {
            out.duplicates.insert(row.row);
            let want = "this waybill was imported before; the row is left out";
            out.notices.push(sheet.fault("P134", row.row, mapping.theirs("id"), &id, want));
        } else if earlier.is_some_and(|first| first.cells == row.cells) {
            let first = earlier.map_or(0, |r| r.row);
            out.duplicates.insert(row.row);
            let want = format!("the same as row {first}; the row is left out");
            out.notices.push(sheet.fault("P134", row.row, mapping.theirs("id"), &id, want));
        } else if let Some(first) = earlier {
            out.refused.insert(row.row);
            let want =
                format!("this waybill is in row {} with other contents; keep the right one", first.row);
            out.problems.push(sheet.fault("P109", row.row, mapping.theirs("id"), &id, want));
        } else {
            seen.insert(id, at);
            drafts.push(draft);
        }
    }
    judge(&reader, drafts, &mut out);
    finish(sheet, mapping, &mut out);
    out
}

/// Whether the columns are there without which there is no order.
fn complete(sheet: &Sheet, mapping: &Mapping, problems: &mut Problems) -> bool {
    let mut whole = true;
    let header = mapping.columns.iter().map(|c| c.theirs.as_str()).collect::<Vec<_>>().join(",");
    let mut lack = |column: &str, want: &str| {
        problems.push(sheet.fault("P104", mapping.header_row, column, &header, want));
        whole = false;
    };
    if mapping.column("id").is_none() {
        lack("id", "no column holds the waybill number; name it in a mapping (theirs,ours with ours = id)");
    }
    let place = ["destination", "address", "town", "village", "sender_address"];
    if place.iter().all(|f| mapping.column(f).is_none()) {
        lack(
            "destination",
            "no column says where the goods go; name one in a mapping as address or destination",
        );
    }
    whole
}

/// A row read, before references and rules are judged.
struct Draft {
    at: usize,
    record: OrderRecord,
    recipient: String,
    phone: String,
    address: String,
    answer: Option<Answer>,
    /// Which end the address stands for.
    far_is_origin: bool,
}

/// Reads the rows of one sheet under one mapping.
pub(super) struct Reader<'a> {
    pub(super) sheet: &'a Sheet,
    pub(super) mapping: &'a Mapping,
    pub(super) context: &'a Context<'a>,
    carriers: Carriers,
}

const KIND_WORDS: [(&str, OrderKind); 12] = [
    ("派件", OrderKind::Down),
    ("派送", OrderKind::Down),
    ("下行", OrderKind::Down),
    ("到件", OrderKind::Down),
    ("收件", OrderKind::Up),
    ("揽收", OrderKind::Up),
    ("揽件", OrderKind::Up),
    ("上行", OrderKind::Up),
    ("退件", OrderKind::Return),
    ("退货", OrderKind::Return),
    ("互寄", OrderKind::Transfer),
    ("转运", OrderKind::Transfer),
];

impl Reader<'_> {
    pub(super) fn text<'b>(&self, row: &'b SheetRow, field: &str) -> &'b str {
        self.mapping.column(field).map_or("", |at| row.cells.get(at))
    }

    pub(super) fn fault(
        &self,
        row: &SheetRow,
        field: &str,
        code: &'static str,
        want: impl Into<String>,
    ) -> Problem {
        self.sheet.fault(code, row.row, self.mapping.theirs(field), self.text(row, field), want)
    }

    fn is_total(&self, row: &SheetRow) -> bool {
        let first = row.cells.iter().find(|c| !c.is_empty()).unwrap_or("");
        let first: String = cell::halfwidth(first).replace(' ', "");
        ["合计", "总计", "小计", "共计"].iter().any(|w| first.starts_with(w))
            && self.text(row, "id").len() < 24
            && {
                let id = cell::halfwidth(self.text(row, "id"));
                !id.bytes().any(|b| b.is_ascii_digit()) || id.parse::<u32>().is_ok()
            }
    }

    /// Says once what is assumed for whole columns.
    fn assumed(&self, notices: &mut Problems) {
        let mut say = |fields: &[&str], column: &str, want: &str| {
            if fields.iter().all(|f| self.mapping.column(f).is_none()) {
                notices.push(self.sheet.fault("P138", self.mapping.header_row, column, "", want));
            }
        };
        say(&["weight_g", "weight"], "weight_g", "no such column; the mean of the goods class is taken");
        say(&["volume_cm3", "volume"], "volume_cm3", "no such column; the mean of the goods class is taken");
        say(&["pieces"], "pieces", "no such column; one piece a row is taken");
        say(&["ready"], "ready", "no such column; the carrier's first arrival at the hub is taken");
        say(&["promise"], "promise", "no such column; the county's usual promise is taken");
        say(&["class", "goods"], "class", "no such column; the commonest goods class is taken");
    }

    /// Reads one row; `None` when a problem was found.
    fn draft(&self, at: usize, row: &SheetRow, out: &mut Imported) -> Option<Draft> {
        if let Some(shift) = self.shift(row) {
            out.problems.push(shift);
            return None;
        }
        let mut good = self.odd_cells(row, &mut out.problems);
        let county = self.context.county;
        let mut record = OrderRecord::default();
        let id_text = self.text(row, "id");
        record.id = cell::halfwidth(cell::unwrapped(id_text)).replace(' ', "");
        if cell::is_scientific(id_text) {
            let want = "the waybill lost its last digits to scientific notation; format the column as text and export again";
            out.problems.push(self.fault(row, "id", "P132", want));
            good = false;
        } else if id_text.trim().is_empty() {
            out.problems.push(self.fault(row, "id", "P105", "no waybill number; give one"));
            good = false;
        }
        let kind = self.kind(row, out);
        record.kind = kind.map_or("", OrderKind::word).to_owned();
        let carrier = self.carrier(row, &record.id, out);
        record.carrier = carrier.map_or(String::new(), |c| county.carrier(c).id.to_string());
        self.class(row, kind, &mut record, out);
        let whole = [
            self.amount(row, "pieces", "pieces", Unit::Pieces, 1, out).map(|v| record.pieces = v),
            self.measure(row, ("weight_g", "weight"), Unit::Grams(1), &record.class, out)
                .map(|v| record.weight_g = v),
            self.measure(row, ("volume_cm3", "volume"), Unit::Cm3(1), &record.class, out)
                .map(|v| record.volume_cm3 = v),
            self.when(row, "ready", &self.ready_default(carrier, kind), out).map(|v| record.ready = v),
            self.when(row, "promise", &self.promise_default(kind), out).map(|v| record.promise = v),
        ];
        good &= whole.iter().all(Option::is_some) && kind.is_some() && carrier.is_some();
        for field in ["window", "deferrals", "late_fen_h", "unserved_fen", "cleared", "first_due"] {
            let value = cell::halfwidth(cell::unwrapped(self.text(row, field)));
            match field {
                "window" => record.window = value,
                "deferrals" => record.deferrals = value,
                "late_fen_h" => record.late_fen_h = value,
                "unserved_fen" => record.unserved_fen = value,
                "first_due" => record.first_due = value,
                _ => record.cleared = if value.is_empty() { "yes".into() } else { value },
            }
        }
        if !self.text(row, "arrived_at").is_empty() {
            good &= self.when(row, "arrived_at", "06:00", out).map(|v| record.arrived_at = v).is_some();
        }
        let mut draft = Draft {
            at,
            record,
            recipient: cell::halfwidth(self.text(row, "recipient")),
            phone: cell::phone(self.text(row, "phone"))
                .unwrap_or_else(|| cell::halfwidth(self.text(row, "phone"))),
            address: String::new(),
            answer: None,
            far_is_origin: matches!(kind, Some(OrderKind::Up | OrderKind::Return)),
        };
        self.ends(row, &mut draft);
        self.widths(row, out);
        good.then_some(draft)
    }

    /// Cells that a workbook marks as odd.
    fn odd_cells(&self, row: &SheetRow, problems: &mut Problems) -> bool {
        let mut good = true;
        for ((_, column), mark) in self.sheet.marks.range((row.row, 0)..(row.row + 1, 0)) {
            let Some(column) = self.mapping.columns.get(*column as usize) else { continue };
            if column.ours.is_empty() {
                continue;
            }
            let field = column.ours.as_str();
            let problem = match mark {
                Mark::Formula(_) => self.fault(row, field, "P130", "a formula without a value; paste it as a value"),
                Mark::Error(what) => self.fault(row, field, "P130", format!("the formula ended in {what}; write the value")),
                Mark::Merged(range) => self.fault(row, field, "P131", format!("within the merged range {range}; unmerge it and fill every row")),
                Mark::LostDigits if field == "id" => {
                    self.fault(row, field, "P132", "a number of more than fifteen digits was rounded by the spreadsheet; format the column as text and export again")
                }
                Mark::LostDigits => continue,
            };
            problems.push(problem);
            good = false;
        }
        for column in self.mapping.columns.iter().filter(|c| !c.ours.is_empty()) {
            let text = self.text(row, &column.ours);
            if text.starts_with('=') && cell::unwrapped(text) == text {
                problems.push(self.fault(
                    row,
                    &column.ours,
                    "P130",
                    "a formula, not its value; paste it as a value",
                ));
                good = false;
            }
        }
        good
    }

    fn kind(&self, row: &SheetRow, out: &mut Imported) -> Option<OrderKind> {
        let text = cell::halfwidth(self.text(row, "kind"));
        if text.is_empty() {
            return Some(OrderKind::Down);
        }
        let known = KIND_WORDS.iter().find(|(word, _)| text.contains(word)).map(|(_, kind)| *kind);
        let kind = OrderKind::parse(&text.to_lowercase()).or(known);
        if kind.is_none() {
            out.problems.push(self.fault(
                row,
                "kind",
                "P110",
                "unknown word; one of down, up, transfer, return, 派件, 收件, 互寄, 退件",
            ));
        }
        kind
    }

    fn carrier(&self, row: &SheetRow, id: &str, out: &mut Imported) -> Option<CarrierId> {
        let county = self.context.county;
        let text = self.text(row, "carrier");
        let guesses = waybill::guesses(id);
        let found = if text.is_empty() { self.context.carrier } else { self.carriers.find(text) };
        match found {
            None => {
                let likely = guesses.iter().map(|g| g.carrier_zh).collect::<Vec<_>>().join(", ");
                let hint = if likely.is_empty() {
                    String::new()
                } else {
                    format!("; by its shape the number is of {likely}")
                };
                let code = if text.is_empty() { "P105" } else { "P112" };
                out.problems.push(self.fault(
                    row,
                    "carrier",
                    code,
                    format!("unknown carrier; use an id or name of carriers.csv, or --carrier{hint}"),
                ));
            }
            Some(carrier) => {
                let strong = guesses.first().filter(|g| g.weight >= 90);
                let theirs = strong.and_then(|g| self.carriers.find(g.carrier_zh));
                if let (Some(guess), Some(other)) = (strong, theirs)
                    && other != carrier
                {
                    let name = &county.carrier(carrier).name_zh;
                    let want = format!(
                        "the number has the shape of {}, the row says {name}; taken as the row says",
                        guess.carrier_zh
                    );
                    out.notices.push(self.fault(row, "id", "P140", want));
                }
            }
        }
        found
    }

    /// The goods class: named, told from the goods' name, or the commonest.
    fn class(&self, row: &SheetRow, kind: Option<OrderKind>, record: &mut OrderRecord, out: &mut Imported) {
        let county = self.context.county;
        let up = matches!(kind, Some(OrderKind::Up));
        let list = if up { &county.demand.up } else { &county.demand.down };
        let usual = list.iter().max_by_key(|c| c.share_bp).map_or("", |c| c.class.as_str());
        let named = cell::halfwidth(self.text(row, "class"));
        if !named.is_empty() {
            let by_name = county.classes.iter().find(|c| c.name_zh == named).map(|c| c.id.to_string());
            record.class = by_name.unwrap_or(named);
            return;
        }
        let goods = cell::halfwidth(self.text(row, "goods"));
        let mut told: Vec<&str> = Vec::new();
        for class in &county.classes {
            let words = class.name_zh.split(['、', '，', '等', '和']).filter(|w| w.chars().count() > 1);
            if goods.chars().count() > 1
                && words.into_iter().any(|w| goods.contains(w) || w.contains(goods.as_str()))
            {
                told.push(class.id.as_str());
            }
        }
        record.class = match told.as_slice() {
            [one] => (*one).to_owned(),
            _ => usual.to_owned(),
        };
        if told.len() > 1 {
            let want = format!("could be {}; taken as {usual}", told.join(" or "));
            out.notices.push(self.fault(row, "goods", "P138", want));
        }
    }

    /// A count in its own column; empty takes `usual`.
    fn amount(
        &self,
        row: &SheetRow,
        field: &str,
        what: &str,
        unit: Unit,
        usual: i64,
        out: &mut Imported,
    ) -> Option<String> {
        let text = self.text(row, field);
        if text.is_empty() {
            return Some(usual.to_string());
        }
        let value = cell::quantity(text, unit);
        match value {
            Some(n) if n > 0 => Some(n.to_string()),
            Some(_) => {
                out.problems.push(self.fault(
                    row,
                    field,
                    "P107",
                    format!("{what} must be more than nothing; correct it"),
                ));
                None
            }
            None => {
                out.problems.push(self.fault(row, field, "P106", "not a whole number; write one such as 2"));
                None
            }
        }
    }

    /// A mass or volume from our own column or a foreign one with its unit.
    fn measure(
        &self,
        row: &SheetRow,
        fields: (&str, &str),
        base: Unit,
        class: &str,
        out: &mut Imported,
    ) -> Option<String> {
        let (own, foreign) = fields;
        let field = if self.mapping.column(own).is_some() { own } else { foreign };
        let text = self.text(row, field);
        let county = self.context.county;
        if text.is_empty() {
            let lists = county.demand.down.iter().chain(&county.demand.up);
            let mean = lists.into_iter().find(|c| c.class == class);
            let usual = mean
                .map_or(1000.0, |c| if matches!(base, Unit::Grams(_)) { c.kg_mean } else { c.l_mean })
                * 1000.0;
            // Means are decimals of the county file, made whole once.
            return Some(format!("{usual:.0}"));
        }
        let unit = if field == own {
            base
        } else {
            self.mapping.column(field).and_then(|at| self.mapping.columns[at].unit).unwrap_or(base)
        };
        match cell::quantity(text, unit) {
            Some(n) if n >= 0 => {
                let plain = cell::halfwidth(text);
                if plain.chars().any(|c| !matches!(c, '0'..='9' | '.')) {
                    let unit = if matches!(base, Unit::Grams(_)) { "g" } else { "cm3" };
                    out.notices.push(self.fault(row, field, "P136", format!("read as {n} {unit}")));
                }
                Some(n.to_string())
            }
            Some(_) => {
                out.problems.push(self.fault(
                    row,
                    field,
                    "P107",
                    "negative; give what it weighs or takes up",
                ));
                None
            }
            None => {
                out.problems.push(self.fault(row, field, "P106", "not a number; write one such as 1.2"));
                None
            }
        }
    }

    fn when(&self, row: &SheetRow, field: &str, usual: &str, out: &mut Imported) -> Option<String> {
        let text = self.text(row, field);
        let date = self.context.date;
        if text.is_empty() {
            return Some(format!("{date}T{usual}"));
        }
        match cell::instant(text, date, usual) {
            Ok(value) => {
                if !text.starts_with(&value)
                    && !cell::halfwidth(text).replace(['/', ' '], "-").starts_with(&value.replace('T', "-"))
                {
                    out.notices.push(self.fault(row, field, "P136", format!("read as {value}")));
                }
                Some(value)
            }
            Err(bad) => {
                let want = match bad {
                    BadWhen::Unreadable => "no date and time; write YYYY-MM-DD HH:MM",
                    BadWhen::TwoReadings => "day and month could be either; write YYYY-MM-DD HH:MM",
                    BadWhen::Impossible => "no such day or hour; correct it, written YYYY-MM-DD HH:MM",
                };
                out.problems.push(self.fault(row, field, "P113", want));
                None
            }
        }
    }

    fn ready_default(&self, carrier: Option<CarrierId>, kind: Option<OrderKind>) -> String {
        if matches!(kind, Some(OrderKind::Down)) {
            let arrivals = self.context.county.inbound.iter().filter(|i| Some(i.carrier) == carrier);
            if let Some(first) = arrivals.map(|i| i.arrives_s).min() {
                return clock(first);
            }
        }
        "07:00".into()
    }

    fn promise_default(&self, kind: Option<OrderKind>) -> String {
        let demand = &self.context.county.demand;
        clock(match kind {
            Some(OrderKind::Up | OrderKind::Return) => demand.up_promise.0,
            Some(OrderKind::Transfer) => demand.transfer_promise.0,
            _ => demand.down_promise.0,
        })
    }

    /// Where it comes from and goes to: ids of sites, names, or an address to be resolved.
    fn ends(&self, row: &SheetRow, draft: &mut Draft) {
        let county = self.context.county;
        let hub = county.site(county.hub).id.to_string();
        let site = |text: &str| county.find_site(text).map(|s| county.site(s).id.to_string());
        let origin = cell::halfwidth(self.text(row, "origin"));
        let destination = cell::halfwidth(self.text(row, "destination"));
        let (far_text, near_text) =
            if draft.far_is_origin { (&origin, &destination) } else { (&destination, &origin) };
        let near = match near_text.as_str() {
            "" => hub,
            text => site(text).unwrap_or_else(|| self.named(text).unwrap_or_else(|| text.to_owned())),
        };
        let mut address = self.text(row, if draft.far_is_origin { "sender_address" } else { "address" });
        if address.is_empty() && draft.far_is_origin {
            address = self.text(row, "address");
        }
        let (town, village) = (self.text(row, "town"), self.text(row, "village"));
        draft.address = [town, village, address].concat();
        let mut far = site(far_text);
        if far.is_none() && (draft.address.is_empty() || !far_text.is_empty()) && far_text.is_ascii() {
            // An id that nobody knows stays as written and is refused as such.
            far = Some(far_text.clone());
        }
        if far.is_none()
            && let Some(resolver) = self.context.resolver
        {
            let text = if address.is_empty() { far_text.as_str() } else { address };
            let recipient = if draft.phone.is_empty() {
                String::new()
            } else {
                format!("{}|{}", draft.recipient, draft.phone)
            };
            if draft.address.is_empty() {
                draft.address = far_text.clone();
            }
            draft.answer = Some(resolver.resolve(&Query { text, town, village, recipient: &recipient }));
        } else if far.is_none() {
            far = Some(far_text.clone());
        }
        let placed = draft.answer.as_ref().and_then(|a| a.placed).map(|s| county.site(s).id.to_string());
        let far = far.or(placed).unwrap_or_default();
        (draft.record.origin, draft.record.destination) =
            if draft.far_is_origin { (far, near) } else { (near, far) };
    }

    /// A hub, gateway or station by its name.
    fn named(&self, text: &str) -> Option<String> {
        let is = |s: &&xiangyun_model::site::Site| {
            s.kind != SiteKind::Village
                && (s.name_zh == text || s.name_en == text || s.aliases.iter().any(|a| a == text))
        };
        self.context.county.sites.iter().find(is).map(|s| s.id.to_string())
    }
}

fn clock(seconds: i64) -> String {
    let s = seconds.rem_euclid(86_400);
    format!("{:02}:{:02}", s / 3600, s / 60 % 60)
}

/// Judges references and rules of all drafts by the one reader of orders, and names faults in the file's own words.
fn judge(reader: &Reader<'_>, drafts: Vec<Draft>, out: &mut Imported) {
    let (sheet, mapping, context) = (reader.sheet, reader.mapping, reader.context);
    let county = context.county;
    // A row without a place is judged with some place, so that all its other faults are known.
    let somewhere = county.sites_of(SiteKind::Village).find(|&v| county.site(v).works_on(context.date));
    let somewhere = somewhere.map_or(String::new(), |v| county.site(v).id.to_string());
    let columns: Vec<String> =
        OrderRecord::COLUMNS.iter().map(|c| (*c).to_owned()).chain(["arrived_at".to_owned()]).collect();
    let rows = drafts
        .iter()
        .map(|draft| {
            let mut record = draft.record.clone();
            let far = if draft.far_is_origin { &mut record.origin } else { &mut record.destination };
            if far.is_empty() && draft.answer.is_some() {
                far.clone_from(&somewhere);
            }
            let mut cells: Vec<String> = record.values().iter().map(|v| (*v).to_owned()).collect();
            cells.push(record.arrived_at);
            (sheet.rows[draft.at].row, cells)
        })
        .collect();
    let table = Table::from_rows(&sheet.file, columns, rows);
    let mut found = Problems::new();
    let orders = orders::read_table(&table, county, context.date, &mut found);
    let by_row: HashMap<u64, usize> = sheet.rows.iter().enumerate().map(|(i, r)| (r.row, i)).collect();
    for problem in found.list() {
        out.refused.insert(problem.row);
        let mut problem = problem.clone();
        if let Some(at) = mapping.column(&problem.column) {
            problem.found =
                by_row.get(&problem.row).map_or(String::new(), |&i| shortened(sheet.rows[i].cells.get(at)));
            problem.column.clone_from(&mapping.columns[at].theirs);
        }
        out.problems.push(problem);
    }
    let mut orders: HashMap<String, OrderRow> =
        orders.into_iter().map(|o| (o.order.id.as_str().to_owned(), o)).collect();
    for draft in drafts {
        let row = sheet.rows[draft.at].row;
        if out.refused.contains(&row) {
            continue;
        }
        let Some(order) = orders.remove(&draft.record.id) else { continue };
        match draft.answer {
            Some(answer) if answer.placed.is_none() => {
                let field = ["address", "village", "town", "destination"]
                    .into_iter()
                    .find(|f| mapping.column(f).is_some())
                    .unwrap_or("address");
                let names = answer
                    .candidates
                    .iter()
                    .take(3)
                    .map(|c| {
                        // Names repeat between townships: a sorter needs to know whose village it is.
                        let (site, town) = (county.site(c.site), county.site(county.station_of(c.site)));
                        format!("{} {}（{}）", site.id, site.name_zh, town.name_zh)
                    })
                    .collect::<Vec<_>>()
                    .join(", ");
                let want = if names.is_empty() {
                    format!("{}; sort by hand", answer.why.words())
                } else {
                    format!("{}; sort by hand, perhaps {names}", answer.why.words())
                };
                out.notices.push(sheet.fault("P135", row, mapping.theirs(field), &draft.address, want));
                out.to_sort.push(ToSort {
                    row,
                    record: draft.record,
                    address: draft.address,
                    candidates: answer.candidates,
                });
            }
            answer => out.kept.push(Kept {
                row,
                order,
                recipient: draft.recipient,
                phone: draft.phone,
                address: draft.address,
                confidence_pm: answer.map(|a| a.confidence_pm),
            }),
        }
    }
}

/// Gives columns their names and writes the fix-file.
fn finish(sheet: &Sheet, mapping: &Mapping, out: &mut Imported) {
    for list in [&mut out.problems, &mut out.notices] {
        list.for_each_mut(|problem| {
            // The readers name columns by letter: the header knows them better.
            if let Some(at) = (0..mapping.columns.len()).find(|&i| letter(i) == problem.column)
                && !mapping.columns[at].theirs.is_empty()
            {
                problem.column.clone_from(&mapping.columns[at].theirs);
            }
        });
    }
    let mut rows: BTreeMap<u64, Vec<&Problem>> = BTreeMap::new();
    for problem in out.problems.list().iter().chain(out.notices.list().iter().filter(|p| p.code == "P135")) {
        if problem.row > mapping.header_row {
            rows.entry(problem.row).or_default().push(problem);
        }
    }
    // Rows refused beyond the bound of listed problems are given back too.
    for &row in &out.refused {
        rows.entry(row).or_default();
    }
    if !rows.is_empty() {
        out.fix_file = fix::write(sheet, mapping, &rows);
    }
}
