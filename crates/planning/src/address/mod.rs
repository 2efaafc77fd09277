//! Addresses to places, without a network: 河南省平顶山市宝丰县大营镇××村… and its shortened, misspelt, traditional and
//! colloquial forms.
//!
//! An address is read as mentions of names — of townships, villages, landmarks — each with a cost of how far it is written
//! from the name: nothing when exact, little for a character of the same sound or a like shape, more for one left out. A
//! reading is a township with a village of it, or a village alone; what stands unexplained between them costs too. The
//! cheapest reading is taken when it is cheap enough and the next one, of another place, is far enough behind.
//! Otherwise the address is for a person to sort: the answer is then a ranked list, never a guess.

mod gazetteer;
mod learned;
mod likeness;
mod mention;

pub use gazetteer::Places;
pub use learned::{Agreed, Corrections, key, with_corrections};

use gazetteer::{Gazetteer, Of, SEAT_WORDS, plain};
use likeness::is_han;
use mention::{Finder, Mention, Tail};
use serde::Serialize;
use xiangyun_model::county::County;
use xiangyun_model::id::SiteId;

/// An address to place.
#[derive(Clone, Copy, Debug, Default)]
pub struct Query<'a> {
    /// The address as written.
    pub text: &'a str,
    /// The township's name, where a column of its own says it.
    pub town: &'a str,
    /// The village's name, where a column of its own says it.
    pub village: &'a str,
    /// Who it is for, by the name under which agreed places are kept; empty when unknown.
    pub recipient: &'a str,
}

/// Why an address was placed or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// Its words say so.
    Read,
    /// A sorter said so before.
    Learned,
    /// The recipient agreed to this place.
    Agreed,
    /// Several places fit about as well.
    Several,
    /// A township is named, no village that is known.
    TownOnly,
    /// Township and village contradict each other, or the agreed place the address.
    Contradiction,
    /// Another county.
    Elsewhere,
    /// Nothing in it is known.
    Unknown,
}

impl Why {
    /// What to tell the sorter.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Read => "read from its words",
            Self::Learned => "as sorted before",
            Self::Agreed => "the recipient's agreed place",
            Self::Several => "several places fit",
            Self::TownOnly => "the township is known, the village is not",
            Self::Contradiction => "township and village do not belong together",
            Self::Elsewhere => "another county",
            Self::Unknown => "no place of the county is named",
        }
    }
}

/// A place that an address may mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The place.
    pub site: SiteId,
    /// How likely among the candidates, in thousandths.
    pub confidence_pm: u32,
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The place, when the address says it clearly enough.
    pub placed: Option<SiteId>,
    /// How sure, in thousandths; of the best candidate where nothing is placed.
    pub confidence_pm: u32,
    /// What it may mean, the likeliest first, at most eight.
    pub candidates: Vec<Candidate>,
    /// Why.
    pub why: Why,
}

/// Most candidates in an answer.
const CANDIDATES_MAX: usize = 8;
/// Least confidence with which an address is placed, in thousandths.
pub const PLACED_PM: u32 = 800;

/// Costs, in thousandths of an unexplained character's worth.
mod cost {
    /// A Chinese character between township and village that nothing explains.
    pub(super) const UNEXPLAINED: u32 = 300;
    /// Most that unexplained characters cost.
    pub(super) const UNEXPLAINED_MAX: u32 = 900;
    /// No township is named.
    pub(super) const NO_TOWN: u32 = 120;
    /// A village without its tail, a township without its own.
    pub(super) const NO_TAIL: u32 = 40;
    /// 村 written for a community or the reverse.
    pub(super) const OTHER_LEVEL: u32 = 60;
    /// The tail of a township behind a village's name, or the reverse.
    pub(super) const WRONG_LEVEL: u32 = 700;
    /// A name that is a township's, without township and tail: the village may have been dropped.
    pub(super) const TOWN_NAME_ALONE: u32 = 800;
    /// A village's name with the tail of a township.
    pub(super) const VILLAGE_AS_TOWN: u32 = 1400;
    /// A garbled name where the characters are exactly another one.
    pub(super) const SHADOWED: u32 = 400;
    /// The village lies in another township than the one named.
    pub(super) const CONTRADICTION: u32 = 1600;
    /// A township alone: the village is missing.
    pub(super) const TOWN_ALONE: u32 = 1100;
    /// A place of the township's seat, such as its hospital.
    pub(super) const SEAT: u32 = 100;
    /// Dearest reading that is taken.
    pub(super) const TAKEN_MAX: u32 = 900;
    /// Dearest reading that is taken when no township is named.
    pub(super) const TAKEN_ALONE_MAX: u32 = 520;
    /// How far behind the next place must be.
    pub(super) const MARGIN: u32 = 240;
}

/// One reading of an address.
#[derive(Clone, Copy, Debug)]
struct Reading {
    site: SiteId,
    cost: u32,
    town_named: bool,
    town_only: bool,
    contradiction: bool,
}

