//! Areas and routes that terminals watch by themselves, and their queries (2019).

use super::header::Edition;
use crate::fault::BodyFault;
use crate::text::Measured;
use crate::wire::{Bytes, Counted, Reader, Since2019, Wire, layout};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Area attribute: it has times.
pub const HAS_TIMES: u16 = 1;
/// Area attribute: it has a speed limit.
pub const HAS_SPEED: u16 = 1 << 1;
/// Segment attribute: it has times of too long and too short.
pub const SEGMENT_HAS_TIMES: u8 = 1;
/// Segment attribute: it has a speed limit.
pub const SEGMENT_HAS_SPEED: u8 = 1 << 1;

/// When an area holds. Digits YYMMDDhhmmss; zeros as the date mean every day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Times {
    /// From.
    pub start: Bytes<6>,
    /// To.
    pub end: Bytes<6>,
}

/// The speed limit of an area.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpeedLimit {
    /// Highest speed in km/h.
    pub max_kmh: u16,
    /// Seconds above it before it counts.
    pub over_s: u8,
}

fn times(has: bool, reader: &mut Reader<'_>, edition: Edition) -> Result<Option<Times>, BodyFault> {
    if !has {
        return Ok(None);
    }
    Ok(Some(Times { start: Bytes::read(reader, edition)?, end: Bytes::read(reader, edition)? }))
}

fn speed(has: bool, reader: &mut Reader<'_>) -> Result<Option<SpeedLimit>, BodyFault> {
    if !has {
        return Ok(None);
    }
    Ok(Some(SpeedLimit { max_kmh: reader.u16()?, over_s: reader.u8()? }))
}

fn night(has: bool, reader: &mut Reader<'_>, edition: Edition) -> Result<Option<u16>, BodyFault> {
    if has && edition == Edition::V2019 { reader.u16().map(Some) } else { Ok(None) }
}

fn write_times(times: Option<&Times>, out: &mut Vec<u8>, edition: Edition) {
    if let Some(times) = times {
        times.start.write(out, edition);
        times.end.write(out, edition);
    }
}

fn write_speed(limit: Option<&SpeedLimit>, out: &mut Vec<u8>, edition: Edition) {
    if let Some(limit) = limit {
        limit.max_kmh.write(out, edition);
        limit.over_s.write(out, edition);
    }
}

fn write_night(has: bool, night: Option<u16>, out: &mut Vec<u8>, edition: Edition) {
    if has && edition == Edition::V2019 {
        night.unwrap_or_default().write(out, edition);
    }
}

/// An area of any shape; `S` is the shape's own fields, between the attribute and the times.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Area<S> {
    /// Area id.
    pub id: u32,
    /// Bits: 0 has times, 1 has a speed limit, 2 and 3 tell driver and platform on entry, 4 and 5 on exit, 6 south,
    /// 7 west, 8 doors stay shut.
    pub attr: u16,
    /// The shape. Coordinates are magnitudes; bits 6 and 7 give their sides.
    #[serde(flatten)]
    pub shape: S,
    /// When it holds, if bit 0 is set.
    #[serde(flatten)]
    pub times: Option<Times>,
    /// Its speed limit, if bit 1 is set.
    #[serde(flatten)]
    pub limit: Option<SpeedLimit>,
    /// Highest speed at night in km/h, if bit 1 is set; since 2019.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub night_max_kmh: Option<u16>,
    /// Name; since 2019.
    #[serde(default, skip_serializing_if = "Since2019::is_none")]
    pub name: Since2019<Measured<2>>,
}

