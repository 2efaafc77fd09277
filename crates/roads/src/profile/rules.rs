//! A profile applied to tags: how fast, whether at all, and what a node on the road costs.

use super::{Band, Profile, Profiles};
use crate::osm::{
    Access, Condition, Conditional, Figure, Limit, LimitKind, NodeTags, RoadClass, Speed, WayTags, mode_key,
};

/// What a profile makes of a way in a band.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct RoadRule {
    /// Speed in tenths of km/h forward and backward; 0 closed.
    pub(crate) speed: [u32; 2],
    /// Only as first or last stretch.
    pub(crate) restricted: [bool; 2],
}

/// What a profile makes of a node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct NodeRule {
    pub(crate) closed: bool,
    pub(crate) delay_ms: u32,
    pub(crate) signals: bool,
}

/// Roads of at most this width slow the vehicle (passing oncoming traffic), in centimetres.
const NARROW_CM: u32 = 350;
/// A height restrictor (限高架) without a figure, in centimetres.
const RESTRICTOR_HEIGHT_CM: u32 = 220;
/// Width posts (限宽墩) without a figure, in centimetres.
const RESTRICTOR_WIDTH_CM: u32 = 230;

/// A profile with its tables at hand and its access keys as numbers.
struct Vehicle<'a> {
    profile: &'a Profile,
    band: &'a Band,
    modes: Vec<u8>,
}

impl Vehicle<'_> {
    fn holds(&self, condition: &Condition, in_whole_band: bool) -> bool {
        let p = self.profile;
        let figures = condition.figures.iter().all(|(figure, above, equal, bound)| {
            let mine = match figure {
                Figure::Weight => p.weight_kg.max(p.rated_kg),
                Figure::Axle => p.axle_kg,
                Figure::Height => p.height_cm,
                Figure::Width => p.width_cm,
                Figure::Length => p.length_cm,
            };
            mine == *bound && *equal || if *above { mine > *bound } else { mine < *bound }
        });
        let spans = &condition.spans;
        figures
            && (spans.is_empty()
                || if in_whole_band {
                    covered(self.band, condition)
                } else {
                    spans.iter().any(|s| s.overlaps(&self.band.span))
                })
    }

    /// Access in one direction: keys from general to special, a condition after the plain tag of its key. What
    /// closes counts when it touches the band, what opens only when it covers the band.
    fn access(
        &self,
        start: Access,
        tags: &[(u8, crate::osm::Way, Access)],
        conditionals: &[(Conditional, Condition)],
        direction: usize,
    ) -> Access {
        let mut access = start;
        for &mode in &self.modes {
            for (_, _, a) in tags.iter().filter(|(m, w, _)| *m == mode && w.covers(direction)) {
                access = *a;
            }
            for (what, condition) in conditionals {
                if let Conditional::Access(m, way, a) = what
                    && *m == mode
                    && way.covers(direction)
                    && self.holds(condition, *a < access)
                {
                    access = *a;
                }
            }
        }
        access
    }

    fn too_big(&self, kind: LimitKind, limit: Limit) -> bool {
        let p = self.profile;
        let mine = match kind {
            LimitKind::HeightCm => p.height_cm,
            LimitKind::WidthCm => p.width_cm,
            LimitKind::LengthCm => p.length_cm,
            LimitKind::WeightKg => p.weight_kg,
            LimitKind::RatedKg => p.rated_kg.max(p.weight_kg),
            LimitKind::AxleKg => p.axle_kg,
            // Both axles of a bogie carry at most twice the heaviest one.
            LimitKind::BogieKg => p.axle_kg,
        };
        matches!(limit, Limit::At(max) if mine > max)
    }

    fn limited(
        &self,
        limits: &[(Option<u8>, LimitKind, Limit)],
        conditionals: &[(Conditional, Condition)],
    ) -> bool {
        let applies = |mode: &Option<u8>| mode.is_none_or(|m| self.modes.contains(&m));
        limits.iter().any(|(mode, kind, limit)| applies(mode) && self.too_big(*kind, *limit))
            || conditionals.iter().any(|(what, condition)| {
                matches!(what, Conditional::Limit(kind, limit)
                    if self.too_big(*kind, *limit) && self.holds(condition, false))
            })
    }
}

/// Whether a condition holds during all of a band: every five minutes of its week are asked.
fn covered(band: &Band, condition: &Condition) -> bool {
    let all_year = |s: &crate::osm::TimeSpan| s.season.is_none() || s.season == band.span.season;
    (0..7u8).all(|day| {
        (0..288u16).all(|slot| {
            // Any date inside the band's season does: spans of another season were excluded.
            let (month, date) = band.span.season.map_or((1, 1), |(a, _)| ((a / 32) as u8, (a % 32) as u8));
            !band.span.holds(day, slot * 5, month, date)
                || condition.spans.iter().any(|s| all_year(s) && s.holds(day, slot * 5, month, date))
        })
    })
}

