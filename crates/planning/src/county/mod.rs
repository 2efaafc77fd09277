//! Loads a county directory: every table, every reference, all problems at once.
//!
//! Codes `P100` to `P127` are listed in `docs/errors.md`. A county that loads has exactly one hub, no dangling
//! reference, no negative amount and no window that ends before it begins.

mod cut;
mod files;
mod fleet;
mod network;
mod settings;
mod table;
#[cfg(test)]
mod tests;

pub use cut::cut;
pub use files::{COUNTY_FILES, Files, read_plain_or_gz};
pub use table::{CELL_BYTES_MAX, Encodings, Row, TABLE_BYTES_MAX, TABLE_ROWS_MAX, Table};

use std::collections::HashMap;
use std::path::Path;
use xiangyun_model::county::County;
use xiangyun_model::id::{BandId, CarrierId, ClassId, Code, SiteId};
use xiangyun_model::problem::{Problem, Problems};

/// Largest mass or volume of one place or vehicle: far above anything real, far below overflow.
const AMOUNT_MAX: i64 = 1_000_000_000_000;
/// Largest price in fen.
const FEN_MAX: i64 = 1_000_000_000;
/// Longest time in seconds that a table may state.
const SPAN_S_MAX: i64 = 7 * 86_400;

/// Loads a county from a directory.
///
/// # Errors
/// Every problem found, in the order of the files.
pub fn load_dir(dir: &Path) -> Result<County, Problems> {
    load(&Files::read_dir(dir)?)
}

/// Loads a county from its files.
///
/// # Errors
/// Every problem found, in the order of the files.
pub fn load(files: &Files) -> Result<County, Problems> {
    let mut problems = Problems::new();
    let county = Loader { files, problems: &mut problems }.county();
    match county {
        Some(county) if problems.is_empty() => Ok(county),
        _ => Err(problems),
    }
}

/// Names seen so far in one table, for duplicates and references.
pub(super) struct Names<Id> {
    what: &'static str,
    file: &'static str,
    code: &'static str,
    ids: HashMap<String, (Id, u64)>,
}

impl<Id: Copy> Names<Id> {
    fn new(what: &'static str, file: &'static str, code: &'static str) -> Self {
        Self { what, file, code, ids: HashMap::new() }
    }

    /// Takes the `id` of a row, or reports that it is bad or there already.
    fn take(&mut self, row: &Row<'_>, id: Id, problems: &mut Problems) -> Option<Code> {
        let code = row.code("id", problems)?;
        if let Some((_, first)) = self.ids.get(code.as_str()) {
            problems.push(row.fault(
                "P109",
                "id",
                format!("this id is in row {first} already; give each row its own"),
            ));
            return None;
        }
        self.ids.insert(code.as_str().to_owned(), (id, row.row));
        Some(code)
    }

    /// Resolves a reference of a row.
    fn find(&self, row: &Row<'_>, column: &str, text: &str, problems: &mut Problems) -> Option<Id> {
        let found = self.ids.get(text).map(|(id, _)| *id);
        if found.is_none() {
            problems.push(Problem {
                found: text.to_owned(),
                ..row.fault(self.code, column, format!("unknown {}; use an id of {}", self.what, self.file))
            });
        }
        found
    }

    /// Resolves a list of references.
    fn find_all(&self, row: &Row<'_>, column: &str, problems: &mut Problems) -> Vec<Id> {
        row.list(column).filter_map(|text| self.find(row, column, text, problems)).collect()
    }
}

/// Names of everything that other tables refer to.
pub(super) struct Index {
    sites: Names<SiteId>,
    bands: Names<BandId>,
    classes: Names<ClassId>,
    carriers: Names<CarrierId>,
}

struct Loader<'a> {
    files: &'a Files,
    problems: &'a mut Problems,
}

impl Loader<'_> {
    fn table(&mut self, name: &str, required: &[&str]) -> Option<Table> {
        Table::read(name, self.files.get(name)?, required, Encodings::Utf8, self.problems)
    }

    fn county(&mut self) -> Option<County> {
        let mut index = Index {
            sites: Names::new("site", "sites.csv", "P111"),
            bands: Names::new("temperature band", "bands.csv", "P112"),
            classes: Names::new("goods class", "goods.csv", "P112"),
            carriers: Names::new("carrier", "carriers.csv", "P112"),
        };
        let settings = self.settings();
        let sites = self.sites(&mut index);
        let bands = self.bands(&mut index);
        let classes = self.classes(&mut index);
        let carriers = self.carriers(&mut index);
        let vehicles = self.vehicles(&index);
        let drivers = self.drivers(&index);
        self.crews(&vehicles, &drivers);
        let line_trips = self.lines(&index);
        let inbound = self.inbound(&index);
        let calendar = self.calendar(&index);
        let stock = self.stock(&index);
        let hub = self.hub(&sites);
        let settings = settings?;
        let lanes = self.lanes(&settings, &sites, &index);
        self.demand_classes(&settings, &index);
        Some(County {
            code: settings.code,
            name_zh: settings.name_zh,
            name_en: settings.name_en,
            time_zone: settings.time_zone,
            public_url: settings.public_url,
            roads_file: settings.roads,
            synthetic_roads: settings.synthetic_roads,
            sites,
            bands,
            classes,
            carriers,
            vehicles,
            drivers,
            line_trips,
            inbound,
            calendar,
            stock,
            waves: settings.waves,
            lanes,
            handling: settings.handling,
            rules: settings.rules,
            costs: settings.costs,
            demand: settings.demand,
            default_date: settings.default_date,
            hub: hub?,
        })
    }
}
