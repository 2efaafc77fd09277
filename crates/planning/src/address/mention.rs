//! Where an address mentions a name, exactly or garbled: names are found through the characters that a written one may
//! stand for, then aligned with gaps allowed.

use super::gazetteer::{Gazetteer, Name, Of, TOWN_TAILS, VILLAGE_TAILS};
use super::likeness::{Likeness, OTHER, readings};
use std::collections::HashMap;

/// Another character in a township's name.
const OTHER_IN_TOWN: u32 = 650;
/// A character left out of a name, or put into one.
const GAP: u32 = 700;
/// A name written in letters: sounds without tones say less than characters.
const LATIN: u32 = 60;
/// Longest address looked at, in characters; the place stands in front.
pub(super) const TEXT_MAX: usize = 96;

/// A name found in an address.
#[derive(Clone, Debug)]
pub(super) struct Mention {
    /// What it stands for.
    pub(super) of: Of,
    /// First character.
    pub(super) start: usize,
    /// First character after its tail.
    pub(super) after: usize,
    /// How far from the name it is written.
    pub(super) cost: u32,
    /// The level that its tail tells.
    pub(super) tail: Tail,
    /// Whether a landmark.
    pub(super) landmark: bool,
    /// Whether the name is a township's too.
    pub(super) like_town: bool,
    /// Whether the place is a community.
    pub(super) community: bool,
    /// Whether the same characters are exactly another name.
    pub(super) shadowed: bool,
    /// First character after the name, before its tail.
    pub(super) end: usize,
}

/// What follows a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tail {
    /// Nothing that tells a level.
    None,
    /// 镇, 乡, 街道.
    Town,
    /// 村.
    Village,
    /// 社区.
    Community,
}

/// Finds names.
pub(super) struct Finder {
    likeness: Likeness,
    /// For each character of names: name and position.
    postings: HashMap<char, Vec<(u32, u8)>>,
    names: Vec<Name>,
    like_town: Vec<bool>,
    latin: Vec<(Vec<char>, u32)>,
    tails: Vec<(Vec<char>, Tail)>,
}

/// One written character that may be one of a name.
#[derive(Clone, Copy)]
struct Hit {
    name: u32,
    at: u8,
    text: u8,
    cost: u32,
}

impl Finder {
    pub(super) fn new(gazetteer: &Gazetteer) -> Self {
        let names = gazetteer.names.clone();
        let mut targets: Vec<char> = names.iter().flat_map(|n| n.chars.iter().copied()).collect();
        targets.sort_unstable();
        targets.dedup();
        let mut postings: HashMap<char, Vec<(u32, u8)>> = HashMap::new();
        for (i, name) in names.iter().enumerate() {
            for (at, &c) in name.chars.iter().enumerate() {
                postings.entry(c).or_default().push((i as u32, at as u8));
            }
        }
        let like_town = names.iter().map(|n| gazetteer.town_bases.contains(&n.chars)).collect();
        let mut latin: Vec<(Vec<char>, u32)> = Vec::new();
        for (i, name) in names.iter().enumerate() {
            for spelling in spellings(&name.chars) {
                latin.push((spelling.chars().collect(), i as u32));
            }
        }
        let mut tails: Vec<(Vec<char>, Tail)> = Vec::new();
        for tail in TOWN_TAILS {
            tails.push((tail.chars().collect(), Tail::Town));
        }
        for tail in VILLAGE_TAILS {
            let community = tail.starts_with("社区") || tail.starts_with("居");
            tails.push((tail.chars().collect(), if community { Tail::Community } else { Tail::Village }));
        }
        for (tail, level) in [
            ("zhen", Tail::Town),
            ("xiang", Tail::Town),
            ("jiedao", Tail::Town),
            ("cun", Tail::Village),
            ("shequ", Tail::Community),
        ] {
            tails.push((tail.chars().collect(), level));
        }
        tails.sort_by_key(|(t, _)| std::cmp::Reverse(t.len()));
        Self { likeness: Likeness::new(&targets), postings, names, like_town, latin, tails }
    }

    /// All mentions worth weighing, in no order.
    pub(super) fn find(&self, text: &[char]) -> Vec<Mention> {
        let text = &text[..text.len().min(TEXT_MAX)];
        let mut hits: Vec<Hit> = Vec::with_capacity(256);
        for (i, &c) in text.iter().enumerate() {
            for &(meant, cost) in self.likeness.meant(c) {
                for &(name, at) in self.postings.get(&meant).into_iter().flatten() {
                    hits.push(Hit { name, at, text: i as u8, cost });
                }
            }
        }
        hits.sort_unstable_by_key(|h| (h.name, h.text, h.at, h.cost));
        let mut mentions = Vec::new();
        for group in hits.chunk_by(|a, b| a.name == b.name) {
            self.align(group, text, &mut mentions);
        }
        if text.iter().filter(|c| c.is_ascii_alphabetic()).count() >= 4 {
            self.latin(text, &mut mentions);
        }
        let exact: Vec<(usize, usize)> =
            mentions.iter().filter(|m| m.cost == 0).map(|m| (m.start, m.end)).collect();
        for mention in mentions.iter_mut().filter(|m| m.cost > 0) {
            mention.shadowed = exact.iter().any(|&(from, to)| from <= mention.start && mention.end <= to);
        }
        mentions
    }

