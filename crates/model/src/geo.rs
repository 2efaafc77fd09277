//! Coordinates: WGS-84 inside, other Chinese datums only at the rim.
//!
//! GCJ-02 is the obfuscated datum of Chinese map services, BD-09 Baidu's further shift of it. The forward formulae
//! are public knowledge (as in the eviltransform project's published vectors); inverses are by fixed-point
//! iteration, exact to floating point after about ten rounds.

use serde::{Deserialize, Serialize};
use std::f64::consts::PI;
use thiserror::Error;

/// Mean earth radius in metres (IUGG R1), for great-circle distances.
pub const EARTH_RADIUS_M: f64 = 6_371_008.8;

/// A place in degrees, longitude first. Inside the workspace always WGS-84.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LonLat {
    /// Longitude in degrees, −180 to 180.
    pub lon: f64,
    /// Latitude in degrees, −90 to 90.
    pub lat: f64,
}

/// Why two numbers are not a place.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum BadPlace {
    /// A coordinate is not a number or lies outside its range.
    #[error("{lon}, {lat} is not a place: longitude must lie in -180..=180 and latitude in -90..=90 degrees")]
    OutOfRange {
        /// The longitude given.
        lon: f64,
        /// The latitude given.
        lat: f64,
    },
}

impl LonLat {
    /// A place, if the numbers are finite and in range.
    ///
    /// # Errors
    /// [`BadPlace::OutOfRange`] names both numbers.
    pub fn new(lon: f64, lat: f64) -> Result<Self, BadPlace> {
        if lon.is_finite() && lat.is_finite() && lon.abs() <= 180.0 && lat.abs() <= 90.0 {
            Ok(Self { lon, lat })
        } else {
            Err(BadPlace::OutOfRange { lon, lat })
        }
    }

    /// Great-circle distance in metres (haversine on the mean sphere; within 0.5 % of the ellipsoid).
    #[must_use]
    pub fn metres_to(self, other: Self) -> f64 {
        let (lat1, lat2) = (self.lat.to_radians(), other.lat.to_radians());
        let dlat = lat2 - lat1;
        let dlon = (other.lon - self.lon).to_radians();
        let a = (dlat / 2.0).sin().powi(2) + lat1.cos() * lat2.cos() * (dlon / 2.0).sin().powi(2);
        2.0 * EARTH_RADIUS_M * a.sqrt().min(1.0).asin()
    }

    /// Initial bearing towards `other`, degrees clockwise from north in 0..360.
    #[must_use]
    pub fn bearing_to(self, other: Self) -> f64 {
        let (lat1, lat2) = (self.lat.to_radians(), other.lat.to_radians());
        let dlon = (other.lon - self.lon).to_radians();
        let y = dlon.sin() * lat2.cos();
        let x = lat1.cos() * lat2.sin() - lat1.sin() * lat2.cos() * dlon.cos();
        y.atan2(x).to_degrees().rem_euclid(360.0)
    }
}

/// The datum a coordinate was recorded in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Datum {
    /// GPS and OpenStreetMap.
    #[default]
    Wgs84,
    /// AMap, Tencent, WeChat, many terminals.
    Gcj02,
    /// Baidu.
    Bd09,
}

impl Datum {
    /// Converts a place recorded in this datum to WGS-84.
    #[must_use]
    pub fn to_wgs84(self, place: LonLat) -> LonLat {
        match self {
            Self::Wgs84 => place,
            Self::Gcj02 => gcj02_to_wgs84(place),
            Self::Bd09 => gcj02_to_wgs84(bd09_to_gcj02(place)),
        }
    }

    /// Converts a WGS-84 place to this datum.
    #[must_use]
    #[allow(clippy::wrong_self_convention)] // reads as "GCJ-02 from WGS-84"
    pub fn from_wgs84(self, place: LonLat) -> LonLat {
        match self {
            Self::Wgs84 => place,
            Self::Gcj02 => wgs84_to_gcj02(place),
            Self::Bd09 => gcj02_to_bd09(wgs84_to_gcj02(place)),
        }
    }
}

/// Semi-major axis of the Krasovsky 1940 ellipsoid in metres, as the GCJ-02 formula uses it.
const KRASOVSKY_A: f64 = 6_378_245.0;
/// First eccentricity squared of the same ellipsoid.
const KRASOVSKY_EE: f64 = 0.006_693_421_622_965_943;
/// The BD-09 angle factor.
const BD_PI: f64 = PI * 3000.0 / 180.0;
/// Rounds of the fixed-point inverse.
const INVERSE_ROUNDS: usize = 10;

/// Whether the shift applies: the rectangle that the formula itself uses for mainland China.
fn in_shifted_area(place: LonLat) -> bool {
    (72.004..=137.8347).contains(&place.lon) && (0.8293..=55.8271).contains(&place.lat)
}

