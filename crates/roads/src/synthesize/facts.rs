//! What is known of a county before its roads are: sites, main corridors, a few settings. Read from the county's
//! directory; every problem is reported at once.

use std::path::Path;
use xiangyun_model::geo::LonLat;
use xiangyun_model::problem::{Problem, Problems};

/// Most rows read of one table.
pub const ROWS_MAX: usize = 100_000;
/// Most points of one corridor.
pub const CORRIDOR_POINTS_MAX: usize = 10_000;
/// Widest county accepted, in degrees: the plane projection and the settlement search are made for counties.
pub const EXTENT_MAX_DEG: f64 = 5.0;

/// What a site is, as far as roads care.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SiteKind {
    /// The county's hub, in its largest town.
    Hub,
    /// A township station, in the township's seat.
    Station,
    /// A village point.
    Village,
    /// A freight park, a works, a market.
    Park,
    /// Where goods leave the county: the network is led to it.
    Gateway,
}

/// A place that must be on the network.
#[derive(Clone, Debug)]
pub struct SiteFact {
    /// The site's id in `sites.csv`.
    pub id: String,
    /// What it is.
    pub kind: SiteKind,
    /// Chinese name, may be empty.
    pub name_zh: String,
    /// English or pinyin name, may be empty.
    pub name_en: String,
    /// WGS-84 place.
    pub place: LonLat,
    /// Index of the parent site (a village's station).
    pub parent: Option<usize>,
}

/// Administrative or functional class of a corridor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CorridorClass {
    /// 高速公路: dual carriageway, interchanges only.
    Expressway,
    /// 国道.
    National,
    /// 省道.
    Provincial,
    /// 县道.
    County,
    /// 乡道.
    Township,
    /// 快速通道: dual carriageway with crossings.
    FastLink,
    /// Known only to join two places: drawn along the villages between them.
    InferredLink,
}

/// A main road as the sources tell it.
#[derive(Clone, Debug)]
pub struct CorridorFact {
    /// Row id.
    pub id: String,
    /// Chinese name.
    pub name_zh: String,
    /// English name, may be empty.
    pub name_en: String,
    /// Road number such as `G311`, may be empty.
    pub reference: String,
    /// Class.
    pub class: CorridorClass,
    /// Whether it carries traffic on the plan's day; otherwise it is drawn as under construction.
    pub open: bool,
    /// At least two WGS-84 points.
    pub line: Vec<LonLat>,
}

/// Everything that the generator starts from.
#[derive(Clone, Debug)]
pub struct CountyFacts {
    /// GB/T 2260 code.
    pub code: String,
    /// Places to join.
    pub sites: Vec<SiteFact>,
    /// Main roads, possibly none.
    pub corridors: Vec<CorridorFact>,
    /// Natural villages (自然村) beside each administrative one, on average.
    pub hamlets_per_village: f64,
    /// Streams to draw, which become bridges.
    pub streams: usize,
}

impl CountyFacts {
    /// Reads `county.toml`, `sites.csv` and, if there is one, `corridors.csv` of a county directory.
    ///
    /// # Errors
    /// All problems found, codes R070 to R075.
    pub fn read(dir: &Path) -> Result<Self, Problems> {
        let mut problems = Problems::new();
        let settings = read_settings(dir, &mut problems);
        let sites = read_sites(dir, &mut problems);
        let corridors = read_corridors(dir, &mut problems);
        let facts = Self {
            code: settings.code,
            sites,
            corridors,
            hamlets_per_village: settings.hamlets_per_village,
            streams: settings.streams,
        };
        if problems.is_empty() {
            facts.check(&mut problems);
        }
        if problems.is_empty() { Ok(facts) } else { Err(problems) }
    }

    fn check(&self, problems: &mut Problems) {
        let hubs = self.sites.iter().filter(|s| s.kind == SiteKind::Hub).count();
        if hubs != 1 {
            problems.push(fault(
                "R074",
                "sites.csv",
                0,
                "kind",
                &hubs.to_string(),
                "hubs; exactly one is needed",
            ));
        }
        // Gateways may lie far away; the rest must fit a county.
        let inner = || self.sites.iter().filter(|s| s.kind != SiteKind::Gateway).map(|s| s.place);
        let span = |value: fn(LonLat) -> f64| {
            let low = inner().map(value).fold(f64::INFINITY, f64::min);
            let high = inner().map(value).fold(f64::NEG_INFINITY, f64::max);
            high - low
        };
        for (column, width) in [("lon", span(|q| q.lon)), ("lat", span(|q| q.lat))] {
            if width > EXTENT_MAX_DEG {
                let want =
                    format!("degrees between the outermost sites; a county spans at most {EXTENT_MAX_DEG}");
                problems.push(fault("R075", "sites.csv", 0, column, &format!("{width:.3}"), &want));
            }
        }
    }
}