    /// Alignments of one name's characters with the text: the best one for each end.
    fn align(&self, hits: &[Hit], text: &[char], out: &mut Vec<Mention>) {
        let id = hits[0].name as usize;
        let name = &self.names[id];
        let length = name.chars.len();
        let other = self.other(name);
        // A chain of hits in order of both name and text; the best chain that ends in each hit.
        let mut best: [(u32, u8); 64] = [(u32::MAX, 0); 64];
        let count = hits.len().min(64);
        for i in 0..count {
            let hit = hits[i];
            let lead = u32::from(hit.at);
            // Characters of the name before its first hit: another character each, or left out.
            let alone = hit.cost + lead * other;
            let mut choice = (alone, hit.text);
            for j in (0..i).rev() {
                let before = hits[j];
                if before.text >= hit.text || before.at >= hit.at {
                    continue;
                }
                let (dn, dt) = (u32::from(hit.at - before.at) - 1, u32::from(hit.text - before.text) - 1);
                if dt > 2 {
                    break;
                }
                let paired = dn.min(dt);
                let cost = best[j].0.saturating_add(hit.cost + paired * other + (dn + dt - 2 * paired) * GAP);
                if cost < choice.0 {
                    choice = (cost, best[j].1);
                }
            }
            best[i] = choice;
        }
        let most = self.bound(name);
        let first = out.len();
        for i in 0..count {
            let hit = hits[i];
            let rest = length as u32 - 1 - u32::from(hit.at);
            let (cost, start) = best[i];
            // A last character left out costs less than one written wrong when its tail follows at once.
            let cost = cost.saturating_add(rest * GAP);
            if cost > most {
                continue;
            }
            let end = usize::from(hit.text) + 1;
            let same = out[first..].iter_mut().find(|m| m.start == usize::from(start));
            let mention = self.mention(id, text, usize::from(start), end, cost);
            match same {
                Some(known) if known.cost <= cost => {}
                Some(known) => *known = mention,
                None => out.push(mention),
            }
        }
    }

    /// What a character costs that nothing explains: less in a township's name, of which there are few.
    fn other(&self, name: &Name) -> u32 {
        match name.of {
            Of::Town(_) => OTHER_IN_TOWN,
            Of::Place(..) => OTHER,
        }
    }

    /// The most that a name may cost and still be worth weighing.
    fn bound(&self, name: &Name) -> u32 {
        match name.chars.len() {
            _ if name.bare => 400,
            2 => 1000,
            3 => 1300,
            _ => 1500,
        }
    }

    fn mention(&self, id: usize, text: &[char], start: usize, end: usize, cost: u32) -> Mention {
        let name = &self.names[id];
        let rest = &text[end..];
        let found = self.tails.iter().find(|(tail, _)| rest.starts_with(tail));
        let (length, mut tail) = found.map_or((0, Tail::None), |(t, level)| (t.len(), *level));
        if name.bare && tail == Tail::None {
            tail = Tail::Village;
        }
        Mention {
            of: name.of,
            start,
            after: end + length,
            cost,
            tail,
            landmark: name.landmark,
            like_town: self.like_town[id],
            community: name.community,
            shadowed: false,
            end,
        }
    }

    /// Names written in letters.
    fn latin(&self, text: &[char], out: &mut Vec<Mention>) {
        for (spelling, id) in &self.latin {
            let mut from = 0;
            while from + spelling.len() <= text.len() {
                if text[from..].starts_with(spelling) {
                    let end = from + spelling.len();
                    out.push(self.mention(*id as usize, text, from, end, LATIN));
                    from = end;
                } else {
                    from += 1;
                }
            }
        }
    }
}

/// A name in letters: the first reading of each character, and the second of one of them.
fn spellings(chars: &[char]) -> Vec<String> {
    let all: Vec<Vec<&str>> = chars.iter().map(|&c| readings(c)).collect();
    if all.iter().any(Vec::is_empty) {
        return Vec::new();
    }
    let first: String = all.iter().map(|r| r[0]).collect();
    let mut list = vec![first];
    for (i, options) in all.iter().enumerate() {
        for other in options.iter().skip(1).take(2) {
            list.push(all.iter().enumerate().map(|(j, r)| if i == j { *other } else { r[0] }).collect());
        }
    }
    // ü is typed as v or u.
    for i in 0..list.len() {
        if list[i].contains('ü') {
            list.push(list[i].replace('ü', "v"));
            list.push(list[i].replace('ü', "u"));
        }
    }
    list.retain(|s| s.len() >= 4);
    list.sort();
    list.dedup();
    list
}
