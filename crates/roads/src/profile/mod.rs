//! Vehicle profiles and time bands: an editable TOML file with built-in defaults.
//!
//! Start values follow `default.toml`, which explains each key. A profile never inherits another country's limits:
//! a vehicle has the figures that its own section states.

mod rules;

pub(crate) use rules::{NodeRule, RoadRule};

use crate::RoadsError;
use crate::limits::{BANDS_MAX, METRICS_MAX, PROFILES_MAX};
use crate::osm::{RoadClass, TimeSpan, parse_conditional};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The built-in profile file.
pub const DEFAULT_PROFILES: &str = include_str!("default.toml");

/// A time band: a named part of the week, and of the year where `season` says so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Band {
    /// Its name, unique in the file.
    pub name: String,
    pub(crate) span: TimeSpan,
    /// Percent of the free-flow speed by class number.
    pub(crate) percent: Vec<u16>,
}

impl Band {
    /// Whether the band holds a moment of civil time.
    #[must_use]
    pub fn holds(&self, at: jiff::civil::DateTime) -> bool {
        #[allow(clippy::cast_sign_loss, clippy::cast_possible_truncation)]
        // civil fields are small and positive
        self.span.holds(
            at.weekday().to_monday_zero_offset() as u8,
            (i32::from(at.hour()) * 60 + i32::from(at.minute())) as u16,
            at.month() as u8,
            at.day() as u8,
        )
    }
}

/// A vehicle profile as the file states it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// Its name, unique in the file.
    #[serde(default)]
    pub name: String,
    /// Name for people, Chinese.
    pub name_zh: String,
    /// Name for people, English.
    pub name_en: String,
    /// Access keys from general to special.
    pub(crate) access: Vec<String>,
    pub(crate) speeds: String,
    pub(crate) surfaces: String,
    /// Fastest that the vehicle goes, km/h.
    #[serde(default = "default_top")]
    pub top_kmh: u16,
    /// Share of a posted limit that is driven, percent.
    #[serde(default = "default_maxspeed_percent")]
    pub maxspeed_percent: u16,
    /// Height in centimetres.
    pub height_cm: u32,
    /// Width in centimetres, mirrors excluded.
    pub width_cm: u32,
    /// Length in centimetres.
    pub length_cm: u32,
    /// Mass on the road in kilograms.
    pub weight_kg: u32,
    /// Permitted mass by the papers in kilograms; 0: as `weight_kg`.
    #[serde(default)]
    pub rated_kg: u32,
    /// Heaviest axle in kilograms.
    pub axle_kg: u32,
    /// Speed cap on roads of at most 3.5 m width, km/h.
    #[serde(default = "default_narrow")]
    pub narrow_kmh: u16,
    /// Speed through a ford, km/h.
    #[serde(default = "default_ford")]
    pub ford_kmh: u16,
    /// Cost of a turn across oncoming traffic at a junction, seconds.
    #[serde(default = "default_left")]
    pub left_s: u16,
    /// Cost of a turn to the near side, seconds.
    #[serde(default = "default_right")]
    pub right_s: u16,
    /// Cost of turning round at a dead end, seconds.
    #[serde(default = "default_u_turn")]
    pub u_turn_s: u16,
    /// Mean wait at traffic lights, seconds.
    #[serde(default = "default_signal")]
    pub signal_s: u16,
    /// Mean wait at a level crossing, seconds.
    #[serde(default = "default_crossing")]
    pub crossing_s: u16,
    /// Opening and shutting a gate, seconds.
    #[serde(default = "default_gate")]
    pub gate_s: u16,
    /// Passing a toll booth, seconds.
    #[serde(default = "default_toll")]
    pub toll_s: u16,
    /// Boarding a ferry, seconds.
    #[serde(default = "default_boarding")]
    pub boarding_s: u16,
    /// What entering a road for residents and deliveries is worth avoiding, seconds; not counted as time.
    #[serde(default = "default_entry")]
    pub restricted_entry_s: u16,
    /// Whether only what carries dangerous goods' signs: honours `hazmat` limits.
    #[serde(default)]
    pub hazmat: bool,
}