struct Settings {
    code: String,
    hamlets_per_village: f64,
    streams: usize,
}

fn fault(code: &'static str, file: &str, row: u64, column: &str, found: &str, want: &str) -> Problem {
    let (column, found) = (column.to_owned(), found.chars().take(80).collect());
    Problem { code, file: file.to_owned(), row, column, found, want: want.to_owned() }
}

fn read_settings(dir: &Path, problems: &mut Problems) -> Settings {
    let mut settings = Settings { code: String::new(), hamlets_per_village: 2.0, streams: 3 };
    let file = "county.toml";
    let text = match std::fs::read_to_string(dir.join(file)) {
        Ok(text) => text,
        Err(err) => {
            problems.push(fault(
                "R070",
                file,
                0,
                "",
                &err.to_string(),
                "cannot be read; the county's settings",
            ));
            return settings;
        }
    };
    let table: toml::Table = match text.parse() {
        Ok(table) => table,
        Err(err) => {
            problems.push(fault("R071", file, 0, "", err.message(), "not TOML"));
            return settings;
        }
    };
    let inner = |group: &str, key: &str| table.get(group).and_then(|t| t.get(key));
    match table.get("code").or_else(|| inner("county", "code")) {
        Some(toml::Value::String(code)) => settings.code.clone_from(code),
        Some(toml::Value::Integer(code)) => settings.code = code.to_string(),
        other => {
            let found = other.map(|v| format!("{v:?}")).unwrap_or_default();
            problems.push(fault(
                "R071",
                file,
                0,
                "code",
                &found,
                "no county code; such as code = \"410421\"",
            ));
        }
    }
    let number = |value: &toml::Value| value.as_float().or_else(|| value.as_integer().map(|i| i as f64));
    for (key, low, high) in [("hamlets_per_village", 0.0, 10.0), ("streams", 0.0, 50.0)] {
        let Some(value) = inner("synthesis", key) else { continue };
        match number(value).filter(|v| (low..=high).contains(v)) {
            Some(v) if key == "streams" => settings.streams = v as usize,
            Some(v) => settings.hamlets_per_village = v,
            None => {
                let want = format!("out of range; a number from {low} to {high}");
                problems.push(fault(
                    "R073",
                    file,
                    0,
                    &format!("synthesis.{key}"),
                    &format!("{value:?}"),
                    &want,
                ));
            }
        }
    }
    settings
}

/// A CSV table held by header names.
struct Table {
    file: &'static str,
    header: Vec<String>,
    rows: Vec<csv::StringRecord>,
}

impl Table {
    /// Reads a table; problems are pushed, `None` if there is nothing to go on with.
    fn read(dir: &Path, file: &'static str, needed: &[&str], problems: &mut Problems) -> Option<Self> {
        let bytes = match std::fs::read(dir.join(file)) {
            Ok(bytes) => bytes,
            Err(err) => {
                problems.push(fault("R070", file, 0, "", &err.to_string(), "cannot be read"));
                return None;
            }
        };
        let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&bytes);
        let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(bytes);
        let header: Vec<String> = match reader.headers() {
            Ok(record) => record.iter().map(str::to_owned).collect(),
            Err(err) => {
                problems.push(fault("R071", file, 1, "", &err.to_string(), "not a CSV header in UTF-8"));
                return None;
            }
        };
        let mut whole = true;
        for name in needed.iter().filter(|n| !header.iter().any(|h| h == *n)) {
            problems.push(fault("R071", file, 1, name, "", "column is missing"));
            whole = false;
        }
        let mut rows = Vec::new();
        for (i, record) in reader.records().enumerate() {
            match record {
                Ok(record) if rows.len() < ROWS_MAX => rows.push(record),
                Ok(_) => {
                    problems.push(fault("R071", file, i as u64 + 2, "", "", "too many rows"));
                    break;
                }
                Err(err) => {
                    problems.push(fault(
                        "R071",
                        file,
                        i as u64 + 2,
                        "",
                        &err.to_string(),
                        "not a row of this table",
                    ));
                }
            }
        }
        whole.then_some(Self { file, header, rows })
    }

    fn text<'t>(&self, row: &'t csv::StringRecord, column: &str) -> &'t str {
        self.header.iter().position(|h| h == column).and_then(|i| row.get(i)).unwrap_or("")
    }
}

