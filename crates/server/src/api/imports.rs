//! Orders from files of any layout: CSV in UTF-8, GBK or GB 18030 and workbooks, with a dry run. What each column means is
//! kept for the carrier or suggested; addresses are placed where that is sure; what is not sure goes to a list for people.

use super::county::text_of;
use super::orders::{AgreedWord, DirectionWord, OrderBody, Person, place_many};
use crate::app::App;
use crate::ask::{Query, Raw, reply};
use crate::machine::read;
use crate::plans::midnight_ms;
use crate::problem::{Fault, Problem};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use utoipa::{IntoParams, ToSchema};
use xiangyun_model::county::County;
use xiangyun_model::id::CarrierId;
use xiangyun_model::order::OrderKind;
use xiangyun_model::problem::{Problem as RowProblem, Problems};
use xiangyun_planning::address::{Agreed, Corrections, Places, Resolver, with_corrections};
use xiangyun_planning::county::{Encodings, Table, read_plain_or_gz};
use xiangyun_planning::import::{self, Context, Imported as Read, Mapping};

/// Faults, notices and rows to sort of one answer.
pub const SHOWN_MAX: usize = 1_000;
/// Longest texts of a person, in characters.
const PERSON_CHARS: [usize; 3] = [60, 30, 200];

/// How to take a file.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ImportQuery {
    /// The day that it is for, `YYYY-MM-DD`.
    #[param(format = Date)]
    pub date: String,
    /// Only look: nothing is placed.
    #[serde(default)]
    pub dry_run: bool,
    /// Place the good rows though others are refused or must be sorted by hand.
    #[serde(default)]
    pub partial: bool,
    /// Learn the addresses of rows that name their site: what a sorter has settled is known the next time.
    #[serde(default)]
    pub learn: bool,
    /// Name of the file, whose ending tells a workbook from text.
    #[param(max_length = 200)]
    pub name: Option<String>,
    /// Carrier whose file it is, where no column says so; its kept mapping (`mappings/ID.csv`) is used.
    #[param(max_length = 64)]
    pub carrier: Option<String>,
}

/// What a column means.
#[derive(Debug, Serialize, ToSchema)]
pub struct ColumnView {
    /// The header as it stands in the file.
    pub theirs: String,
    /// Our field; empty when it is not used.
    pub ours: String,
    /// How sure, in hundredths.
    pub confidence: u32,
}

/// A row that a person must place.
#[derive(Debug, Serialize, ToSchema)]
pub struct SortView {
    /// Row in the file.
    pub row: u64,
    /// Waybill.
    pub id: String,
    /// Sites that its address may mean, the likeliest first.
    pub candidates: Vec<String>,
}

/// What a file holds, and what became of it.
#[derive(Debug, Serialize, ToSchema)]
pub struct Imported {
    /// Good rows.
    pub orders: u64,
    /// Whether they were placed.
    pub placed: bool,
    /// Rows refused.
    pub refused: u64,
    /// Rows left out because their waybill is known already.
    pub duplicates: u64,
    /// Rows whose place a person must say.
    pub to_sort: Vec<SortView>,
    /// What the columns mean.
    pub columns: Vec<ColumnView>,
    /// Why rows were refused; the pointer is `/ROW/COLUMN`.
    pub problems: Vec<Fault>,
    /// What was read leniently or assumed.
    pub notices: Vec<Fault>,
}