const fn default_top() -> u16 {
    120
}
const fn default_maxspeed_percent() -> u16 {
    90
}
const fn default_narrow() -> u16 {
    25
}
const fn default_ford() -> u16 {
    10
}
const fn default_left() -> u16 {
    4
}
const fn default_right() -> u16 {
    2
}
const fn default_u_turn() -> u16 {
    30
}
const fn default_signal() -> u16 {
    8
}
const fn default_crossing() -> u16 {
    5
}
const fn default_gate() -> u16 {
    30
}
const fn default_toll() -> u16 {
    15
}
const fn default_boarding() -> u16 {
    600
}
const fn default_entry() -> u16 {
    600
}

/// A checked profile file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profiles {
    /// Profiles in the order of their names.
    pub profiles: Vec<Profile>,
    /// Time bands in the order of the file.
    pub bands: Vec<Band>,
    pub(crate) speeds: BTreeMap<String, BTreeMap<String, u16>>,
    pub(crate) surfaces: BTreeMap<String, BTreeMap<String, u16>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    format: u32,
    #[serde(default)]
    band: Vec<FileBand>,
    speeds: BTreeMap<String, BTreeMap<String, u16>>,
    surfaces: BTreeMap<String, BTreeMap<String, u16>>,
    profile: BTreeMap<String, Profile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileBand {
    name: String,
    #[serde(default = "whole_week")]
    days: String,
    #[serde(default = "midnight")]
    from: String,
    #[serde(default = "day_end")]
    to: String,
    /// Such as `Nov 15-Mar 15`.
    season: Option<String>,
    #[serde(default)]
    percent: BTreeMap<String, u16>,
}

fn whole_week() -> String {
    "Mo-Su".into()
}
fn midnight() -> String {
    "00:00".into()
}
fn day_end() -> String {
    "24:00".into()
}

impl Default for Profiles {
    fn default() -> Self {
        Self::parse(DEFAULT_PROFILES).expect("the built-in profile file is tested")
    }
}

impl Profiles {
    /// Reads and checks a profile file.
    ///
    /// # Errors
    /// [`RoadsError::BadProfile`] names the first thing that is wrong, [`RoadsError::TooMuch`] a bound.
    pub fn parse(text: &str) -> Result<Self, RoadsError> {
        let bad = |what: String| RoadsError::BadProfile { what };
        let file: File = toml::from_str(text).map_err(|e| bad(e.to_string().trim().replace('\n', " | ")))?;
        if file.format != 1 {
            return Err(bad(format!("format {} is not known; 1 is", file.format)));
        }
        let bands = if file.band.is_empty() {
            vec![Band {
                name: "all".into(),
                span: TimeSpan::ALWAYS,
                percent: vec![100; RoadClass::ALL.len()],
            }]
        } else {
            file.band.into_iter().map(Band::read).collect::<Result<_, _>>()?
        };
        let profiles: Vec<Profile> =
            file.profile.into_iter().map(|(name, p)| Profile { name, ..p }).collect();
        let this = Self { profiles, bands, speeds: file.speeds, surfaces: file.surfaces };
        this.check()?;
        Ok(this)
    }

    fn check(&self) -> Result<(), RoadsError> {
        let bad = |what: String| RoadsError::BadProfile { what };
        let metrics = self.profiles.len() * self.bands.len();
        for (what, found, max) in [
            ("profiles", self.profiles.len(), PROFILES_MAX),
            ("time bands", self.bands.len(), BANDS_MAX),
            ("profiles times bands", metrics, METRICS_MAX),
        ] {
            if found > max {
                return Err(RoadsError::TooMuch { what, found: found as u64, max: max as u64 });
            }
        }
        if self.profiles.is_empty() {
            return Err(bad("no [profile.NAME] section".into()));
        }
        for (i, band) in self.bands.iter().enumerate() {
            if self.bands[..i].iter().any(|b| b.name == band.name) {
                return Err(bad(format!("band \"{}\" stands twice", band.name)));
            }
        }
        for (table, speeds) in &self.speeds {
            for (key, kmh) in speeds {
                let known = RoadClass::ALL.iter().any(|c| c.name() == key)
                    || key
                        .strip_prefix("track_grade")
                        .is_some_and(|g| matches!(g, "1" | "2" | "3" | "4" | "5"));
                if !known || *kmh > 200 {
                    return Err(bad(format!(
                        "speeds.{table}.{key} = {kmh}: a class of OSM and 0 to 200 km/h expected"
                    )));
                }
            }
        }
        for p in &self.profiles {
            let name = &p.name;
            if !self.speeds.contains_key(&p.speeds) {
                return Err(bad(format!("profile.{name}.speeds: no table [speeds.{}]", p.speeds)));
            }
            if !self.surfaces.contains_key(&p.surfaces) {
                return Err(bad(format!("profile.{name}.surfaces: no table [surfaces.{}]", p.surfaces)));
            }
            if let Some(key) = p.access.iter().find(|k| crate::osm::mode_key(k).is_none()) {
                return Err(bad(format!("profile.{name}.access: \"{key}\" is not a key that is read")));
            }
            if p.access.is_empty() || p.top_kmh == 0 || p.maxspeed_percent == 0 || p.maxspeed_percent > 150 {
                return Err(bad(format!(
                    "profile.{name}: access, top_kmh above 0 and maxspeed_percent from 1 to 150 needed"
                )));
            }
        }
        Ok(())
    }