impl<'a, S: Wire<'a>> Wire<'a> for Area<S> {
    fn read(reader: &mut Reader<'a>, edition: Edition) -> Result<Self, BodyFault> {
        let (id, attr) = (reader.u32()?, reader.u16()?);
        let has_speed = attr & HAS_SPEED != 0;
        Ok(Self {
            id,
            attr,
            shape: S::read(reader, edition)?,
            times: times(attr & HAS_TIMES != 0, reader, edition)?,
            limit: speed(has_speed, reader)?,
            night_max_kmh: night(has_speed, reader, edition)?,
            name: Since2019::read(reader, edition)?,
        })
    }

    fn write(&self, out: &mut Vec<u8>, edition: Edition) {
        self.id.write(out, edition);
        self.attr.write(out, edition);
        self.shape.write(out, edition);
        write_times(self.times.as_ref(), out, edition);
        write_speed(self.limit.as_ref(), out, edition);
        write_night(self.attr & HAS_SPEED != 0, self.night_max_kmh, out, edition);
        self.name.write(out, edition);
    }
}

layout! {
    /// A circle.
    pub struct Circle {
        /// Latitude of the centre.
        pub lat_udeg: u32,
        /// Longitude of the centre.
        pub lon_udeg: u32,
        /// Radius in metres.
        pub radius_m: u32,
    }
}

layout! {
    /// A rectangle.
    pub struct Rectangle {
        /// Latitude of the north-west corner.
        pub tl_lat_udeg: u32,
        /// Longitude of the north-west corner.
        pub tl_lon_udeg: u32,
        /// Latitude of the south-east corner.
        pub br_lat_udeg: u32,
        /// Longitude of the south-east corner.
        pub br_lon_udeg: u32,
    }
}

/// 0x8600 and 0x8602: set areas of one shape.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetAreas<S> {
    /// 0 replace all, 1 append, 2 modify.
    pub op: u8,
    /// The areas.
    pub areas: Vec<Area<S>>,
}

impl<'a, S: Wire<'a>> Wire<'a> for SetAreas<S> {
    fn read(reader: &mut Reader<'a>, edition: Edition) -> Result<Self, BodyFault> {
        Ok(Self { op: reader.u8()?, areas: Counted::<1, Area<S>>::read(reader, edition)?.0 })
    }

    fn write(&self, out: &mut Vec<u8>, edition: Edition) {
        let areas = &self.areas[..self.areas.len().min(255)];
        out.extend_from_slice(&[self.op, areas.len() as u8]);
        areas.iter().for_each(|area| area.write(out, edition));
    }
}

/// 0x8604: set one polygon. Its vertices come after the limits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Polygon {
    /// Area id.
    pub id: u32,
    /// Bits as in [`Area::attr`].
    pub attr: u16,
    /// When it holds, if bit 0 is set.
    #[serde(flatten)]
    pub times: Option<Times>,
    /// Its speed limit, if bit 1 is set.
    #[serde(flatten)]
    pub limit: Option<SpeedLimit>,
    /// Vertices as latitude, longitude.
    pub points: Vec<[u32; 2]>,
    /// Highest speed at night in km/h, if bit 1 is set; since 2019.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub night_max_kmh: Option<u16>,
    /// Name; since 2019.
    #[serde(default, skip_serializing_if = "Since2019::is_none")]
    pub name: Since2019<Measured<2>>,
}

impl<'a> Wire<'a> for Polygon {
    fn read(reader: &mut Reader<'a>, edition: Edition) -> Result<Self, BodyFault> {
        let (id, attr) = (reader.u32()?, reader.u16()?);
        let times = times(attr & HAS_TIMES != 0, reader, edition)?;
        let limit = speed(attr & HAS_SPEED != 0, reader)?;
        let count = usize::from(reader.u16()?);
        let points = reader.take(count * 8)?.as_chunks::<8>().0.iter();
        let points = points
            .map(|p| [[p[0], p[1], p[2], p[3]], [p[4], p[5], p[6], p[7]]].map(u32::from_be_bytes))
            .collect();
        let night_max_kmh = night(attr & HAS_SPEED != 0, reader, edition)?;
        Ok(Self { id, attr, times, limit, points, night_max_kmh, name: Since2019::read(reader, edition)? })
    }

