//! A forecast as rows that a person or a program reads.

use super::{Direction, Forecast};
use serde::Serialize;
use xiangyun_model::county::County;

/// One row: a place and a direction.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Line<'a> {
    /// Where.
    pub site: &'a str,
    /// Its name.
    pub name_zh: &'a str,
    /// Which way.
    pub direction: Direction,
    /// Expected orders, in thousandths.
    pub mean_milli: i64,
    /// Not exceeded on one day in two.
    pub p50: u32,
    /// Not exceeded on four days in five.
    pub p80: u32,
    /// Not exceeded on nine days in ten.
    pub p90: u32,
    /// What the weekday does, in ten-thousandths.
    pub weekday_bp: i64,
    /// What the calendar does here, in ten-thousandths.
    pub calendar_bp: i64,
    /// The calendar's entries that do it, in the calendar's words.
    pub because: &'a str,
}

/// A forecast with names instead of positions.
pub fn lines<'a>(county: &'a County, forecast: &'a Forecast) -> impl Iterator<Item = Line<'a>> {
    forecast.rows.iter().map(|row| {
        let site = county.site(row.site);
        Line {
            site: site.id.as_str(),
            name_zh: &site.name_zh,
            direction: row.direction,
            mean_milli: row.mean_milli,
            p50: row.p50,
            p80: row.p80,
            p90: row.p90,
            weekday_bp: row.weekday_bp,
            calendar_bp: row.calendar_bp,
            because: &row.because,
        }
    })
}

/// A forecast as CSV: one row for each place and direction, the mean with three decimals.
#[must_use]
pub fn table(county: &County, forecast: &Forecast) -> Vec<u8> {
    let mut text = String::from("site,name_zh,direction,mean,p50,p80,p90,weekday_bp,calendar_bp,because\n");
    for row in lines(county, forecast) {
        let Line { site, name_zh, p50, p80, p90, weekday_bp, calendar_bp, .. } = row;
        let (word, because) = (row.direction.word(), row.because.replace('"', "'"));
        let (whole, milli) = (row.mean_milli / 1000, row.mean_milli % 1000);
        text.push_str(&format!(
            "{site},{name_zh},{word},{whole}.{milli:03},{p50},{p80},{p90},{weekday_bp},{calendar_bp},\"{because}\"\n"
        ));
    }
    text.into_bytes()
}
