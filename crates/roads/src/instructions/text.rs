//! The two catalogues of the driver's sheet.

use super::{Language, Maneuver, Step};
use crate::osm::RoadClass;

impl Step {
    /// The instruction as a sentence without a full stop, such as 左转进入人民路，行驶 1.2 公里.
    #[must_use]
    pub fn text(&self, language: Language) -> String {
        match language {
            Language::Zh => self.zh(),
            Language::En => self.en(),
        }
    }

    fn zh(&self) -> String {
        let road = road(self, class_zh(self.class), ('（', '）'));
        let go = match self.metres {
            0 => String::new(),
            m @ 1..1000 => format!("，行驶 {m} 米"),
            m => format!("，行驶 {} 公里", tenths(m)),
        };
        match self.maneuver {
            Maneuver::Depart { bearing } => format!("沿{road}向{}出发{go}", compass(bearing, &ZH_COMPASS)),
            Maneuver::Straight => format!("直行进入{road}{go}"),
            Maneuver::KeepLeft => format!("靠左进入{road}{go}"),
            Maneuver::KeepRight => format!("靠右进入{road}{go}"),
            Maneuver::Left => format!("左转进入{road}{go}"),
            Maneuver::Right => format!("右转进入{road}{go}"),
            Maneuver::SharpLeft => format!("向左后方急转进入{road}{go}"),
            Maneuver::SharpRight => format!("向右后方急转进入{road}{go}"),
            Maneuver::Round => format!("掉头，沿{road}返回{go}"),
            Maneuver::Roundabout { exit } => format!("进入环岛，从第 {exit} 个出口驶出，进入{road}{go}"),
            Maneuver::Ferry => format!("上轮渡{road}{go}"),
            Maneuver::Arrive { left } => format!("到达，目的地在道路{}侧", if left { "左" } else { "右" }),
        }
    }

    fn en(&self) -> String {
        let road = road(self, class_en(self.class), ('(', ')'));
        let go = match self.metres {
            0 => String::new(),
            m @ 1..1000 => format!(", {m} m"),
            m => format!(", {} km", tenths(m)),
        };
        match self.maneuver {
            Maneuver::Depart { bearing } => format!("Head {} on {road}{go}", compass(bearing, &EN_COMPASS)),
            Maneuver::Straight => format!("Straight on, onto {road}{go}"),
            Maneuver::KeepLeft => format!("Keep left onto {road}{go}"),
            Maneuver::KeepRight => format!("Keep right onto {road}{go}"),
            Maneuver::Left => format!("Turn left onto {road}{go}"),
            Maneuver::Right => format!("Turn right onto {road}{go}"),
            Maneuver::SharpLeft => format!("Turn sharp left onto {road}{go}"),
            Maneuver::SharpRight => format!("Turn sharp right onto {road}{go}"),
            Maneuver::Round => format!("Turn round, back on {road}{go}"),
            Maneuver::Roundabout { exit } => {
                format!("Enter the roundabout, take exit {exit} onto {road}{go}")
            }
            Maneuver::Ferry => format!("Take the ferry {road}{go}"),
            Maneuver::Arrive { left } => {
                format!("Arrive; the destination is on the {}", if left { "left" } else { "right" })
            }
        }
    }
}

/// Name with the number in brackets, or what there is of them, or the class.
fn road(step: &Step, class: &str, (open, close): (char, char)) -> String {
    match (step.name.as_str(), step.reference.as_str()) {
        ("", "") => class.to_owned(),
        ("", reference) => reference.to_owned(),
        (name, "") => name.to_owned(),
        (name, reference) => format!("{name}{open}{reference}{close}"),
    }
}

/// Kilometres with one decimal, rounded.
fn tenths(metres: u32) -> String {
    let tenths = (metres + 50) / 100;
    format!("{}.{}", tenths / 10, tenths % 10)
}

const ZH_COMPASS: [&str; 8] = ["北", "东北", "东", "东南", "南", "西南", "西", "西北"];
const EN_COMPASS: [&str; 8] =
    ["north", "north-east", "east", "south-east", "south", "south-west", "west", "north-west"];

fn compass(bearing: u16, names: &[&'static str; 8]) -> &'static str {
    names[usize::from((bearing % 360 + 22) / 45) % 8]
}

fn class_zh(class: RoadClass) -> &'static str {
    match class {
        RoadClass::Motorway => "高速公路",
        RoadClass::MotorwayLink => "高速匝道",
        RoadClass::Trunk => "国道",
        RoadClass::Primary => "省道",
        RoadClass::Secondary => "县道",
        RoadClass::Tertiary => "乡道",
        RoadClass::TrunkLink
        | RoadClass::PrimaryLink
        | RoadClass::SecondaryLink
        | RoadClass::TertiaryLink => "匝道",
        RoadClass::Unclassified => "村道",
        RoadClass::Residential | RoadClass::LivingStreet => "街道",
        RoadClass::Service => "内部道路",
        RoadClass::Track => "机耕路",
        RoadClass::Road => "道路",
        RoadClass::Path => "小路",
        RoadClass::Ferry => "",
        RoadClass::Busway => "公交专用道",
    }
}

fn class_en(class: RoadClass) -> &'static str {
    match class {
        RoadClass::Motorway => "the expressway",
        RoadClass::Trunk => "the national road",
        RoadClass::Primary => "the provincial road",
        RoadClass::Secondary => "the county road",
        RoadClass::Tertiary => "the township road",
        RoadClass::MotorwayLink
        | RoadClass::TrunkLink
        | RoadClass::PrimaryLink
        | RoadClass::SecondaryLink
        | RoadClass::TertiaryLink => "the ramp",
        RoadClass::Unclassified => "the village road",
        RoadClass::Residential | RoadClass::LivingStreet => "the street",
        RoadClass::Service => "the service road",
        RoadClass::Track => "the farm track",
        RoadClass::Road => "the road",
        RoadClass::Path => "the path",
        RoadClass::Ferry => "across",
        RoadClass::Busway => "the busway",
    }
}