/// Places addresses of one county. Made once, then asked from any thread.
pub struct Resolver {
    gazetteer: Gazetteer,
    finder: Finder,
    corrections: Corrections,
    agreed: Agreed,
    county: County,
    seats: Vec<Vec<char>>,
}

/// Where the text after the county's name begins: behind 宝丰县, or behind province and city where no county stands.
fn after_county(text: &[char], county: &[char], regions: &[Vec<char>]) -> usize {
    let limit = text.len().min(24);
    if !county.is_empty() {
        for at in 0..limit.saturating_sub(county.len() - 1) {
            if text[at..].starts_with(county) {
                let end = at + county.len();
                let tail = text.get(end).is_some_and(|c| matches!(c, '县' | '市' | '区'));
                return end + usize::from(tail);
            }
        }
    }
    let mut start = 0;
    while let Some(region) = regions.iter().find(|r| text[start..].starts_with(r)) {
        start += region.len();
        start += usize::from(text.get(start).is_some_and(|c| matches!(c, '省' | '市')));
    }
    for (i, &c) in text[..limit].iter().enumerate() {
        if matches!(c, '省' | '市') && i >= start + 2 && i <= start + 5 {
            start = i + 1;
        }
    }
    start
}

impl Resolver {
    /// Prepares a county's names.
    #[must_use]
    pub fn new(county: &County, places: &Places, corrections: Corrections, agreed: Agreed) -> Self {
        let gazetteer = Gazetteer::new(county, places);
        let finder = Finder::new(&gazetteer);
        let seats = SEAT_WORDS.iter().map(|w| w.chars().collect()).collect();
        Self { gazetteer, finder, corrections, agreed, county: county.clone(), seats }
    }

    /// Learns from a sorter.
    pub fn learn(&mut self, text: &str, site: SiteId) {
        self.corrections.learn(text, site, &self.county);
    }

    /// Places an address.
    #[must_use]
    pub fn resolve(&self, query: &Query<'_>) -> Answer {
        let joined;
        let whole = if query.town.is_empty() && query.village.is_empty() {
            query.text
        } else {
            joined = joined_text(query);
            &joined
        };
        if let Some(learned) = self.corrections.find(&key(whole, &self.county))
            && let Some(site) = learned
        {
            return Answer {
                placed: Some(site),
                confidence_pm: 990,
                candidates: vec![Candidate { site, confidence_pm: 990 }],
                why: Why::Learned,
            };
        }
        let mut answer = self.read(whole);
        if let Some(site) = self.agreed.find(query.recipient) {
            match answer.placed {
                Some(read) if read != site => {
                    answer.placed = None;
                    answer.why = Why::Contradiction;
                    answer.candidates.retain(|c| c.site != site);
                    answer.candidates.insert(0, Candidate { site, confidence_pm: 500 });
                }
                _ if answer.why != Why::Elsewhere => {
                    answer = Answer {
                        placed: Some(site),
                        confidence_pm: 980,
                        candidates: vec![Candidate { site, confidence_pm: 980 }],
                        why: Why::Agreed,
                    };
                }
                _ => {}
            }
        }
        answer
    }

    fn read(&self, text: &str) -> Answer {
        let chars = plain(text);
        let county = &self.gazetteer.county;
        let start = after_county(&chars, county, &self.gazetteer.regions);
        let named = start >= county.len()
            && !county.is_empty()
            && chars[..start].windows(county.len()).any(|w| w == county.as_slice());
        let rest = &chars[start..];
        if !named && elsewhere(rest) {
            return Answer { placed: None, confidence_pm: 0, candidates: Vec::new(), why: Why::Elsewhere };
        }
        let mentions = self.finder.find(rest);
        let mut readings = self.readings(rest, &mentions);
        readings.sort_unstable_by_key(|r| (r.cost, r.site));
        let mut distinct: Vec<Reading> = Vec::new();
        for reading in readings {
            if !distinct.iter().any(|known| known.site == reading.site) {
                distinct.push(reading);
            }
            if distinct.len() == CANDIDATES_MAX {
                break;
            }
        }
        decide(&distinct)
    }

