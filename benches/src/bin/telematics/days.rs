//! Working days of delivery vans along the county's roads, with what receivers and networks add to the truth.
//!
//! Noise of the place is first-order autoregressive (sigma 5 m, 60 s) plus white (sigma 2 m); reports come every 10 s,
//! a second sooner or later; places are in 1e-6 degree, speeds in 0.1 km/h, courses in degrees; ignition, doors and
//! load change at stops. A report reaches the gateway at once, or with the delays of a mobile network: 150 ms to some
//! seconds after its fix, to the millisecond.

use std::collections::VecDeque;
use std::path::Path;
use xiangyun_benches::seeded::Seeded;
use xiangyun_model::geo::{EARTH_RADIUS_M, LonLat};
use xiangyun_roads::synthesize::{CountyFacts, default_seed, synthesize};
use xiangyun_roads::{BandId, Network, ProfileId, Profiles, SegmentId};
use xiangyun_telematics::position::Flags;
use xiangyun_telematics::segments::{DeviceId, Record};

/// 06:00 of 2026-11-24 in China.
pub(crate) const MORNING_MS: i64 = 1_795_471_200_000;

/// Where vans drive.
pub(crate) struct Roads {
    net: Network,
    van: ProfileId,
    pub(crate) name: &'static str,
}

impl Roads {
    /// The county's generated network.
    pub(crate) fn county() -> Result<Self, Box<dyn std::error::Error>> {
        let facts =
            CountyFacts::read(Path::new("data/baofeng")).map_err(|_| "run it where data/baofeng is")?;
        let mut bytes = Vec::new();
        synthesize(&facts, default_seed(&facts)).write_pbf(&mut bytes)?;
        let file = tempfile::NamedTempFile::with_suffix(".osm.pbf")?;
        std::fs::write(file.path(), bytes)?;
        Self::of(file.path(), "generated roads of Baofeng")
    }

    /// A real network, where the test data are at hand.
    pub(crate) fn real() -> Option<Self> {
        let file = xiangyun_benches::testdata("osm/liechtenstein.osm.pbf")?;
        Self::of(&file, "roads of Liechtenstein (OSM)").ok()
    }

    fn of(file: &Path, name: &'static str) -> Result<Self, Box<dyn std::error::Error>> {
        let (net, _) = Network::build(file, &Profiles::default())?;
        let van = net.profile("van")?;
        Ok(Self { net, van, name })
    }

    fn leg(&self, from: LonLat, dice: &mut Seeded) -> (LonLat, Vec<LonLat>) {
        let band = self.net.band("all").unwrap_or(BandId(0));
        let segments = self.net.info().segments as u64;
        loop {
            let segment = SegmentId((dice.bits() % segments) as u32);
            let Ok(info) = self.net.segment(segment) else { continue };
            let to = info.geometry[info.geometry.len() / 2];
            if !(800.0..9_000.0).contains(&from.metres_to(to)) {
                continue;
            }
            if let Ok(route) = self.net.route(self.van, band, &[from, to]) {
                return (to, route.geometry());
            }
        }
    }

    fn start(&self, dice: &mut Seeded) -> LonLat {
        let segments = self.net.info().segments as u64;
        loop {
            if let Ok(info) = self.net.segment(SegmentId((dice.bits() % segments) as u32)) {
                return info.geometry[0];
            }
        }
    }

    /// A day of one van: `hours` of reports.
    pub(crate) fn day(&self, device: DeviceId, hours: i64, seed: u64) -> Vec<Record> {
        let mut dice = Seeded::new(seed);
        let mut van = Van::new(self.start(&mut dice));
        let mut noise = Noise::new(&mut dice);
        let mut records = Vec::new();
        let mut next_s = 10 + jitter(&mut dice);
        for second in 0..hours * 3600 {
            van.step(self, &mut dice);
            if second == next_s {
                records.push(van.report(device, second, &mut noise, &mut dice));
                next_s = (second + 5) / 10 * 10 + 10 + jitter(&mut dice);
            }
        }
        records
    }
}

fn jitter(dice: &mut Seeded) -> i64 {
    (dice.bits() % 3) as i64 - 1
}

struct Noise {
    slow: [f64; 3],
    at_s: i64,
}

impl Noise {
    fn new(dice: &mut Seeded) -> Self {
        Self { slow: [5.0 * dice.normal(), 5.0 * dice.normal(), 4.0 * dice.normal()], at_s: 0 }
    }

    /// East, north and up, in metres.
    fn at(&mut self, second: i64, dice: &mut Seeded) -> [f64; 3] {
        let keep = (-((second - self.at_s) as f64) / 60.0).exp();
        self.at_s = second;
        let fresh = (1.0 - keep * keep).sqrt();
        for (value, sigma) in self.slow.iter_mut().zip([5.0, 5.0, 4.0]) {
            *value = keep * *value + fresh * sigma * dice.normal();
        }
        [self.slow[0] + 2.0 * dice.normal(), self.slow[1] + 2.0 * dice.normal(), self.slow[2]]
    }
}

struct Van {
    place: LonLat,
    line: VecDeque<LonLat>,
    left_m: f64,
    heading_deg: f64,
    speed: f64,
    cruise: f64,
    mood: f64,
    /// Seconds still to stand.
    stands: u32,
    /// Whether it stands for a delivery, and how long in all.
    stop: Option<u32>,
    told_course: f64,
    load: u32,
    metres: f64,
}

