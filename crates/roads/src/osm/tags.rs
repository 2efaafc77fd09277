//! Tags of ways and nodes, parsed once into typed values; no profile is applied yet.

use super::Tags;
use super::conditional::{Condition, parse_conditional};
use super::values::{Limit, Speed, parse_duration_s, parse_length_cm, parse_mass_kg, parse_speed};
use serde::{Deserialize, Serialize};

/// Class of a road, from OSM's `highway`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
#[allow(missing_docs)] // the names are OSM's own
pub enum RoadClass {
    Motorway = 0,
    MotorwayLink = 1,
    Trunk = 2,
    TrunkLink = 3,
    Primary = 4,
    PrimaryLink = 5,
    Secondary = 6,
    SecondaryLink = 7,
    Tertiary = 8,
    TertiaryLink = 9,
    Unclassified = 10,
    Residential = 11,
    LivingStreet = 12,
    Service = 13,
    Track = 14,
    Road = 15,
    /// A way for walkers or riders that a tag opens to motor vehicles.
    Path = 16,
    Ferry = 17,
    Busway = 18,
}

impl RoadClass {
    /// All classes, in the order of their numbers.
    pub const ALL: [Self; 19] = [
        Self::Motorway,
        Self::MotorwayLink,
        Self::Trunk,
        Self::TrunkLink,
        Self::Primary,
        Self::PrimaryLink,
        Self::Secondary,
        Self::SecondaryLink,
        Self::Tertiary,
        Self::TertiaryLink,
        Self::Unclassified,
        Self::Residential,
        Self::LivingStreet,
        Self::Service,
        Self::Track,
        Self::Road,
        Self::Path,
        Self::Ferry,
        Self::Busway,
    ];

    /// The class with this number.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }

    /// OSM's name, as used in profile files.
    #[must_use]
    pub fn name(self) -> &'static str {
        [
            "motorway",
            "motorway_link",
            "trunk",
            "trunk_link",
            "primary",
            "primary_link",
            "secondary",
            "secondary_link",
            "tertiary",
            "tertiary_link",
            "unclassified",
            "residential",
            "living_street",
            "service",
            "track",
            "road",
            "path",
            "ferry",
            "busway",
        ][self as usize]
    }

    fn from_highway(value: &str) -> Option<Self> {
        Some(match value {
            "path" | "footway" | "cycleway" | "bridleway" | "pedestrian" => Self::Path,
            "ferry" => return None,
            _ => *Self::ALL.iter().find(|c| c.name() == value)?,
        })
    }
}

/// What an access tag allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Access {
    /// Everyone of the mode.
    Open,
    /// Only as the first or last stretch of a trip (destination, delivery, customers).
    Restricted,
    /// As `Restricted` on a road; a gate or another barrier with it is shut.
    Private,
    /// Nobody.
    Closed,
}

/// Transport modes whose access keys are read; a profile lists those that apply, the more special ones later.
pub(crate) const MODE_KEYS: [&str; 15] = [
    "access",
    "vehicle",
    "motor_vehicle",
    "motorcar",
    "goods",
    "hgv",
    "psv",
    "bus",
    "minibus",
    "coach",
    "motorcycle",
    "moped",
    "mofa",
    "tricycle",
    "hazmat",
];

/// Index into [`MODE_KEYS`].
pub(crate) fn mode_key(name: &str) -> Option<u8> {
    #[allow(clippy::cast_possible_truncation)] // fifteen keys
    MODE_KEYS.iter().position(|k| *k == name).map(|i| i as u8)
}

/// Direction that a tag speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Way {
    Both,
    Forward,
    Backward,
}

impl Way {
    /// Whether the tag speaks of this direction (0 forward, 1 backward).
    pub(crate) fn covers(self, direction: usize) -> bool {
        match self {
            Self::Both => true,
            Self::Forward => direction == 0,
            Self::Backward => direction == 1,
        }
    }
}

/// A posted limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum LimitKind {
    HeightCm,
    WidthCm,
    LengthCm,
    WeightKg,
    RatedKg,
    AxleKg,
    BogieKg,
}

