//! `county.toml`: names, rules, prices, waves, lanes, demand assumptions.

use super::{FEN_MAX, Index, Loader, SPAN_S_MAX};
use jiff::civil::Date;
use serde::Deserialize;
use xiangyun_model::demand::Demand;
use xiangyun_model::handling::HandlingRules;
use xiangyun_model::problem::Problem;
use xiangyun_model::rules::{Costs, Rules};
use xiangyun_model::site::{Site, SiteKind};
use xiangyun_model::time::DayTime;
use xiangyun_model::wave::{Lane, Wave};

/// Name of the settings file.
const FILE: &str = "county.toml";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Settings {
    pub(super) code: String,
    pub(super) name_zh: String,
    pub(super) name_en: String,
    pub(super) time_zone: String,
    pub(super) public_url: String,
    pub(super) roads: String,
    /// Whether the road file is made up rather than surveyed; every page that shows it says so.
    #[serde(default)]
    pub(super) synthetic_roads: bool,
    pub(super) default_date: Date,
    pub(super) rules: Rules,
    pub(super) handling: HandlingRules,
    pub(super) costs: Costs,
    pub(super) waves: Vec<Wave>,
    #[serde(default)]
    lanes: Vec<LaneRow>,
    pub(super) demand: Demand,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct LaneRow {
    gateway: String,
    cutoff: DayTime,
    departs: DayTime,
}

#[allow(clippy::needless_pass_by_value)] // numbers and texts alike, printed at once
fn fault(
    code: &'static str,
    row: u64,
    column: &str,
    found: impl std::fmt::Display,
    want: impl Into<String>,
) -> Problem {
    Problem {
        code,
        file: FILE.into(),
        row,
        column: column.into(),
        found: found.to_string(),
        want: want.into(),
    }
}

impl Loader<'_> {
    pub(super) fn settings(&mut self) -> Option<Settings> {
        let bytes = self.files.get(FILE)?;
        let text = match std::str::from_utf8(bytes) {
            Ok(text) => text,
            Err(err) => {
                let row = 1 + bytes[..err.valid_up_to()].iter().filter(|&&b| b == b'\n').count() as u64;
                self.problems.push(fault("P102", row, "", "", "not UTF-8 text; save the file as UTF-8"));
                return None;
            }
        };
        match toml::from_str::<Settings>(text) {
            Ok(settings) => {
                self.check_settings(&settings);
                Some(settings)
            }
            Err(err) => {
                let at = err.span().map_or(0, |span| span.start);
                let row = 1 + text.as_bytes()[..at].iter().filter(|&&b| b == b'\n').count() as u64;
                let found =
                    err.span().and_then(|span| text.get(span)).unwrap_or("").lines().next().unwrap_or("");
                self.problems.push(fault("P117", row, "", found, err.message()));
                None
            }
        }
    }

    fn check_settings(&mut self, s: &Settings) {
        let mut range = |column: &str, value: i64, low: i64, high: i64| {
            if !(low..=high).contains(&value) {
                self.problems.push(fault(
                    "P107",
                    0,
                    column,
                    value,
                    format!("out of range; give a whole number from {low} to {high}"),
                ));
            }
        };
        let r = &s.rules;
        range("rules.drive_max_s", r.drive_max_s, 1, SPAN_S_MAX);
        range("rules.rest_s", r.rest_s, 0, SPAN_S_MAX);
        range("rules.drive_day_s", r.drive_day_s, 1, SPAN_S_MAX);
        range("rules.overtime_max_s", r.overtime_max_s, 0, SPAN_S_MAX);
        range("rules.floor_visits_week", r.floor_visits_week, 0, 7);
        range("rules.floor_gap_days", r.floor_gap_days, 1, 60);
        range("rules.floor_visits_week_poor", r.floor_visits_week_poor, 0, 7);
        range("rules.floor_gap_days_poor", r.floor_gap_days_poor, 1, 60);
        range("rules.defer_days", r.defer_days, 1, 60);
        let h = &s.handling;
        range("handling.bag_pieces", h.bag_pieces, 1, 100_000);
        range("handling.bag_cm3", h.bag_cm3, 1, 1_000_000_000);
        range("handling.bag_g", h.bag_g, 1, 1_000_000_000);
        range("handling.tote_pieces", h.tote_pieces, 1, 100_000);
        range("handling.tote_cm3", h.tote_cm3, 1, 1_000_000_000);
        let c = &s.costs;
        let prices = [
            ("costs.unit_fen", c.unit_fen),
            ("costs.piece_fen", c.piece_fen),
            ("costs.hub_sort_piece_fen", c.hub_sort_piece_fen),
            ("costs.station_sort_piece_fen", c.station_sort_piece_fen),
            ("costs.age_bp", c.age_bp),
            ("costs.stranger_fen", c.stranger_fen),
            ("costs.balance_fen_h", c.balance_fen_h),
            ("costs.floor_fen", c.floor_fen),
            ("costs.kept_trip_fen", c.kept_trip_fen),
        ];
        for (column, value) in prices {
            range(column, value, 0, FEN_MAX);
        }
        for (i, wave) in s.waves.iter().enumerate() {
            range(&format!("waves[{i}].rate_h"), wave.rate_h, 1, 10_000_000);
        }
        for (name, profile) in &s.demand.profiles {
            for (what, value) in [
                ("down", profile.down),
                ("up", profile.up),
                ("transfers", profile.transfers),
                ("returns", profile.returns),
            ] {
                range(&format!("demand.profiles.{name}.{what}"), value, 0, 1_000_000);
            }
        }
        if s.code.len() != 6 || !s.code.bytes().all(|b| b.is_ascii_digit()) {
            self.problems.push(fault(
                "P108",
                0,
                "code",
                &s.code,
                "not a county code; six digits of GB/T 2260",
            ));
        }
        if jiff::tz::TimeZone::get(&s.time_zone).is_err() {
            self.problems.push(fault(
                "P117",
                0,
                "time_zone",
                &s.time_zone,
                "unknown time zone; an IANA name such as Asia/Shanghai",
            ));
        }
        if s.waves.is_empty() || s.waves.windows(2).any(|w| w[0].closes >= w[1].closes) {
            self.problems.push(fault(
                "P114",
                0,
                "waves",
                "",
                "at least one wave is needed, each closing later than the one before",
            ));
        }
        if !s.demand.profiles.contains_key("default") {
            self.problems.push(fault("P117", 0, "demand.profiles", "", "the profile default is missing"));
        }
        for (column, sum) in [
            ("demand.down.share_bp", s.demand.down.iter().map(|c| c.share_bp).sum::<i64>()),
            ("demand.up.share_bp", s.demand.up.iter().map(|c| c.share_bp).sum::<i64>()),
        ] {
            if sum != 10_000 {
                self.problems.push(fault("P120", 0, column, sum, "the shares must add up to 10000"));
            }
        }
    }

    pub(super) fn lanes(&mut self, settings: &Settings, sites: &[Site], index: &Index) -> Vec<Lane> {
        let mut lanes = Vec::new();
        for (i, row) in settings.lanes.iter().enumerate() {
            let gateway = index.sites.ids.get(&row.gateway).map(|(id, _)| *id);
            match gateway.filter(|id| sites.get(id.index()).is_some_and(|s| s.kind == SiteKind::Gateway)) {
                None => {
                    let want = "unknown gateway; use the id of a site of kind gateway";
                    self.problems.push(fault("P111", 0, &format!("lanes[{i}].gateway"), &row.gateway, want));
                }
                Some(_) if row.cutoff > row.departs => {
                    let want = "the cut-off lies after the departure; put it before";
                    self.problems.push(fault("P114", 0, &format!("lanes[{i}].cutoff"), row.cutoff, want));
                }
                Some(gateway) => {
                    lanes.push(Lane { gateway, cutoff_s: row.cutoff.0, departs_s: row.departs.0 });
                }
            }
        }
        lanes.sort_by_key(|lane| (lane.cutoff_s, lane.gateway));
        lanes
    }

    pub(super) fn demand_classes(&mut self, settings: &Settings, index: &Index) {
        for (way, classes) in [("down", &settings.demand.down), ("up", &settings.demand.up)] {
            for (i, class) in classes.iter().enumerate() {
                if !index.classes.ids.contains_key(&class.class) {
                    let want = "unknown goods class; use an id of goods.csv";
                    self.problems.push(fault(
                        "P112",
                        0,
                        &format!("demand.{way}[{i}].class"),
                        &class.class,
                        want,
                    ));
                }
                if !(class.kg_mean > 0.0
                    && class.kg_mean < 10_000.0
                    && class.l_mean > 0.0
                    && class.l_mean < 100_000.0)
                {
                    let want = "means must be above nothing and below 10 t and 100 m³";
                    self.problems.push(fault("P107", 0, &format!("demand.{way}[{i}]"), class.kg_mean, want));
                }
            }
        }
    }
}
