//! What people have settled: a sorter's corrections by address, a recipient's agreed place.

use super::gazetteer::plain;
use crate::county::{Encodings, Table};
use std::collections::{BTreeMap, BTreeSet};
use xiangyun_model::county::County;
use xiangyun_model::id::SiteId;
use xiangyun_model::problem::Problems;

/// The part of an address that tells the place: without the county before it, house numbers and what follows them.
#[must_use]
pub fn key(text: &str, county: &County) -> String {
    let chars = plain(text);
    let base = plain(county.name_zh.trim_end_matches(['县', '市', '区']));
    let start = super::after_county(&chars, &base, &[]);
    let rest = &chars[start..];
    let end = rest.iter().position(|c| c.is_ascii_digit()).unwrap_or(rest.len());
    let head: String = rest[..end].iter().collect();
    if head.chars().count() >= 4 { head } else { rest.iter().collect() }
}

/// Addresses that a sorter placed by hand.
#[derive(Clone, Debug, Default)]
pub struct Corrections {
    places: BTreeMap<String, Option<SiteId>>,
}

impl Corrections {
    /// Learns that an address means a place. Two corrections that disagree cancel each other: such an address goes back
    /// to the sorter.
    pub fn learn(&mut self, text: &str, site: SiteId, county: &County) {
        let key = key(text, county);
        if key.is_empty() {
            return;
        }
        self.places
            .entry(key)
            .and_modify(|known| *known = known.filter(|&k| k == site))
            .or_insert(Some(site));
    }

    /// Reads a table `address,site`.
    pub fn read(file: &str, bytes: &[u8], county: &County, problems: &mut Problems) -> Self {
        let mut all = Self::default();
        for (text, site) in pairs(file, bytes, "address", county, problems) {
            all.learn(&text, site, county);
        }
        all
    }

    pub(super) fn find(&self, key: &str) -> Option<Option<SiteId>> {
        self.places.get(key).copied()
    }
}

/// A county's table of corrections with addresses that a person has placed; none where it says all of them already. Only the
/// part of an address that tells the place is kept: no house number, nobody's name.
#[must_use]
pub fn with_corrections<'a>(
    table: &[u8],
    placed: impl Iterator<Item = (&'a str, &'a str)>,
    county: &County,
) -> Option<Vec<u8>> {
    let mut text = if table.is_empty() { b"address,site\n".to_vec() } else { table.to_vec() };
    if !text.ends_with(b"\n") {
        text.push(b'\n');
    }
    let mut said: BTreeSet<Vec<u8>> = text.split(|&b| b == b'\n').map(<[u8]>::to_vec).collect();
    let before = said.len();
    for (address, site) in placed {
        let key = key(address, county);
        let line = format!("\"{}\",{site}", key.replace('"', "\"\"")).into_bytes();
        if !key.is_empty() && said.insert(line.clone()) {
            text.extend(line);
            text.push(b'\n');
        }
    }
    (said.len() > before).then_some(text)
}

/// Places that recipients have agreed to, by a name for the recipient that the caller chooses.
#[derive(Clone, Debug, Default)]
pub struct Agreed {
    places: BTreeMap<String, SiteId>,
}

impl Agreed {
    /// Notes an agreement.
    pub fn agree(&mut self, recipient: &str, site: SiteId) {
        self.places.insert(recipient.to_owned(), site);
    }

    /// Reads a table `recipient,site`; the recipient is `name|phone` as an import makes it.
    pub fn read(file: &str, bytes: &[u8], county: &County, problems: &mut Problems) -> Self {
        let mut all = Self::default();
        for (recipient, site) in pairs(file, bytes, "recipient", county, problems) {
            all.agree(&recipient, site);
        }
        all
    }

    pub(super) fn find(&self, recipient: &str) -> Option<SiteId> {
        self.places.get(recipient).copied()
    }
}

fn pairs(
    file: &str,
    bytes: &[u8],
    column: &str,
    county: &County,
    problems: &mut Problems,
) -> Vec<(String, SiteId)> {
    let Some(table) = Table::read(file, bytes, &[column, "site"], Encodings::Utf8, problems) else {
        return Vec::new();
    };
    let mut all = Vec::new();
    for row in table.rows() {
        match county.find_site(row.text("site")) {
            Some(site) => all.push((row.text(column).to_owned(), site)),
            None => problems.push(row.fault("P111", "site", "unknown site; use an id of sites.csv")),
        }
    }
    all
}