fn read_sites(dir: &Path, problems: &mut Problems) -> Vec<SiteFact> {
    let needed = ["id", "kind", "lon", "lat"];
    let Some(table) = Table::read(dir, "sites.csv", &needed, problems) else { return Vec::new() };
    let mut sites: Vec<SiteFact> = Vec::new();
    let mut parents: Vec<String> = Vec::new();
    for (i, row) in table.rows.iter().enumerate() {
        let at = i as u64 + 2;
        let cell = |column: &str| table.text(row, column);
        let kind = match cell("kind") {
            "hub" => SiteKind::Hub,
            "station" => SiteKind::Station,
            "village" => SiteKind::Village,
            "park" => SiteKind::Park,
            "gateway" => SiteKind::Gateway,
            other => {
                let want = "unknown kind; one of hub, station, village, park, gateway";
                problems.push(fault("R073", table.file, at, "kind", other, want));
                continue;
            }
        };
        let Some(place) = read_place(cell("lon"), cell("lat")) else {
            let found = format!("{} {}", cell("lon"), cell("lat"));
            problems.push(fault("R072", table.file, at, "lon", &found, "not a place; WGS-84 degrees"));
            continue;
        };
        let (id, name_zh, name_en) = (cell("id"), cell("name_zh"), cell("name_en"));
        if id.is_empty() {
            problems.push(fault("R073", table.file, at, "id", "", "empty; every site has an id"));
        }
        parents.push(cell("parent").to_owned());
        sites.push(SiteFact {
            id: id.to_owned(),
            kind,
            name_zh: name_zh.to_owned(),
            name_en: name_en.to_owned(),
            place,
            parent: None,
        });
    }
    let index: std::collections::HashMap<String, usize> =
        sites.iter().enumerate().map(|(i, s)| (s.id.clone(), i)).collect();
    for (site, parent) in sites.iter_mut().zip(&parents) {
        // A parent that is not there is the county loader's problem, not the road generator's.
        site.parent = index.get(parent).copied();
    }
    sites
}

fn read_place(lon: &str, lat: &str) -> Option<LonLat> {
    LonLat::new(lon.parse().ok()?, lat.parse().ok()?).ok()
}

fn read_corridors(dir: &Path, problems: &mut Problems) -> Vec<CorridorFact> {
    if !dir.join("corridors.csv").exists() {
        return Vec::new();
    }
    let needed = ["id", "road_class", "polyline_lon_lat"];
    let Some(table) = Table::read(dir, "corridors.csv", &needed, problems) else { return Vec::new() };
    let mut corridors = Vec::new();
    for (i, row) in table.rows.iter().enumerate() {
        let at = i as u64 + 2;
        let cell = |column: &str| table.text(row, column);
        let class = match cell("road_class") {
            "expressway" => CorridorClass::Expressway,
            "national" => CorridorClass::National,
            "provincial" => CorridorClass::Provincial,
            "county" => CorridorClass::County,
            "township" => CorridorClass::Township,
            "fast_link" => CorridorClass::FastLink,
            "inferred_link" => CorridorClass::InferredLink,
            other => {
                let want = "unknown class; one of expressway, national, provincial, county, township, fast_link, \
                            inferred_link";
                problems.push(fault("R073", table.file, at, "road_class", other, want));
                continue;
            }
        };
        // A free text such as "open (2006)" or "not open in 2018", in a column named status or status_YEAR.
        let status =
            table.header.iter().find(|h| h.starts_with("status")).map_or("", |h| cell(h)).to_lowercase();
        let open = !["not ", "planned", "construction", "closed"].iter().any(|w| status.starts_with(w));
        let points: Option<Vec<LonLat>> = cell("polyline_lon_lat")
            .split_whitespace()
            .map(|pair| pair.split_once(',').and_then(|(lon, lat)| read_place(lon, lat)))
            .collect();
        match points {
            Some(line) if (2..=CORRIDOR_POINTS_MAX).contains(&line.len()) => corridors.push(CorridorFact {
                id: cell("id").to_owned(),
                name_zh: cell("name_zh").to_owned(),
                name_en: cell("name_en").to_owned(),
                reference: cell("ref").to_owned(),
                class,
                open,
                line,
            }),
            _ => {
                let want = "not a line; two or more WGS-84 points \"lon,lat lon,lat\"";
                problems.push(fault(
                    "R072",
                    table.file,
                    at,
                    "polyline_lon_lat",
                    cell("polyline_lon_lat"),
                    want,
                ));
            }
        }
    }
    corridors
}