    fn write(&self, out: &mut Vec<u8>, edition: Edition) {
        self.id.write(out, edition);
        self.attr.write(out, edition);
        write_times(self.times.as_ref(), out, edition);
        write_speed(self.limit.as_ref(), out, edition);
        let points = &self.points[..self.points.len().min(usize::from(u16::MAX))];
        (points.len() as u16).write(out, edition);
        points.iter().flatten().for_each(|value| value.write(out, edition));
        write_night(self.attr & HAS_SPEED != 0, self.night_max_kmh, out, edition);
        self.name.write(out, edition);
    }
}

/// A turn of a route and the segment that it begins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Turn {
    /// Turn id.
    pub turn_id: u32,
    /// Segment id.
    pub segment_id: u32,
    /// Latitude, a magnitude.
    pub lat_udeg: u32,
    /// Longitude, a magnitude.
    pub lon_udeg: u32,
    /// Width of the segment in metres.
    pub width_m: u8,
    /// Bits: 0 has times, 1 has a speed limit, 2 south, 3 west.
    pub attr: u8,
    /// Seconds that are too long on the segment, if bit 0 is set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub long_s: Option<u16>,
    /// Seconds that are too short on the segment, if bit 0 is set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub short_s: Option<u16>,
    /// The speed limit, if bit 1 is set.
    #[serde(flatten)]
    pub limit: Option<SpeedLimit>,
    /// Highest speed at night in km/h, if bit 1 is set; since 2019.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub night_max_kmh: Option<u16>,
}

impl<'a> Wire<'a> for Turn {
    fn read(reader: &mut Reader<'a>, edition: Edition) -> Result<Self, BodyFault> {
        let (turn_id, segment_id) = (reader.u32()?, reader.u32()?);
        let (lat_udeg, lon_udeg) = (reader.u32()?, reader.u32()?);
        let (width_m, attr) = (reader.u8()?, reader.u8()?);
        let (mut long_s, mut short_s) = (None, None);
        if attr & SEGMENT_HAS_TIMES != 0 {
            long_s = Some(reader.u16()?);
            short_s = Some(reader.u16()?);
        }
        let limit = speed(attr & SEGMENT_HAS_SPEED != 0, reader)?;
        let night_max_kmh = night(attr & SEGMENT_HAS_SPEED != 0, reader, edition)?;
        Ok(Self {
            turn_id,
            segment_id,
            lat_udeg,
            lon_udeg,
            width_m,
            attr,
            long_s,
            short_s,
            limit,
            night_max_kmh,
        })
    }

    fn write(&self, out: &mut Vec<u8>, edition: Edition) {
        for word in [self.turn_id, self.segment_id, self.lat_udeg, self.lon_udeg] {
            word.write(out, edition);
        }
        out.extend_from_slice(&[self.width_m, self.attr]);
        if self.attr & SEGMENT_HAS_TIMES != 0 {
            self.long_s.unwrap_or_default().write(out, edition);
            self.short_s.unwrap_or_default().write(out, edition);
        }
        write_speed(self.limit.as_ref(), out, edition);
        write_night(self.attr & SEGMENT_HAS_SPEED != 0, self.night_max_kmh, out, edition);
    }
}

/// 0x8606: set one route.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// Route id.
    pub id: u32,
    /// Bits: 0 has times, 2 and 3 tell driver and platform on entry, 4 and 5 on exit.
    pub attr: u16,
    /// When it holds, if bit 0 is set.
    #[serde(flatten)]
    pub times: Option<Times>,
    /// Turns in order.
    pub turns: Vec<Turn>,
    /// Name; since 2019.
    #[serde(default, skip_serializing_if = "Since2019::is_none")]
    pub name: Since2019<Measured<2>>,
}

