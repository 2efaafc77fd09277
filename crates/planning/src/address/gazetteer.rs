//! Names of the county's places as people write them: townships, villages, villages without a point of their own,
//! old names, landmarks.

use crate::county::{Row, Table};
use std::collections::HashMap;
use xiangyun_model::county::County;
use xiangyun_model::id::SiteId;
use xiangyun_model::problem::Problems;
use xiangyun_model::site::SiteKind;

/// Words for the facility itself, not its place.
const FACILITY: [&str; 9] = [
    "物流中转站",
    "物流服务点",
    "物流服务站",
    "快递服务点",
    "快递服务站",
    "客货邮站",
    "服务点",
    "服务站",
    "驿站",
];
/// What follows the name of a township, the longest first.
pub(super) const TOWN_TAILS: [&str; 9] =
    ["街道办事处", "镇人民政府", "街道办", "办事处", "街道", "公社", "镇", "乡", "区"];
/// What follows the name of a village, the longest first.
pub(super) const VILLAGE_TAILS: [&str; 12] = [
    "村民委员会",
    "居民委员会",
    "村委会",
    "居委会",
    "行政村",
    "自然村",
    "社区",
    "小区",
    "大队",
    "村委",
    "村",
    "庄村",
];
/// Places that every township has at its seat, where its station is.
pub(super) const SEAT_WORDS: [&str; 14] = [
    "政府",
    "卫生院",
    "中心小学",
    "中心校",
    "派出所",
    "邮政所",
    "邮局",
    "供销社",
    "汽车站",
    "信用社",
    "初中",
    "中学",
    "法庭",
    "财政所",
];

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Of {
    /// A township, by position.
    Town(usize),
    /// A village or landmark: where it is served, and the position of its township.
    Place(SiteId, usize),
}

/// One name.
#[derive(Clone, Debug)]
pub(super) struct Name {
    /// Its characters, without the tail that tells its level.
    pub(super) chars: Vec<char>,
    /// What it stands for.
    pub(super) of: Of,
    /// Whether it needs its tail to be a name at all (一村, 二村).
    pub(super) bare: bool,
    /// Whether it is a landmark: no tail is expected.
    pub(super) landmark: bool,
    /// Whether the place is a community (社区) rather than a village.
    pub(super) community: bool,
}

/// All names of a county.
pub(super) struct Gazetteer {
    /// Names.
    pub(super) names: Vec<Name>,
    /// Stations of the townships, by position.
    pub(super) towns: Vec<SiteId>,
    /// The county's name without 县, 市 or 区.
    pub(super) county: Vec<char>,
    /// Names of province and city, without 省 and 市.
    pub(super) regions: Vec<Vec<char>>,
    /// Bases of township names, for telling 周庄 the town from 周庄 the village.
    pub(super) town_bases: Vec<Vec<char>>,
}

/// Simplified, half-width, without spaces and marks: what names and addresses are compared in.
pub(super) fn plain(text: &str) -> Vec<char> {
    let half = crate::import::cell::halfwidth(text);
    let simple = if half.is_ascii() { half } else { fast2s::convert(&half) };
    simple
        .chars()
        .filter_map(|c| match c {
            '邨' => Some('村'),
            '莊' => Some('庄'),
            '曡' => Some('叠'),
            _ if c.is_alphanumeric() => Some(c.to_ascii_lowercase()),
            _ => None,
        })
        .collect()
}

fn without<'a>(text: &'a str, tails: &[&str]) -> (&'a str, bool) {
    for tail in tails {
        if let Some(head) = text.strip_suffix(tail)
            && !head.is_empty()
        {
            return (head, true);
        }
    }
    (text, false)
}

/// Further names, from the optional table `places.csv`: `name,kind,township,site,note`.
#[derive(Clone, Debug, Default)]
pub struct Places(Vec<Place>);

#[derive(Clone, Debug)]
struct Place {
    name: String,
    kind: PlaceKind,
    /// The station of its township; the hub for a region.
    township: SiteId,
    site: SiteId,
}

/// Kinds of further names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PlaceKind {
    /// A village, which may have no point of its own, or another name of one.
    Village,
    /// A shop, school, bridge or the like.
    Landmark,
    /// Another or an old name of a township.
    Township,
    /// The province or city that the county lies in.
    Region,
}