/// A value that holds under a condition.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Conditional {
    Access(u8, Way, Access),
    Speed(Way, Speed),
    Limit(LimitKind, Limit),
    Oneway(i8),
}

/// What the tags of a way say.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct WayTags {
    pub(crate) class: RoadClass,
    pub(crate) access: Vec<(u8, Way, Access)>,
    /// 0 both ways, 1 forward, −1 backward, 2 changing (closed).
    pub(crate) oneway: i8,
    pub(crate) oneway_by: Vec<(u8, i8)>,
    pub(crate) maxspeed: Vec<(Option<u8>, Way, Speed)>,
    pub(crate) surface: Option<String>,
    pub(crate) smoothness: Option<String>,
    pub(crate) tracktype: u8,
    pub(crate) width_cm: Option<u32>,
    pub(crate) limits: Vec<(Option<u8>, LimitKind, Limit)>,
    pub(crate) conditionals: Vec<(Conditional, Condition)>,
    pub(crate) roundabout: bool,
    pub(crate) toll: bool,
    pub(crate) ford: bool,
    pub(crate) bridge: bool,
    pub(crate) tunnel: bool,
}

/// What the tags of a node say.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct NodeTags {
    pub(crate) barrier: Option<String>,
    pub(crate) access: Vec<(u8, Way, Access)>,
    pub(crate) limits: Vec<(Option<u8>, LimitKind, Limit)>,
    pub(crate) conditionals: Vec<(Conditional, Condition)>,
    pub(crate) signals: bool,
    pub(crate) crossing: bool,
    pub(crate) ford: bool,
}

/// Notes of what could not be read: (code, key, value, advice).
pub(crate) type Notes = Vec<(&'static str, String, String, &'static str)>;

fn access_value(text: &str) -> Option<Access> {
    Some(match text {
        "yes" | "permissive" | "designated" | "official" | "public" | "unknown" | "permit"
        | "discouraged" => Access::Open,
        "destination" | "customers" | "delivery" | "residents" | "restricted" => Access::Restricted,
        "private" => Access::Private,
        "no"
        | "agricultural"
        | "forestry"
        | "agricultural;forestry"
        | "emergency"
        | "military"
        | "use_sidepath"
        | "dismount"
        | "none"
        | "psv"
        | "bus" => Access::Closed,
        _ => return None,
    })
}

fn limit_kind(key: &str) -> Option<(LimitKind, bool)> {
    Some(match key {
        "maxheight" | "maxheight:physical" => (LimitKind::HeightCm, false),
        "maxwidth" | "maxwidth:physical" => (LimitKind::WidthCm, false),
        "maxlength" => (LimitKind::LengthCm, false),
        "maxweight" => (LimitKind::WeightKg, true),
        "maxweightrating" => (LimitKind::RatedKg, true),
        "maxaxleload" => (LimitKind::AxleKg, true),
        "maxbogieweight" => (LimitKind::BogieKg, true),
        _ => return None,
    })
}

fn oneway_value(text: &str) -> Option<i8> {
    Some(match text {
        "yes" | "true" | "1" => 1,
        "-1" | "reverse" => -1,
        "no" | "false" | "0" => 0,
        "reversible" | "alternating" => 2,
        _ => return None,
    })
}

/// Takes `:forward` or `:backward` off a key.
fn direction(key: &str) -> (&str, Way) {
    if let Some(base) = key.strip_suffix(":forward") {
        (base, Way::Forward)
    } else if let Some(base) = key.strip_suffix(":backward") {
        (base, Way::Backward)
    } else {
        (key, Way::Both)
    }
}

/// What both ways and nodes may carry.
#[derive(Default)]
struct Shared {
    access: Vec<(u8, Way, Access)>,
    limits: Vec<(Option<u8>, LimitKind, Limit)>,
    conditionals: Vec<(Conditional, Condition)>,
}