impl<'a> Wire<'a> for Route {
    fn read(reader: &mut Reader<'a>, edition: Edition) -> Result<Self, BodyFault> {
        let (id, attr) = (reader.u32()?, reader.u16()?);
        let times = times(attr & HAS_TIMES != 0, reader, edition)?;
        let turns = Counted::<2, Turn>::read(reader, edition)?.0;
        Ok(Self { id, attr, times, turns, name: Since2019::read(reader, edition)? })
    }

    fn write(&self, out: &mut Vec<u8>, edition: Edition) {
        self.id.write(out, edition);
        self.attr.write(out, edition);
        write_times(self.times.as_ref(), out, edition);
        let turns = &self.turns[..self.turns.len().min(usize::from(u16::MAX))];
        (turns.len() as u16).write(out, edition);
        turns.iter().for_each(|turn| turn.write(out, edition));
        self.name.write(out, edition);
    }
}

layout! {
    /// 0x8601, 0x8603, 0x8605, 0x8607: delete areas or routes.
    pub struct DeleteAreas {
        /// Ids; none of them: all.
        pub ids: Counted<1, u32>,
    }
}

layout! {
    /// 0x8608: which areas or routes are there (2019).
    pub struct QueryAreas {
        /// 1 circles, 2 rectangles, 3 polygons, 4 routes.
        #[serde(rename = "type")]
        pub kind: u8,
        /// Ids; none of them: all.
        pub ids: Counted<4, u32>,
    }
}

/// Areas or routes of one kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum AreaList {
    /// Kind 1.
    Circles(Vec<Area<Circle>>),
    /// Kind 2.
    Rectangles(Vec<Area<Rectangle>>),
    /// Kind 3.
    Polygons(Vec<Polygon>),
    /// Kind 4.
    Routes(Vec<Route>),
    /// Kind 1 as whole settings (0x8600), each with its operation and count, as some terminals and libraries send it.
    CircleSettings(Vec<SetAreas<Circle>>),
    /// Kind 2 as whole settings (0x8602).
    RectangleSettings(Vec<SetAreas<Rectangle>>),
    /// Another kind, which this is: ids only.
    Ids(#[serde(skip)] u8, Vec<u32>),
}

/// 0x0608: the areas or routes asked for (2019).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AreasReply(pub AreaList);

impl AreasReply {
    const fn kind(&self) -> u8 {
        match self.0 {
            AreaList::Circles(_) | AreaList::CircleSettings(_) => 1,
            AreaList::Rectangles(_) | AreaList::RectangleSettings(_) => 2,
            AreaList::Polygons(_) => 3,
            AreaList::Routes(_) => 4,
            AreaList::Ids(kind, _) => kind,
        }
    }
}

/// Areas as they are, or, only where that does not fit to the last byte and the other does, as whole settings.
fn areas_or_settings<'a, S: Wire<'a>>(
    reader: &mut Reader<'a>,
    edition: Edition,
    plain: impl Fn(Vec<Area<S>>) -> AreaList,
    settings: impl Fn(Vec<SetAreas<S>>) -> AreaList,
) -> Result<AreaList, BodyFault> {
    let (mut ahead, mut other) = (*reader, *reader);
    let areas = Counted::<4, Area<S>>::read(&mut ahead, edition);
    if (areas.is_err() || ahead.left() > 0)
        && let Ok(list) = Counted::<4, SetAreas<S>>::read(&mut other, edition)
        && other.left() == 0
    {
        *reader = other;
        return Ok(settings(list.0));
    }
    let areas = areas?;
    *reader = ahead;
    Ok(plain(areas.0))
}

impl<'a> Wire<'a> for AreasReply {
    fn read(reader: &mut Reader<'a>, edition: Edition) -> Result<Self, BodyFault> {
        Ok(Self(match reader.u8()? {
            1 => areas_or_settings(reader, edition, AreaList::Circles, AreaList::CircleSettings)?,
            2 => areas_or_settings(reader, edition, AreaList::Rectangles, AreaList::RectangleSettings)?,
            3 => AreaList::Polygons(Counted::<4, _>::read(reader, edition)?.0),
            4 => AreaList::Routes(Counted::<4, _>::read(reader, edition)?.0),
            kind => AreaList::Ids(kind, Counted::<4, _>::read(reader, edition)?.0),
        }))
    }