impl Van {
    fn new(place: LonLat) -> Self {
        Self {
            place,
            line: VecDeque::new(),
            left_m: 0.0,
            heading_deg: 0.0,
            speed: 0.0,
            cruise: 0.0,
            mood: 0.0,
            stands: 120,
            stop: Some(120),
            told_course: 0.0,
            load: 3,
            metres: 0.0,
        }
    }

    /// One second.
    fn step(&mut self, roads: &Roads, dice: &mut Seeded) {
        if self.stands > 0 {
            self.stands -= 1;
            self.speed = 0.0;
            return;
        }
        if self.line.is_empty() {
            let (_, line) = roads.leg(self.place, dice);
            self.left_m = line.windows(2).map(|w| w[0].metres_to(w[1])).sum();
            self.line = line.into();
            self.cruise = 7.0 + 9.0 * dice.unit();
            self.stop = None;
        }
        // Traffic and mood, and a light or crossing now and then.
        self.mood = 0.95 * self.mood + 0.31 * 0.15 * dice.normal();
        if dice.unit() < 0.003 {
            self.stands = 5 + (dice.bits() % 40) as u32;
        }
        let wanted =
            (self.cruise * (1.0 + self.mood)).max(2.0).min((2.0 * 1.3 * self.left_m).sqrt().max(1.0));
        self.speed += (wanted - self.speed).clamp(-2.0, 1.1);
        let mut go = self.speed;
        while go > 0.0 {
            let Some(next) = self.line.front().copied() else { break };
            let far = self.place.metres_to(next);
            if far <= go {
                (self.place, go) = (next, go - far);
                self.line.pop_front();
                self.left_m -= far;
                self.metres += far;
            } else {
                let t = go / far;
                self.heading_deg = heading(self.place, next);
                self.place = LonLat {
                    lon: self.place.lon + (next.lon - self.place.lon) * t,
                    lat: self.place.lat + (next.lat - self.place.lat) * t,
                };
                self.left_m -= go;
                self.metres += go;
                go = 0.0;
            }
        }
        if self.line.is_empty() {
            let seconds = 60 + (dice.bits() % 900) as u32;
            (self.stands, self.stop) = (seconds, Some(seconds));
            self.load = [3, 1, 0][(dice.bits() % 3) as usize];
        }
    }

    fn report(&mut self, device: DeviceId, second: i64, noise: &mut Noise, dice: &mut Seeded) -> Record {
        let [east, north, up] = noise.at(second, dice);
        let per_lat = EARTH_RADIUS_M.to_radians();
        let lon = self.place.lon + east / (per_lat * self.place.lat.to_radians().cos());
        let lat = self.place.lat + north / per_lat;
        let moving = self.speed > 0.3;
        if moving {
            self.told_course = (self.heading_deg + 1.5 * dice.normal()).rem_euclid(360.0);
        }
        let told = if moving { (self.speed * 36.0 + 3.0 * dice.normal()).max(0.0).round() as u16 } else { 0 };
        let stood = self.stop.map_or(0, |all| all - self.stands);
        let ignition = self.stop.is_none_or(|all| all < 180 || stood < 20 || self.stands < 10);
        let door = self.stop.is_some_and(|_| stood > 15 && self.stands > 20);
        let status = u32::from(ignition) | 1 << 1 | self.load << 8 | u32::from(door) << 13 | 3 << 18;
        let alarm = u32::from(self.speed > 15.5) << 1;
        let terrain = 120.0 + 40.0 * (self.place.lon * 60.0).sin() + 25.0 * (self.place.lat * 80.0).cos();
        let time_ms = MORNING_MS + second * 1000;
        Record {
            device,
            time_ms,
            device_time_ms: time_ms,
            received_ms: time_ms + 400,
            lon_e6: (lon * 1e6).round() as i32,
            lat_e6: (lat * 1e6).round() as i32,
            altitude_m: Some((terrain + up).round() as i16),
            speed_dkmh: Some(told),
            course_deg: Some((self.told_course.round() as u16) % 360),
            status,
            alarm,
            flags: Flags::FIX.with(Flags::ACC_KNOWN).set(Flags::ACC, ignition),
            ..Record::default()
        }
    }
}

fn heading(a: LonLat, b: LonLat) -> f64 {
    let east = (b.lon - a.lon) * a.lat.to_radians().cos();
    east.atan2(b.lat - a.lat).to_degrees().rem_euclid(360.0)
}

/// Receipt as a mobile network delays it.
pub(crate) fn with_delays(records: &mut [Record], seed: u64) {
    let mut dice = Seeded::new(seed);
    for record in records {
        record.received_ms = record.time_ms + 150 + (-220.0 * (1.0 - dice.unit()).ln()) as i64;
    }
}

/// The items that a common terminal appends: odometer, signal, satellites.
pub(crate) fn with_items(records: &mut [Record]) {
    let mut metres = 0.0;
    for at in 0..records.len() {
        if at > 0 {
            metres += records[at - 1].place().metres_to(records[at].place())
                * f64::from(u8::from(records[at].speed_dkmh.unwrap_or(0) > 0));
        }
        let odometer = 1_234_500 + (metres / 100.0) as u32;
        let mut items = vec![0x01, 4];
        items.extend_from_slice(&odometer.to_be_bytes());
        items.extend_from_slice(&[0x30, 1, 25, 0x31, 1, 14 + (at / 7 % 4) as u8]);
        records[at].items = items;
    }
}