impl Shared {
    /// Reads one tag; whether it was one of the shared ones.
    fn read(&mut self, key: &str, value: &str, notes: &mut Notes) -> bool {
        if let Some(base) = key.strip_suffix(":conditional") {
            self.read_conditional(base, value, notes);
            return true;
        }
        let (base, way) = direction(key);
        if let Some(mode) = mode_key(base) {
            match access_value(value) {
                Some(access) => self.access.push((mode, way, access)),
                None => notes.push((
                    crate::error::import_code::ACCESS,
                    key.into(),
                    value.into(),
                    "unknown access value, read as open; use yes, no, destination, private, delivery …",
                )),
            }
            return true;
        }
        let (limit_key, mode) = match base.rsplit_once(':') {
            Some((front, last)) if mode_key(last).is_some() => (front, mode_key(last)),
            _ => (base, None),
        };
        if let Some((kind, mass)) = limit_kind(limit_key) {
            match if mass { parse_mass_kg(value) } else { parse_length_cm(value) } {
                Some(limit) => self.limits.push((mode, kind, limit)),
                None => notes.push((
                    crate::error::import_code::BAD_TAG,
                    key.into(),
                    value.into(),
                    "not a limit, ignored; metres or tonnes such as 3.5, or with a unit",
                )),
            }
            return true;
        }
        false
    }

    fn read_conditional(&mut self, base: &str, text: &str, notes: &mut Notes) {
        let (key, way) = direction(base);
        for (value, condition) in parse_conditional(text) {
            let what = if let Some(mode) = mode_key(key) {
                access_value(&value).map(|a| Conditional::Access(mode, way, a))
            } else if key == "maxspeed" {
                parse_speed(&value).map(|s| Conditional::Speed(way, s))
            } else if let Some((kind, mass)) = limit_kind(key) {
                let limit = if mass { parse_mass_kg(&value) } else { parse_length_cm(&value) };
                limit.map(|l| Conditional::Limit(kind, l))
            } else if key == "oneway" {
                oneway_value(&value).map(Conditional::Oneway)
            } else {
                continue; // a key that no profile asks about
            };
            match (what, condition) {
                (Some(what), Some(condition)) => self.conditionals.push((what, condition)),
                _ => notes.push((
                    crate::error::import_code::CONDITION,
                    format!("{base}:conditional"),
                    text.into(),
                    "condition not honoured; days, hours, seasons and weight, height, width, length are",
                )),
            }
        }
    }
}

impl WayTags {
    /// Reads the tags of a way; `None` when no motor vehicle could ever use it. The second value is a ferry's
    /// duration in seconds.
    pub(crate) fn read(tags: &Tags<'_>, notes: &mut Notes) -> Option<(Self, Option<u32>)> {
        let get = |key: &str| tags.iter().find(|(k, _)| *k == key).map(|(_, v)| *v);
        let ferry = get("route") == Some("ferry") || get("route") == Some("shuttle_train");
        let class = match get("highway") {
            Some(value) => RoadClass::from_highway(value)?,
            None if ferry => RoadClass::Ferry,
            None => return None,
        };
        if get("area") == Some("yes") || get("impassable") == Some("yes") {
            return None;
        }
        let mut shared = Shared::default();
        let mut this = Self {
            class,
            access: Vec::new(),
            oneway: i8::from(matches!(class, RoadClass::Motorway | RoadClass::MotorwayLink)),
            oneway_by: Vec::new(),
            maxspeed: Vec::new(),
            surface: None,
            smoothness: None,
            tracktype: 0,
            width_cm: None,
            limits: Vec::new(),
            conditionals: Vec::new(),
            roundabout: matches!(get("junction"), Some("roundabout" | "circular")),
            toll: get("toll") == Some("yes"),
            ford: matches!(get("ford"), Some(v) if v != "no"),
            bridge: matches!(get("bridge"), Some(v) if v != "no"),
            tunnel: matches!(get("tunnel"), Some(v) if v != "no"),
        };
        if this.roundabout {
            this.oneway = 1;
        }
        let mut duration = None;
        for (key, value) in tags {
            this.read_one(key, value, &mut shared, &mut duration, notes);
        }
        this.access = shared.access;
        this.limits = shared.limits;
        this.conditionals = shared.conditionals;
        let opened = |keys: &[&str]| {
            this.access
                .iter()
                .any(|(m, _, a)| *a != Access::Closed && keys.contains(&MODE_KEYS[usize::from(*m)]))
        };
        // Paths and ferries carry motor vehicles only where a tag says so.
        let motor = ["motor_vehicle", "motorcar", "goods", "hgv", "motorcycle", "vehicle"];
        let closed_path = class == RoadClass::Path && !opened(&motor);
        let foot_ferry = class == RoadClass::Ferry
            && !opened(&motor)
            && this
                .access
                .iter()
                .any(|(m, _, a)| *a == Access::Closed && motor[..2].contains(&MODE_KEYS[usize::from(*m)]));
        (!closed_path && !foot_ferry).then_some((this, duration))
    }