/// Places the orders of a file. Unless `partial` is set, it is all of them or none.
#[utoipa::path(post, path = "/api/v1/imports", tag = "orders", params(ImportQuery),
    request_body(content((String = "text/csv"), (Vec<u8> = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"), (Vec<u8> = "application/octet-stream"))),
    responses((status = 200, body = Imported), (status = 201, body = Imported)))]
pub(super) async fn import(
    State(app): State<Arc<App>>,
    Query(query): Query<ImportQuery>,
    raw: Raw,
) -> Result<Response, Problem> {
    let date: Date = query
        .date
        .parse()
        .map_err(|_| super::query_fault("date", &query.date, "a day such as 2026-11-24"))?;
    let name = query.name.clone().unwrap_or_else(|| "orders.csv".into());
    text_of("#/query/name", &name, 200)?;
    let carrier = query.carrier.as_deref().map(|id| carrier_of(&app.county, id)).transpose()?;
    if let Some(answer) = app.replayed(&raw.context).await? {
        return Ok(answer);
    }
    let bytes = raw.bytes.clone();
    let (read, mapping) = {
        let (app, kept) = (Arc::clone(&app), query.carrier.clone());
        tokio::task::spawn_blocking(move || read_file(&app, &name, &bytes, date, carrier, kept.as_deref()))
            .await
            .map_err(|e| Problem::internal(&e))?
    };
    let mut view = view(&app.county, &read, mapping.as_ref());
    let whole = view.problems.is_empty() && view.to_sort.is_empty();
    if query.dry_run {
        return Ok(reply(StatusCode::OK, &view));
    }
    if !whole && !query.partial {
        let mut faults = view.problems;
        faults.extend(view.to_sort.iter().map(|s| Fault {
            pointer: format!("/{}/address", s.row),
            code: "H616".into(),
            detail: format!("the place of {} is not sure", s.id),
            cure: format!("a site of the county; it may be {}", s.candidates.join(", ")),
        }));
        return Err(Problem::many(faults));
    }
    let settled: Vec<(String, String)> = if query.learn {
        read.settled().map(|(address, site)| (address.to_owned(), site.to_owned())).collect()
    } else {
        Vec::new()
    };
    let midnight = midnight_ms(date, &app.county.time_zone);
    let bodies: Vec<OrderBody> = read.kept.iter().map(|kept| body(&app.county, kept, midnight)).collect();
    if bodies.is_empty() {
        return Ok(reply(StatusCode::OK, &view));
    }
    view.placed = true;
    let answer = serde_json::to_value(&view).map_err(|e| Problem::internal(&e))?;
    let answer = place_many(&app, &raw.context, bodies, "/rows", Some(answer)).await?;
    if !settled.is_empty() {
        let app = Arc::clone(&app);
        tokio::task::spawn_blocking(move || learn(&app, &settled))
            .await
            .map_err(|e| Problem::internal(&e))??;
    }
    Ok(answer)
}

/// Adds settled addresses to the county's corrections, one writer at a time; runs where blocking is allowed.
fn learn(app: &App, settled: &[(String, String)]) -> Result<(), Problem> {
    static ONE: Mutex<()> = Mutex::new(());
    let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    let dir = &app.config.county;
    let table =
        read_plain_or_gz(dir, "corrections.csv").map_err(|e| Problem::internal(&e))?.unwrap_or_default();
    let pairs = settled.iter().map(|(address, site)| (address.as_str(), site.as_str()));
    match with_corrections(&table, pairs, &app.county) {
        Some(table) => {
            crate::files::write_whole(&dir.join("corrections.csv"), &table).map_err(|e| Problem::internal(&e))
        }
        None => Ok(()),
    }
}

fn carrier_of(county: &County, id: &str) -> Result<CarrierId, Problem> {
    let at = county.carriers.iter().position(|c| c.id.as_str() == id);
    at.map(CarrierId::at).ok_or_else(|| super::query_fault("carrier", id, "an id of carriers.csv"))
}

/// Reads a file against the county and the day; runs where blocking is allowed.
fn read_file(
    app: &App,
    name: &str,
    bytes: &[u8],
    date: Date,
    carrier: Option<CarrierId>,
    kept: Option<&str>,
) -> (Read, Option<Mapping>) {
    let dir = &app.config.county;
    let mut problems = Problems::new();
    let resolver = resolver(dir, &app.county, &mut problems);
    let meanings = kept.map_or_else(BTreeMap::new, |id| meanings(dir, id, &mut problems));
    for problem in problems.list() {
        tracing::warn!(%problem, "a table of the county was read in part");
    }
    let sheet = import::read(name, bytes);
    let mapping = import::suggest(&sheet, &meanings);
    let known: BTreeSet<String> = read(&app.world).day.orders.keys().cloned().collect();
    let read = match &mapping {
        Some(mapping) => {
            let context =
                Context { county: &app.county, date, resolver: Some(&resolver), carrier, known: &known };
            import::convert(&sheet, mapping, &context)
        }
        None => Read { problems: sheet.problems.clone(), notices: sheet.notices.clone(), ..Read::default() },
    };
    (read, mapping)
}

/// What places addresses: the county's own tables.
fn resolver(dir: &Path, county: &County, problems: &mut Problems) -> Resolver {
    let file = |name: &str| read_plain_or_gz(dir, name).ok().flatten();
    let places =
        file("places.csv").map_or_else(Places::default, |b| Places::read("places.csv", &b, county, problems));
    let corrections = file("corrections.csv")
        .map_or_else(Corrections::default, |b| Corrections::read("corrections.csv", &b, county, problems));
    let agreed =
        file("agreed.csv").map_or_else(Agreed::default, |b| Agreed::read("agreed.csv", &b, county, problems));
    Resolver::new(county, &places, corrections, agreed)
}

/// What the columns of a carrier's files mean, as kept in the county directory.
fn meanings(dir: &Path, carrier: &str, problems: &mut Problems) -> BTreeMap<String, String> {
    let path = dir.join("mappings").join(format!("{carrier}.csv"));
    let Ok(bytes) = std::fs::read(&path) else { return BTreeMap::new() };
    let name = path.to_string_lossy();
    let table = Table::read(&name, &bytes, &["theirs", "ours"], Encodings::Utf8OrGb18030, problems);
    table.map_or_else(BTreeMap::new, |table| {
        let rows = table.rows();
        rows.map(|row| (row.text("theirs").to_owned(), row.text("ours").to_owned()))
            .filter(|(_, ours)| import::is_field(ours))
            .collect()
    })
}

fn view(county: &County, read: &Read, mapping: Option<&Mapping>) -> Imported {
    let fault = |p: &RowProblem| Fault {
        pointer: format!("/{}/{}", p.row, p.column),
        code: p.code.to_owned(),
        detail: format!("{}:{}:{}: \"{}\"", p.file, p.row, p.column, crate::problem::clip(&p.found)),
        cure: p.want.clone(),
    };
    let faults = |p: &Problems| p.list().iter().take(SHOWN_MAX).map(fault).collect();
    let columns = mapping.map_or(&[][..], |m| m.columns.as_slice());
    Imported {
        orders: read.kept.len() as u64,
        placed: false,
        refused: read.refused.len() as u64,
        duplicates: read.duplicates.len() as u64,
        to_sort: read
            .to_sort
            .iter()
            .take(SHOWN_MAX)
            .map(|s| SortView {
                row: s.row,
                id: s.record.id.clone(),
                candidates: s.candidates.iter().map(|c| county.site(c.site).id.to_string()).collect(),
            })
            .collect(),
        columns: columns
            .iter()
            .map(|c| ColumnView { theirs: c.theirs.clone(), ours: c.ours.clone(), confidence: c.confidence })
            .collect(),
        problems: faults(&read.problems),
        notices: faults(&read.notices),
    }
}

fn body(county: &County, kept: &xiangyun_planning::import::Kept, midnight_ms: i64) -> OrderBody {
    let o = &kept.order.order;
    let cut = |text: &str, most: usize| text.chars().filter(|c| !c.is_control()).take(most).collect();
    let named = !(kept.recipient.is_empty() && kept.phone.is_empty() && kept.address.is_empty());
    OrderBody {
        id: o.id.as_str().to_owned(),
        direction: match o.kind {
            OrderKind::Down => DirectionWord::Down,
            OrderKind::Up => DirectionWord::Up,
            OrderKind::Transfer => DirectionWord::Transfer,
            OrderKind::Return => DirectionWord::Return,
        },
        carrier: county.carriers[o.carrier.index()].id.as_str().to_owned(),
        origin: county.site(o.origin).id.as_str().to_owned(),
        destination: county.site(o.destination).id.as_str().to_owned(),
        class: county.classes[o.class.index()].id.as_str().to_owned(),
        pieces: o.amount.pieces,
        mass_g: o.amount.g,
        volume_cm3: o.amount.cm3,
        promise: super::instant(midnight_ms + o.promise_s * 1_000),
        person: named.then(|| Person {
            name: cut(&kept.recipient, PERSON_CHARS[0]),
            phone: cut(&kept.phone, PERSON_CHARS[1]),
            address: cut(&kept.address, PERSON_CHARS[2]),
        }),
        cash: None,
        agreed: Some(AgreedWord::Point),
        keep_days: 3,
    }
}