impl Profiles {
    fn vehicle(&self, profile: usize, band: usize) -> Vehicle<'_> {
        let profile = &self.profiles[profile];
        let modes = profile
            .access
            .iter()
            .filter_map(|k| mode_key(k))
            .chain(profile.hazmat.then(|| mode_key("hazmat")).flatten())
            .collect();
        Vehicle { profile, band: &self.bands[band], modes }
    }

    /// Access keys of a profile as numbers, for turn restrictions.
    pub(crate) fn modes(&self, profile: usize) -> Vec<u8> {
        self.vehicle(profile, 0).modes
    }

    /// Whether a restriction's condition holds for a profile in a band.
    pub(crate) fn condition_holds(&self, profile: usize, band: usize, condition: &Condition) -> bool {
        self.vehicle(profile, band).holds(condition, false)
    }

    /// What a profile makes of a way in a band.
    pub(crate) fn road(&self, profile: usize, band: usize, tags: &WayTags) -> RoadRule {
        let vehicle = self.vehicle(profile, band);
        if vehicle.limited(&tags.limits, &tags.conditionals) {
            return RoadRule::default();
        }
        let mut oneway = tags.oneway;
        for &mode in &vehicle.modes {
            for (_, value) in tags.oneway_by.iter().filter(|(m, _)| *m == mode) {
                oneway = *value;
            }
        }
        for (what, condition) in &tags.conditionals {
            if let Conditional::Oneway(value) = what
                && vehicle.holds(condition, *value == 0)
            {
                oneway = *value;
            }
        }
        let mut rule = RoadRule::default();
        for direction in 0..2 {
            let against = match oneway {
                0 => false,
                1 => direction == 1,
                -1 => direction == 0,
                _ => true,
            };
            // Paths were kept because a tag opens them; busways are open to buses alone.
            let start = match tags.class {
                RoadClass::Path => Access::Closed,
                RoadClass::Busway if !vehicle.profile.access.iter().any(|k| k == "bus" || k == "psv") => {
                    Access::Closed
                }
                _ => Access::Open,
            };
            let access = vehicle.access(start, &tags.access, &tags.conditionals, direction);
            if against || access == Access::Closed {
                continue;
            }
            rule.speed[direction] = self.speed(&vehicle, tags, direction);
            rule.restricted[direction] = matches!(access, Access::Restricted | Access::Private);
        }
        rule
    }

    /// Speed in tenths of km/h: the least of class, posted limit, surface, smoothness, track type, width, ford and
    /// vehicle.
    fn speed(&self, vehicle: &Vehicle<'_>, tags: &WayTags, direction: usize) -> u32 {
        let profile = vehicle.profile;
        let table = &self.speeds[&profile.speeds];
        let of = |key: &str| table.get(key).copied();
        let class = match (tags.class, tags.tracktype) {
            (RoadClass::Track, 1..=5) => of(&format!("track_grade{}", tags.tracktype)),
            _ => None,
        };
        let class = class.or_else(|| of(tags.class.name())).unwrap_or(0);
        let mut speed = u32::from(class) * u32::from(vehicle.band.percent[tags.class as usize]) / 10;
        speed = speed.min(u32::from(profile.top_kmh) * 10);
        let mut cap = |kmh10: u32| speed = speed.min(kmh10);
        let percent = u32::from(profile.maxspeed_percent);
        // The posted limit of the most special mode, then what a condition posts if it is lower.
        let mut posted = None;
        for (mode, way, value) in &tags.maxspeed {
            if way.covers(direction) && mode.is_none() {
                posted = Some(*value);
            }
        }
        for &mode in &vehicle.modes {
            for (m, way, value) in &tags.maxspeed {
                if *m == Some(mode) && way.covers(direction) {
                    posted = Some(*value);
                }
            }
        }
        if let Some(Speed::Limit(kmh10)) = posted {
            cap(u32::from(kmh10) * percent / 100);
        }
        for (what, condition) in &tags.conditionals {
            if let Conditional::Speed(way, Speed::Limit(kmh10)) = what
                && way.covers(direction)
                && vehicle.holds(condition, false)
            {
                cap(u32::from(*kmh10) * percent / 100);
            }
        }
        let surfaces = &self.surfaces[&profile.surfaces];
        if let Some(kmh) = tags.surface.as_ref().and_then(|s| surfaces.get(s)) {
            cap(u32::from(*kmh) * 10);
        }
        if let Some(kmh) = tags.smoothness.as_ref().and_then(|s| surfaces.get(&format!("smoothness_{s}"))) {
            cap(u32::from(*kmh) * 10);
        }
        if let Some(kmh) = surfaces.get(&format!("tracktype_grade{}", tags.tracktype)) {
            cap(u32::from(*kmh) * 10);
        }
        if tags.width_cm.is_some_and(|w| w <= NARROW_CM) {
            cap(u32::from(profile.narrow_kmh) * 10);
        }
        if tags.ford {
            cap(u32::from(profile.ford_kmh) * 10);
        }
        speed
    }

    /// What a profile makes of a node in a band.
    pub(crate) fn node(&self, profile: usize, band: usize, tags: &NodeTags) -> NodeRule {
        let vehicle = self.vehicle(profile, band);
        let p = vehicle.profile;
        let mut rule = NodeRule { signals: tags.signals, ..NodeRule::default() };
        rule.closed = vehicle.limited(&tags.limits, &tags.conditionals);
        if tags.crossing {
            rule.delay_ms += u32::from(p.crossing_s) * 1000;
        }
        if tags.ford {
            rule.delay_ms += 5_000;
        }
        let Some(barrier) = tags.barrier.as_deref() else { return rule };
        let posted = |kind: LimitKind| tags.limits.iter().any(|(_, k, _)| *k == kind);
        let shut = matches!(
            barrier,
            "bollard"
                | "block"
                | "chain"
                | "jersey_barrier"
                | "debris"
                | "cycle_barrier"
                | "stile"
                | "turnstile"
                | "kissing_gate"
                | "motorcycle_barrier"
                | "bus_trap"
                | "fence"
                | "wall"
                | "hedge"
                | "ditch"
                | "log"
                | "rope"
                | "full-height_turnstile"
                | "planter"
                | "barrier_board"
                | "guard_rail"
                | "yes"
        );
        let start = if shut { Access::Closed } else { Access::Open };
        let access = vehicle.access(start, &tags.access, &tags.conditionals, 0);
        rule.closed |= access >= Access::Private;
        match barrier {
            "gate" | "lift_gate" | "swing_gate" | "sliding_gate" | "hampshire_gate" | "wicket_gate"
            | "chain" => {
                rule.delay_ms += u32::from(p.gate_s) * 1000;
            }
            "toll_booth" => rule.delay_ms += u32::from(p.toll_s) * 1000,
            "border_control" => rule.delay_ms += 60_000,
            "height_restrictor" if !posted(LimitKind::HeightCm) => {
                rule.closed |= p.height_cm > RESTRICTOR_HEIGHT_CM;
            }
            "width_restrictor" | "width_restriction" if !posted(LimitKind::WidthCm) => {
                rule.closed |= p.width_cm > RESTRICTOR_WIDTH_CM;
            }
            _ => {}
        }
        rule
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::osm::Tags;

    fn road(profile: &str, tags: &Tags<'_>) -> RoadRule {
        let profiles = Profiles::default();
        let p = profiles.profiles.iter().position(|p| p.name == profile).expect("a built-in profile");
        match WayTags::read(tags, &mut Vec::new()) {
            Some((way, _)) => profiles.road(p, 0, &way),
            None => RoadRule::default(),
        }
    }

    fn node(profile: &str, tags: &Tags<'_>) -> NodeRule {
        let profiles = Profiles::default();
        let p = profiles.profiles.iter().position(|p| p.name == profile).expect("a built-in profile");
        NodeTags::read(tags, &mut Vec::new()).map_or_else(NodeRule::default, |n| profiles.node(p, 0, &n))
    }

    #[test]
    fn access_goes_from_general_to_special() {
        let both = |s: u32| [s, s];
        assert_eq!(road("van", &[("highway", "tertiary")]).speed, both(400));
        assert_eq!(road("van", &[("highway", "tertiary"), ("access", "no")]).speed, both(0));
        assert_eq!(
            road("van", &[("highway", "tertiary"), ("access", "no"), ("goods", "yes")]).speed,
            both(400)
        );
        assert_eq!(road("truck42", &[("highway", "tertiary"), ("hgv", "no")]).speed, both(0));
        assert_eq!(road("van", &[("highway", "tertiary"), ("hgv", "no")]).speed, both(400));
        let private = road("van", &[("highway", "service"), ("access", "private")]);
        assert_eq!((private.speed, private.restricted), (both(120), [true, true]));
        assert_eq!(road("bus", &[("highway", "busway")]).speed, both(250));
        assert_eq!(road("van", &[("highway", "busway")]).speed, both(0));
        assert_eq!(road("van", &[("highway", "footway")]).speed, both(0));
        assert_eq!(road("van", &[("highway", "path"), ("motor_vehicle", "yes")]).speed, both(80));
        assert_eq!(road("van", &[("highway", "tertiary"), ("motor_vehicle:backward", "no")]).speed, [400, 0]);
        assert_eq!(road("tricycle", &[("highway", "motorway")]).speed, both(0));
    }

    #[test]
    fn one_ways() {
        assert_eq!(road("van", &[("highway", "tertiary"), ("oneway", "-1")]).speed, [0, 400]);
        assert_eq!(road("van", &[("highway", "motorway")]).speed, [1000, 0]);
        assert_eq!(road("van", &[("highway", "tertiary"), ("junction", "roundabout")]).speed, [400, 0]);
        assert_eq!(road("van", &[("highway", "tertiary"), ("oneway", "reversible")]).speed, [0, 0]);
        let hgv = [("highway", "tertiary"), ("oneway:hgv", "yes")];
        assert_eq!(road("truck42", &hgv).speed, [330, 0]);
        assert_eq!(road("van", &hgv).speed, [400, 400]);
    }

    #[test]
    fn the_least_speed_counts() {
        let s = |tags: &Tags<'_>| road("van", tags).speed[0];
        assert_eq!(s(&[("highway", "primary"), ("maxspeed", "40")]), 360);
        assert_eq!(s(&[("highway", "primary"), ("surface", "gravel")]), 350);
        assert_eq!(s(&[("highway", "unclassified"), ("width", "3")]), 250);
        assert_eq!(s(&[("highway", "track"), ("tracktype", "grade4")]), 100);
        assert_eq!(s(&[("highway", "track")]), 120);
        assert_eq!(s(&[("highway", "secondary"), ("surface", "asphalt"), ("tracktype", "grade3")]), 250);
        assert_eq!(s(&[("highway", "primary"), ("smoothness", "very_bad")]), 180);
        assert_eq!(s(&[("highway", "primary"), ("maxspeed", "rubbish")]), 600);
        assert_eq!(s(&[("highway", "primary"), ("ford", "yes")]), 100);
        assert_eq!(road("truck42", &[("highway", "track"), ("tracktype", "grade5")]).speed[0], 0);
    }

    #[test]
    fn limits_bind_the_vehicle_that_is_too_big() {
        for tag in [("maxweight", "4"), ("maxheight", "3.0"), ("maxwidth", "2.2"), ("maxlength", "5.5")] {
            let tags = [("highway", "tertiary"), tag];
            assert_eq!(road("truck42", &tags).speed, [0, 0], "{tag:?}");
            assert_ne!(road("evan", &tags).speed, [0, 0], "{tag:?}");
        }
        assert_ne!(road("truck42", &[("highway", "tertiary"), ("maxheight", "default")]).speed, [0, 0]);
        assert_eq!(road("truck18t", &[("highway", "tertiary"), ("maxaxleload", "10")]).speed, [0, 0]);
        assert_eq!(road("truck42", &[("highway", "tertiary"), ("maxweight:hgv", "4")]).speed, [0, 0]);
        assert_ne!(road("van", &[("highway", "tertiary"), ("maxweight:hgv", "3")]).speed, [0, 0]);
    }

    #[test]
    fn conditions_count_where_they_touch_the_band() {
        let ban = [("highway", "primary"), ("hgv:conditional", "no @ (07:00-20:00)")];
        assert_eq!(road("truck42", &ban).speed, [0, 0]);
        assert_eq!(road("van", &ban).speed, [600, 600]);
        let opening = [("highway", "primary"), ("hgv", "no"), ("hgv:conditional", "yes @ (20:00-07:00)")];
        assert_eq!(road("truck42", &opening).speed, [0, 0], "open by night alone is not open all day");
        let heavy = [("highway", "primary"), ("motor_vehicle:conditional", "no @ (weight>7.5)")];
        assert_eq!(road("truck18t", &heavy).speed, [0, 0]);
        assert_ne!(road("truck42", &heavy).speed, [0, 0]);
    }

    #[test]
    fn barriers() {
        assert!(node("van", &[("barrier", "bollard")]).closed);
        assert!(!node("van", &[("barrier", "bollard"), ("motor_vehicle", "yes")]).closed);
        let gate = node("van", &[("barrier", "gate")]);
        assert!(!gate.closed && gate.delay_ms == 30_000);
        assert!(node("van", &[("barrier", "gate"), ("access", "private")]).closed);
        assert!(node("truck42", &[("barrier", "height_restrictor")]).closed);
        assert!(!node("van", &[("barrier", "height_restrictor")]).closed);
        assert!(!node("truck42", &[("barrier", "height_restrictor"), ("maxheight", "3.5")]).closed);
        assert!(node("truck18t", &[("barrier", "width_restrictor")]).closed);
        assert!(!node("van", &[("barrier", "cattle_grid")]).closed);
        assert!(node("van", &[("highway", "traffic_signals")]).signals);
    }
}