    fn read_one(
        &mut self,
        key: &str,
        value: &str,
        shared: &mut Shared,
        duration: &mut Option<u32>,
        notes: &mut Notes,
    ) {
        let mut bad = |want: &'static str| {
            notes.push((crate::error::import_code::BAD_TAG, key.to_owned(), value.to_owned(), want));
        };
        match key {
            "oneway" => match oneway_value(value) {
                Some(n) => self.oneway = n,
                None => bad("not a direction, ignored; yes, no or -1"),
            },
            "surface" => self.surface = Some(value.split(';').next().unwrap_or("").trim().to_owned()),
            "smoothness" => self.smoothness = Some(value.to_owned()),
            "tracktype" => {
                self.tracktype = match value {
                    "grade1" => 1,
                    "grade2" => 2,
                    "grade3" => 3,
                    "grade4" => 4,
                    "grade5" => 5,
                    _ => 0,
                };
            }
            "width" | "est_width" => match parse_length_cm(value) {
                Some(Limit::At(cm)) => self.width_cm = Some(self.width_cm.map_or(cm, |w| w.min(cm))),
                Some(Limit::Unlimited) => {}
                None => bad("not a width, ignored; metres such as 3.5"),
            },
            "duration" => match parse_duration_s(value) {
                Some(s) => *duration = Some(s),
                None => bad("not a duration, ignored; HH:MM"),
            },
            _ => {
                if let Some(mode) = key.strip_prefix("oneway:").and_then(mode_key) {
                    match oneway_value(value) {
                        Some(n) => self.oneway_by.push((mode, n)),
                        None => bad("not a direction, ignored; yes, no or -1"),
                    }
                    return;
                }
                let (base, way) = direction(key);
                if base == "maxspeed" || base.starts_with("maxspeed:") && !key.ends_with(":conditional") {
                    let mode = base.strip_prefix("maxspeed:").map(mode_key);
                    if mode == Some(None) {
                        return; // maxspeed:type, :lanes, :advisory and the like
                    }
                    match parse_speed(value) {
                        Some(speed) => self.maxspeed.push((mode.flatten(), way, speed)),
                        None => bad("not a speed, ignored; km/h such as 50"),
                    }
                } else {
                    shared.read(key, value, notes);
                }
            }
        }
    }
}

impl NodeTags {
    /// Reads the tags of a node; `None` when they do not matter to a vehicle.
    pub(crate) fn read(tags: &Tags<'_>, notes: &mut Notes) -> Option<Self> {
        let mut this = Self::default();
        let mut shared = Shared::default();
        for (key, value) in tags {
            match (*key, *value) {
                ("barrier", kind) => this.barrier = Some(kind.to_owned()),
                ("highway", "traffic_signals") => this.signals = true,
                ("highway", "toll_gantry") => {}
                ("railway", "level_crossing") => this.crossing = true,
                ("ford", value) if value != "no" => this.ford = true,
                _ => {
                    shared.read(key, value, notes);
                }
            }
        }
        this.limits = shared.limits;
        // Access on a node speaks of the barrier there (or of a place beside the road, without one).
        if this.barrier.is_some() {
            this.access = shared.access;
            this.conditionals = shared.conditionals;
        }
        let matters =
            this.barrier.is_some() || this.signals || this.crossing || this.ford || !this.limits.is_empty();
        matters.then_some(this)
    }
}
