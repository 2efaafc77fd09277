//! Checks of the readers of foreign orders, shared by the fuzz targets and by the tests that replay their corpora.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;
use xiangyun_model::county::County;
use xiangyun_model::id::CarrierId;
use xiangyun_planning::address::{Agreed, Corrections, Places, Query, Resolver};
use xiangyun_planning::county::load_dir;
use xiangyun_planning::import::{Context, convert, limits, read, suggest};

struct World {
    county: County,
    resolver: Resolver,
}

fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    WORLD.get_or_init(|| {
        // The fuzz crate and the crate of the tests lie at different depths.
        let here = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
        let dir =
            ["../data/baofeng", "../../data/baofeng"].map(|d| here.join(d)).into_iter().find(|d| d.is_dir());
        let county = load_dir(&dir.expect("the committed county")).expect("a good county");
        let resolver = Resolver::new(&county, &Places::default(), Corrections::default(), Agreed::default());
        World { county, resolver }
    })
}

fn import(file: &str, data: &[u8]) {
    let world = world();
    let sheet = read(file, data);
    assert!(sheet.rows.len() <= limits::ROWS_MAX);
    assert!(sheet.rows.windows(2).all(|w| w[0].row < w[1].row), "rows are in order");
    let Some(mapping) = suggest(&sheet, &BTreeMap::new()) else { return };
    let known = BTreeSet::new();
    let context = Context {
        county: &world.county,
        date: world.county.default_date,
        resolver: Some(&world.resolver),
        carrier: Some(CarrierId::at(0)),
        known: &known,
    };
    let imported = convert(&sheet, &mapping, &context);
    // Every row is in one place.
    for kept in &imported.kept {
        assert!(!imported.refused.contains(&kept.row) && !imported.duplicates.contains(&kept.row));
    }
    let refused = imported.problems.list().len() as u64 + imported.problems.dropped();
    assert!(imported.refused.is_empty() || refused > 0, "a row is refused with a reason");
}

/// A file that may be CSV in any encoding.
pub(crate) fn orders_csv(data: &[u8]) {
    if !data.starts_with(b"PK\x03\x04") {
        import("fuzz.csv", data);
    }
}

/// A file that may be a workbook.
pub(crate) fn orders_xlsx(data: &[u8]) {
    import("fuzz.xlsx", data);
}

/// A text that may be an address: placed within the county or not, never with a certainty that it has not.
pub(crate) fn address(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let answer = world().resolver.resolve(&Query { text: &text, ..Query::default() });
    if let Some(site) = answer.placed {
        assert!(site.index() < world().county.sites.len());
        assert_eq!(answer.candidates.first().map(|c| c.site), Some(site));
    }
    assert!(answer.candidates.len() <= 8 && answer.confidence_pm <= 1000);
}