fn shift_degrees(place: LonLat) -> (f64, f64) {
    let (x, y) = (place.lon - 105.0, place.lat - 35.0);
    let xy = x * y;
    let abs_x = x.abs().sqrt();
    let x_pi = x * PI;
    let y_pi = y * PI;
    let d = 20.0 * (6.0 * x_pi).sin() + 20.0 * (2.0 * x_pi).sin();
    let mut lat = d + 20.0 * y_pi.sin() + 40.0 * (y_pi / 3.0).sin();
    let mut lon = d + 20.0 * x_pi.sin() + 40.0 * (x_pi / 3.0).sin();
    lat += 160.0 * (y_pi / 12.0).sin() + 320.0 * (y_pi / 30.0).sin();
    lon += 150.0 * (x_pi / 12.0).sin() + 300.0 * (x_pi / 30.0).sin();
    lat *= 2.0 / 3.0;
    lon *= 2.0 / 3.0;
    lat += -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * xy + 0.2 * abs_x;
    lon += 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * xy + 0.1 * abs_x;
    let lat_rad = place.lat.to_radians();
    let magic = 1.0 - KRASOVSKY_EE * lat_rad.sin().powi(2);
    let sqrt_magic = magic.sqrt();
    let dlat = (lat * 180.0) / ((KRASOVSKY_A * (1.0 - KRASOVSKY_EE)) / (magic * sqrt_magic) * PI);
    let dlon = (lon * 180.0) / (KRASOVSKY_A / sqrt_magic * lat_rad.cos() * PI);
    (dlon, dlat)
}

fn wgs84_to_gcj02(place: LonLat) -> LonLat {
    if !in_shifted_area(place) {
        return place;
    }
    let (dlon, dlat) = shift_degrees(place);
    LonLat { lon: place.lon + dlon, lat: place.lat + dlat }
}

fn gcj02_to_wgs84(place: LonLat) -> LonLat {
    if !in_shifted_area(place) {
        return place;
    }
    let mut guess = place;
    for _ in 0..INVERSE_ROUNDS {
        let (dlon, dlat) = shift_degrees(guess);
        guess = LonLat { lon: place.lon - dlon, lat: place.lat - dlat };
    }
    guess
}

fn gcj02_to_bd09(place: LonLat) -> LonLat {
    let (x, y) = (place.lon, place.lat);
    let z = x.hypot(y) + 0.000_02 * (y * BD_PI).sin();
    let theta = y.atan2(x) + 0.000_003 * (x * BD_PI).cos();
    LonLat { lon: z * theta.cos() + 0.0065, lat: z * theta.sin() + 0.006 }
}

fn bd09_to_gcj02(place: LonLat) -> LonLat {
    let mut guess = LonLat { lon: place.lon - 0.0065, lat: place.lat - 0.006 };
    for _ in 0..INVERSE_ROUNDS {
        let there = gcj02_to_bd09(guess);
        guess = LonLat { lon: guess.lon + place.lon - there.lon, lat: guess.lat + place.lat - there.lat };
    }
    guess
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn close(a: LonLat, lat: f64, lon: f64, tolerance_deg: f64) {
        assert!(
            (a.lat - lat).abs() < tolerance_deg && (a.lon - lon).abs() < tolerance_deg,
            "{a:?} is not {lat}, {lon}"
        );
    }

    /// Published vectors of the eviltransform tests, and Baofeng.
    const VECTORS: [(f64, f64, f64, f64); 4] = [
        (31.1774276, 121.5272106, 31.17530398364597, 121.531541859215),
        (22.543847, 113.912316, 22.540796131694766, 113.9171764808363),
        (39.911954, 116.377817, 39.91334545536069, 116.38404722455657),
        (33.87, 113.05, 33.86866440233822, 113.05633621652166),
    ];

    #[test]
    fn gcj02_matches_published_vectors_both_ways() {
        for (wlat, wlon, glat, glon) in VECTORS {
            let wgs = LonLat { lon: wlon, lat: wlat };
            close(Datum::Gcj02.from_wgs84(wgs), glat, glon, 1e-11);
            close(Datum::Gcj02.to_wgs84(LonLat { lon: glon, lat: glat }), wlat, wlon, 1e-10);
        }
    }

    #[test]
    fn bd09_matches_the_vector_of_baofeng() {
        let bd = Datum::Bd09.from_wgs84(LonLat { lon: 113.05, lat: 33.87 });
        close(bd, 33.8748926039849, 113.06278868028498, 1e-11);
        close(Datum::Bd09.to_wgs84(bd), 33.87, 113.05, 1e-9);
    }

    #[test]
    fn outside_china_nothing_moves() {
        let vaduz = LonLat { lon: 9.52, lat: 47.14 };
        assert_eq!(Datum::Gcj02.from_wgs84(vaduz), vaduz);
    }

    #[test]
    fn bad_numbers_are_refused() {
        assert!(LonLat::new(f64::NAN, 0.0).is_err());
        assert!(LonLat::new(0.0, 91.0).is_err());
        assert!(LonLat::new(181.0, 0.0).is_err());
    }

    proptest! {
        #[test]
        fn round_trips_to_a_millimetre(lon in 98.0..124.0f64, lat in 20.0..50.0f64) {
            let place = LonLat { lon, lat };
            for datum in [Datum::Wgs84, Datum::Gcj02, Datum::Bd09] {
                let back = datum.to_wgs84(datum.from_wgs84(place));
                prop_assert!(back.metres_to(place) < 1e-3, "{datum:?} {back:?}");
            }
        }
    }
}