    fn write(&self, out: &mut Vec<u8>, edition: Edition) {
        fn list<'a, T: Wire<'a>>(areas: &[T], out: &mut Vec<u8>, edition: Edition) {
            (areas.len() as u32).write(out, edition);
            areas.iter().for_each(|area| area.write(out, edition));
        }
        out.push(self.kind());
        match &self.0 {
            AreaList::Circles(areas) => list(areas, out, edition),
            AreaList::Rectangles(areas) => list(areas, out, edition),
            AreaList::Polygons(areas) => list(areas, out, edition),
            AreaList::Routes(areas) => list(areas, out, edition),
            AreaList::CircleSettings(settings) => list(settings, out, edition),
            AreaList::RectangleSettings(settings) => list(settings, out, edition),
            AreaList::Ids(_, ids) => list(ids, out, edition),
        }
    }
}

#[derive(Serialize, Deserialize)]
struct AreasForm<A> {
    #[serde(rename = "type")]
    kind: u8,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    areas: Option<A>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    settings: Option<A>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ids: Option<Vec<u32>>,
}

impl Serialize for AreasReply {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut form = AreasForm { kind: self.kind(), areas: None, settings: None, ids: None };
        match &self.0 {
            AreaList::Ids(_, ids) => form.ids = Some(ids.clone()),
            AreaList::CircleSettings(_) | AreaList::RectangleSettings(_) => form.settings = Some(&self.0),
            _ => form.areas = Some(&self.0),
        }
        form.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for AreasReply {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error as _;
        use serde_json::from_value;
        let form = AreasForm::<serde_json::Value>::deserialize(deserializer)?;
        let list = match (form.kind, form.areas, form.settings) {
            (1, Some(areas), _) => from_value(areas).map(AreaList::Circles),
            (2, Some(areas), _) => from_value(areas).map(AreaList::Rectangles),
            (3, Some(areas), _) => from_value(areas).map(AreaList::Polygons),
            (4, Some(areas), _) => from_value(areas).map(AreaList::Routes),
            (1, None, Some(settings)) => from_value(settings).map(AreaList::CircleSettings),
            (2, None, Some(settings)) => from_value(settings).map(AreaList::RectangleSettings),
            (1..=4, ..) => return Err(D::Error::missing_field("areas")),
            (kind, ..) => Ok(AreaList::Ids(kind, form.ids.unwrap_or_default())),
        };
        list.map(Self).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn areas_asked_for_are_read_in_both_layouts_and_as_ids() {
        let circle = serde_json::json!({
            "id": 1522, "attr": 222, "lat_udeg": 33_870_000, "lon_udeg": 113_050_000, "radius_m": 200,
            "max_kmh": 60, "over_s": 20, "night_max_kmh": 50, "name": "乡镇站",
        });
        let forms = [
            serde_json::json!({ "type": 1, "areas": [circle, circle] }),
            serde_json::json!({ "type": 1, "settings": [{ "op": 1, "areas": [circle] }] }),
            serde_json::json!({ "type": 5, "ids": [1, 2, 3] }),
        ];
        for form in forms {
            let reply: AreasReply = serde_json::from_value(form.clone()).unwrap();
            let mut bytes = Vec::new();
            reply.write(&mut bytes, Edition::V2019);
            let mut reader = Reader::new(&bytes);
            assert_eq!(AreasReply::read(&mut reader, Edition::V2019), Ok(reply.clone()), "{form}");
            assert_eq!(reader.left(), 0);
            assert_eq!(serde_json::to_value(&reply).unwrap()["type"], form["type"]);
        }
        assert!(serde_json::from_value::<AreasReply>(serde_json::json!({ "type": 1 })).is_err());
    }
}