    /// All readings of the mentions.
    fn readings(&self, text: &[char], mentions: &[Mention]) -> Vec<Reading> {
        let mut towns: Vec<&Mention> = mentions.iter().filter(|m| matches!(m.of, Of::Town(_))).collect();
        towns.retain(|m| m.cost + level_cost(m, true) <= 1100);
        let mut all = Vec::new();
        for place in mentions {
            let Of::Place(site, town) = place.of else { continue };
            let own = place.cost + level_cost(place, false);
            let town_like = place.like_town && place.tail == Tail::None && !place.landmark;
            let unexplained = gap(text, 0, place.start);
            all.push(Reading {
                site,
                cost: own + cost::NO_TOWN + unexplained + if town_like { cost::TOWN_NAME_ALONE } else { 0 },
                town_named: false,
                town_only: false,
                contradiction: false,
            });
            for named in &towns {
                if named.after > place.start {
                    continue;
                }
                let Of::Town(named_town) = named.of else { continue };
                let lead = gap(text, 0, named.start) / 2;
                let between = gap(text, named.after, place.start);
                let sum = own + named.cost + level_cost(named, true) + lead + between;
                let contradiction = named_town != town;
                all.push(Reading {
                    site,
                    cost: sum + if contradiction { cost::CONTRADICTION } else { 0 },
                    town_named: true,
                    town_only: false,
                    contradiction,
                });
            }
        }
        for named in &towns {
            let Of::Town(town) = named.of else { continue };
            let rest = &text[named.after.min(text.len())..];
            let own = named.cost + level_cost(named, true) + gap(text, 0, named.start) / 2;
            // 大营镇卫生院, 大营镇中心小学: a place at the seat, within a few characters.
            let seat = self
                .seats
                .iter()
                .any(|w| (0..=2).any(|skip| rest.len() > skip && rest[skip..].starts_with(w)));
            let seat_cost = if seat { cost::SEAT } else { cost::TOWN_ALONE };
            all.push(Reading {
                site: self.gazetteer.towns[town],
                cost: own + seat_cost,
                town_named: true,
                town_only: !seat,
                contradiction: false,
            });
        }
        all
    }
}

/// What stands in columns of their own before what stands in the address, unless the address says it itself.
fn joined_text(query: &Query<'_>) -> String {
    let mut text = String::new();
    for part in [query.town, query.village] {
        if !part.is_empty() && !query.text.contains(part) {
            text.push_str(part);
        }
    }
    if text.is_empty() {
        return query.text.to_owned();
    }
    // The county in front of the address would part the columns from it.
    text.push_str(query.text);
    text
}

/// What a mention's tail costs it, as a township's or as a village's.
fn level_cost(mention: &Mention, town: bool) -> u32 {
    if mention.landmark {
        return 0;
    }
    let shadow = if mention.shadowed { cost::SHADOWED } else { 0 };
    shadow
        + match (town, mention.tail) {
            (true, Tail::Town) => 0,
            (false, Tail::Town) => cost::VILLAGE_AS_TOWN,
            (false, Tail::Village) => {
                if mention.community {
                    cost::OTHER_LEVEL
                } else {
                    0
                }
            }
            (false, Tail::Community) => {
                if mention.community {
                    0
                } else {
                    cost::OTHER_LEVEL
                }
            }
            (_, Tail::None) => cost::NO_TAIL,
            _ => cost::WRONG_LEVEL,
        }
}

/// Cost of the Chinese characters in a span that nothing explains.
fn gap(text: &[char], from: usize, to: usize) -> u32 {
    let span = text.get(from..to).unwrap_or(&[]);
    let count = span.iter().filter(|&&c| is_han(c) || c.is_ascii_alphabetic()).count() as u32;
    (count * cost::UNEXPLAINED).min(cost::UNEXPLAINED_MAX)
}

/// Whether the address names another county or city and not ours.
fn elsewhere(rest: &[char]) -> bool {
    let limit = rest.len().min(6);
    // 旗 is an old county too, but ends names of villages here and there.
    (1..limit).any(|i| rest[i] == '县' && rest[..i].iter().all(|&c| is_han(c)))
}

fn decide(readings: &[Reading]) -> Answer {
    let Some(best) = readings.first() else {
        return Answer { placed: None, confidence_pm: 0, candidates: Vec::new(), why: Why::Unknown };
    };
    // Ratios that people read: floating point is at home here.
    let weight = |r: &Reading| (-(f64::from(r.cost) - f64::from(best.cost)) / 160.0).exp();
    let all: f64 = readings.iter().map(weight).sum();
    let quality = (-f64::from(best.cost) / 6000.0).exp();
    let candidates: Vec<Candidate> = readings
        .iter()
        .map(|r| Candidate {
            site: r.site,
            confidence_pm: (1000.0 * quality * weight(r) / all).round() as u32,
        })
        .collect();
    let confidence_pm = candidates[0].confidence_pm;
    let margin = readings.get(1).map_or(u32::MAX, |second| second.cost - best.cost);
    let most = if best.town_named { cost::TAKEN_MAX } else { cost::TAKEN_ALONE_MAX };
    let clear = best.cost <= most && margin >= cost::MARGIN && !best.contradiction && !best.town_only;
    let why = if clear {
        Why::Read
    } else if best.contradiction {
        Why::Contradiction
    } else if best.town_only {
        Why::TownOnly
    } else if margin < cost::MARGIN {
        Why::Several
    } else {
        Why::Unknown
    };
    Answer { placed: clear.then_some(best.site), confidence_pm, candidates, why }
}

#[cfg(test)]
mod tests;