impl Places {
    /// Reads `places.csv`. Bad rows become problems.
    pub fn read(file: &str, bytes: &[u8], county: &County, problems: &mut Problems) -> Self {
        let required = ["name", "kind", "township", "site"];
        let encodings = crate::county::Encodings::Utf8;
        let Some(table) = Table::read(file, bytes, &required, encodings, problems) else {
            return Self::default();
        };
        let place = |row: &Row<'_>, problems: &mut Problems| {
            let mut find = |column: &str| {
                let found = county.find_site(row.text(column));
                if found.is_none() {
                    problems.push(row.fault("P111", column, "unknown site; use an id of sites.csv"));
                }
                found
            };
            let (township, site) = (find("township"), find("site"));
            let kind = row.word(
                "kind",
                |w| match w {
                    "village" => Some(PlaceKind::Village),
                    "landmark" => Some(PlaceKind::Landmark),
                    "township" => Some(PlaceKind::Township),
                    "region" => Some(PlaceKind::Region),
                    _ => None,
                },
                "village, landmark, township, region",
                problems,
            );
            let name = row.text("name").to_owned();
            if name.is_empty() {
                problems.push(row.fault("P105", "name", "nothing is there; give the name"));
                return None;
            }
            Some(Place { name, kind: kind?, township: township?, site: site? })
        };
        Self(table.rows().filter_map(|row| place(&row, problems)).collect())
    }
}

impl Gazetteer {
    /// Gathers the names of a county.
    pub(super) fn new(county: &County, places: &Places) -> Self {
        let towns: Vec<SiteId> = county.sites_of(SiteKind::Station).collect();
        let at: HashMap<SiteId, usize> = towns.iter().enumerate().map(|(i, &s)| (s, i)).collect();
        let base = |name: &str| plain(without(name, &TOWN_TAILS).0);
        let mut gazetteer = Self {
            names: Vec::new(),
            towns,
            county: plain(county.name_zh.trim_end_matches(['县', '市', '区'])),
            town_bases: Vec::new(),
            regions: Vec::new(),
        };
        let towns = gazetteer.towns.clone();
        for (i, &town) in towns.iter().enumerate() {
            let site = county.site(town);
            let own = without(&site.name_zh, &FACILITY).0;
            for name in std::iter::once(own).chain(site.aliases.iter().map(String::as_str)) {
                let chars = base(without(name, &FACILITY).0);
                gazetteer.town_bases.push(chars.clone());
                gazetteer.add(chars, Of::Town(i), false, false, false);
            }
        }
        gazetteer.town_bases.sort();
        gazetteer.town_bases.dedup();
        for village in county.sites_of(SiteKind::Village) {
            let site = county.site(village);
            let Some(&town) = at.get(&county.station_of(village)) else { continue };
            let own = without(&site.name_zh, &FACILITY).0;
            let community = own.ends_with("社区");
            gazetteer.village(own, Of::Place(village, town), community);
            let prefix = county.site(towns[town]).aliases.iter().chain([&county.site(towns[town]).name_zh]);
            let prefixes: Vec<&String> = prefix.collect();
            for alias in &site.aliases {
                let alias = without(alias, &FACILITY).0;
                let stripped =
                    prefixes.iter().find_map(|p| alias.strip_prefix(p.as_str()).filter(|r| !r.is_empty()));
                gazetteer.village(stripped.unwrap_or(alias), Of::Place(village, town), community);
            }
        }
        for place in places.0.iter().filter(|p| p.kind == PlaceKind::Region) {
            gazetteer.regions.push(plain(place.name.trim_end_matches(['省', '市'])));
        }
        for place in &places.0 {
            let Some(&town) = at.get(&place.township) else { continue };
            match place.kind {
                PlaceKind::Village => {
                    let community = place.name.ends_with("社区");
                    gazetteer.village(&place.name, Of::Place(place.site, town), community);
                }
                PlaceKind::Landmark => {
                    gazetteer.add(plain(&place.name), Of::Place(place.site, town), false, true, false);
                }
                PlaceKind::Region => {}
                PlaceKind::Township => gazetteer.add(base(&place.name), Of::Town(town), false, false, false),
            }
        }
        gazetteer
    }

    fn village(&mut self, name: &str, of: Of, community: bool) {
        let chars = plain(without(name, &VILLAGE_TAILS).0);
        match chars.len() {
            0 => {}
            // 一村: the numeral alone is no name.
            1 => self.add(plain(name), of, true, false, community),
            _ => self.add(chars, of, false, false, community),
        }
    }

    fn add(&mut self, chars: Vec<char>, of: Of, bare: bool, landmark: bool, community: bool) {
        let known = self.names.iter().any(|n| n.of == of && n.chars == chars);
        if !known && chars.len() > 1 && chars.len() <= 24 {
            self.names.push(Name { chars, of, bare, landmark, community });
        }
    }
}
