//! Orders from files: CSV in UTF-8 or GB 18030, XLSX, with a dry run.

use super::county::text_of;
use super::orders::{AgreedWord, DirectionWord, OrderBody, place_many};
use crate::app::App;
use crate::ask::{Query, Raw, reply};
use crate::plans::midnight_ms;
use crate::problem::{Fault, Problem};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};
use xiangyun_model::problem::Problems;
use xiangyun_planning::orders::{self, Source};

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
    /// Name of the file, whose ending tells a workbook from text.
    #[param(max_length = 200)]
    pub name: Option<String>,
}

/// What a file holds.
#[derive(Debug, Serialize, ToSchema)]
pub struct Imported {
    /// Good rows.
    pub orders: u64,
    /// Whether they were placed.
    pub placed: bool,
}

/// Places the orders of a file, all or none; with `dry_run` it is only checked. Columns are those of an orders file
/// (`xiangyun orders generate` writes one).
#[utoipa::path(post, path = "/api/v1/imports", tag = "orders", params(ImportQuery),
    request_body(content((String = "text/csv"), (Vec<u8> = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"), (Vec<u8> = "application/octet-stream"))),
    responses((status = 200, body = Imported), (status = 201, body = super::orders::Placed)))]
pub(super) async fn import(
    State(app): State<Arc<App>>,
    Query(query): Query<ImportQuery>,
    raw: Raw,
) -> Result<Response, Problem> {
    let date: jiff::civil::Date = query
        .date
        .parse()
        .map_err(|_| super::query_fault("date", &query.date, "a day such as 2026-11-24"))?;
    let name = query.name.clone().unwrap_or_else(|| "orders.csv".into());
    text_of("#/query/name", &name, 200)?;
    let bytes = raw.bytes.clone();
    let county = Arc::clone(&app.county);
    let (rows, problems) = tokio::task::spawn_blocking(move || {
        let mut problems = Problems::new();
        let rows = orders::read(&name, &bytes, Source::Own, &HashMap::new(), &county, date, &mut problems);
        (rows, problems)
    })
    .await
    .map_err(|e| Problem::internal(&e))?;
    if !problems.is_empty() {
        let faults = problems
            .list()
            .iter()
            .take(1_000)
            .map(|p| Fault {
                pointer: format!("/{}/{}", p.row, p.column),
                code: p.code.to_owned(),
                detail: format!("{}:{}:{}: \"{}\"", p.file, p.row, p.column, crate::problem::clip(&p.found)),
                cure: p.want.clone(),
            })
            .collect();
        return Err(Problem::many(faults));
    }
    if query.dry_run {
        return Ok(reply(StatusCode::OK, &Imported { orders: rows.len() as u64, placed: false }));
    }
    let midnight = midnight_ms(date, &app.county.time_zone);
    let bodies = rows
        .iter()
        .map(|row| {
            let o = &row.order;
            OrderBody {
                id: o.id.as_str().to_owned(),
                direction: match o.kind {
                    xiangyun_model::order::OrderKind::Down => DirectionWord::Down,
                    xiangyun_model::order::OrderKind::Up => DirectionWord::Up,
                    xiangyun_model::order::OrderKind::Transfer => DirectionWord::Transfer,
                    xiangyun_model::order::OrderKind::Return => DirectionWord::Return,
                },
                carrier: app.county.carriers[o.carrier.index()].id.as_str().to_owned(),
                origin: app.county.site(o.origin).id.as_str().to_owned(),
                destination: app.county.site(o.destination).id.as_str().to_owned(),
                class: app.county.classes[o.class.index()].id.as_str().to_owned(),
                pieces: o.amount.pieces,
                mass_g: o.amount.g,
                volume_cm3: o.amount.cm3,
                promise: super::instant(midnight + o.promise_s * 1_000),
                person: None,
                cash: None,
                agreed: Some(AgreedWord::Point),
                keep_days: 3,
            }
        })
        .collect();
    place_many(&app, &raw.context, bodies, "/rows").await
}