    /// Number of metrics: one for each profile and band.
    #[must_use]
    pub fn metric_count(&self) -> usize {
        self.profiles.len() * self.bands.len()
    }

    /// The metric of a profile and a band, by their positions.
    pub(crate) fn metric(&self, profile: usize, band: usize) -> usize {
        profile * self.bands.len() + band
    }
}

impl Band {
    fn read(file: FileBand) -> Result<Self, RoadsError> {
        let bad = |what: String| RoadsError::BadProfile { what };
        let season = file.season.as_deref().unwrap_or("");
        let text = format!("no @ ({season} {} {}-{})", file.days, file.from, file.to);
        let span = match &mut parse_conditional(&text)[..] {
            [(_, Some(condition))] if condition.spans.len() == 1 => condition.spans.remove(0),
            _ => {
                return Err(bad(format!(
                    "band \"{}\": days such as Mo-Fr, hours such as 07:00, season such as Nov 15-Mar 15",
                    file.name
                )));
            }
        };
        let mut percent = vec![100; RoadClass::ALL.len()];
        for (class, value) in file.percent {
            let Some(i) = RoadClass::ALL.iter().position(|c| c.name() == class) else {
                return Err(bad(format!("band \"{}\": percent.{class} is no class of OSM", file.name)));
            };
            if !(1..=200).contains(&value) {
                return Err(bad(format!("band \"{}\": percent.{class} = {value}; 1 to 200", file.name)));
            }
            percent[i] = value;
        }
        Ok(Self { name: file.name, span, percent })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_file_is_sound() {
        let p = Profiles::default();
        let names: Vec<&str> = p.profiles.iter().map(|p| p.name.as_str()).collect();
        assert_eq!(names, ["bus", "evan", "tricycle", "truck18t", "truck42", "van"]);
        assert_eq!(p.bands.len(), 1);
        assert!(p.bands[0].holds(jiff::civil::date(2026, 11, 24).at(23, 59, 0, 0)));
    }

    #[test]
    fn faults_are_named() {
        let edit = |from: &str, to: &str| {
            assert!(DEFAULT_PROFILES.contains(from), "{from}");
            Profiles::parse(&DEFAULT_PROFILES.replacen(from, to, 1)).expect_err(to).to_string()
        };
        assert!(edit("format = 1", "format = 9").contains("format 9"));
        assert!(edit("motorway = 100", "moterway = 100").contains("moterway"));
        assert!(edit("\"goods\"]", "\"goats\"]").contains("goats"));
        assert!(edit("speeds = \"light\"", "speeds = \"fast\"").contains("speeds.fast"));
        assert!(edit("from = \"00:00\"", "from = \"25:00\"").contains("band"));
        assert!(edit("height_cm = 220", "hight_cm = 220").contains("hight_cm"));
    }

    #[test]
    fn bands_pick_by_civil_time() {
        let text = DEFAULT_PROFILES.replacen(
            "from = \"00:00\"\nto = \"24:00\"",
            "from = \"07:00\"\nto = \"20:00\"\n[[band]]\nname = \"night\"\nfrom = \"20:00\"\nto = \"07:00\"\npercent = { primary = 110 }",
            1,
        );
        let p = Profiles::parse(&text).expect("two bands");
        let at = |h| jiff::civil::date(2026, 11, 24).at(h, 30, 0, 0);
        assert!(p.bands[0].holds(at(7)) && !p.bands[0].holds(at(20)));
        assert!(p.bands[1].holds(at(20)) && p.bands[1].holds(at(3)) && !p.bands[1].holds(at(7)));
    }
}
