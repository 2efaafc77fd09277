//! A forecast as rows that a person or a program reads.

use super::{Forecast, Row};
use serde::Serialize;
use xiangyun_model::county::County;

/// A row of a forecast with the name of its place.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Line<'a> {
    /// Where.
    pub site: &'a str,
    /// Its name.
    pub name_zh: &'a str,
    /// What is expected there.
    #[serde(flatten)]
    pub row: &'a Row,
}

/// A forecast with names instead of positions.
pub fn lines<'a>(county: &'a County, forecast: &'a Forecast) -> impl Iterator<Item = Line<'a>> {
    forecast.rows.iter().map(|row| {
        let site = county.site(row.site);
        Line { site: site.id.as_str(), name_zh: &site.name_zh, row }
    })
}

/// A forecast as CSV: one row for each place and direction, the mean with three decimals.
#[must_use]
pub fn table(county: &County, forecast: &Forecast) -> Vec<u8> {
    let mut text = String::from("site,name_zh,direction,mean,p50,p80,p90,weekday_bp,calendar_bp,because\n");
    for Line { site, name_zh, row } in lines(county, forecast) {
        let Row { p50, p80, p90, weekday_bp, calendar_bp, .. } = row;
        let (word, because) = (row.direction.word(), row.because.replace('"', "'"));
        let (whole, milli) = (row.mean_milli / 1000, row.mean_milli % 1000);
        text.push_str(&format!(
            "{site},{name_zh},{word},{whole}.{milli:03},{p50},{p80},{p90},{weekday_bp},{calendar_bp},\"{because}\"\n"
        ));
    }
    text.into_bytes()
}
