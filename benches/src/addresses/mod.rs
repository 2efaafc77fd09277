//! Noisy addresses with known truth: how people of a county write where they live.
//!
//! Built apart from the resolver: it shares with it only the county's tables. Wrong characters of like sound come from a
//! list of readings (`data/homophones.txt`, made with pypinyin from the first level of GB 2312), those of like shape from
//! groups written by hand (`confusion.rs`), traditional forms from OpenCC's table (`data/traditional.txt`).
//!
//! **Noise model.** Every address begins as 河南省平顶山市宝丰县 + township + village + detail. Then, each drawn by itself:
//!
//! | noise | share of addresses |
//! | --- | --- |
//! | province dropped; city dropped; county dropped | 40 %; 45 %; 20 % |
//! | township dropped | 6 % where the village's name is alone in the county, 1 % where it stands in several townships |
//! | tail of the township dropped; of the village dropped | 15 %; 20 % |
//! | one wrong character in township or village; a second one | 14 %; 1.5 % (three in five like sound, the rest like shape) |
//! | old level: 乡 or 公社 for 镇, 大队 for 村, 村委会, 行政村 | 6 %; 4 %; 5 %; 3 % |
//! | old name of the township, where one is known | 1 % |
//! | traditional characters throughout | 4 % |
//! | township and village in letters | 2 % |
//! | the township twice, or the county twice | 2 % |
//! | white space within; full-width digits | 10 %; 15 % |
//! | detail: group and number, a direction, a shop or school, somebody's house, a hamlet that has the name of a village elsewhere | 90 % |
//!
//! One character of the village's name is never replaced when the name would become that of another village of the
//! township: then the truth itself would change.

mod confusion;

use confusion::Confusion;
use std::collections::HashMap;
use xiangyun_model::county::County;
use xiangyun_model::id::SiteId;
use xiangyun_model::site::SiteKind;

/// An address and the point that it means.
#[derive(Clone, Debug)]
pub struct Noisy {
    /// As written.
    pub text: String,
    /// What it means.
    pub truth: SiteId,
    /// Which noise was put on it, for the analysis of misses.
    pub noise: Vec<&'static str>,
}

/// Random numbers of one seed: xorshift64*, after Vigna (2016).
pub struct Dice(u64);

impl Dice {
    /// A sequence.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// A number below `n`.
    pub fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let x = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        x as usize % n.max(1)
    }

    /// Whether something of a chance in thousandths happens.
    pub fn chance(&mut self, permille: usize) -> bool {
        self.below(1000) < permille
    }

    /// One of a list.
    pub fn one<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[self.below(list.len())]
    }
}

struct Village {
    site: SiteId,
    /// Name with its tail: 丁楼村.
    name: String,
    town: String,
    repeated: bool,
}

/// Makes `count` noisy addresses of a county's village points.
///
/// # Panics
/// When the county has no village point.
#[must_use]
pub fn generate(county: &County, count: usize, seed: u64) -> Vec<Noisy> {
    let villages = villages(county);
    let confusion = Confusion::new();
    let mut dice = Dice::new(seed);
    (0..count).map(|_| one(county, &villages, &confusion, &mut dice)).collect()
}

fn villages(county: &County) -> Vec<Village> {
    let bare = |name: &str| name.trim_end_matches("物流服务点").trim_end_matches("物流中转站").to_owned();
    let mut all: Vec<Village> = county
        .sites_of(SiteKind::Village)
        .map(|site| Village {
            site,
            name: bare(&county.site(site).name_zh),
            town: bare(&county.site(county.station_of(site)).name_zh),
            repeated: false,
        })
        .collect();
    let mut counts: HashMap<String, usize> = HashMap::new();
    for village in &all {
        *counts.entry(village.name.clone()).or_default() += 1;
    }
    for village in &mut all {
        village.repeated = counts[&village.name] > 1;
    }
    all
}

fn split(name: &str, tails: &[&'static str]) -> (String, &'static str) {
    for tail in tails {
        if let Some(head) = name.strip_suffix(tail)
            && head.chars().count() > 1
        {
            return (head.to_owned(), tail);
        }
    }
    (name.to_owned(), "")
}

fn one(county: &County, villages: &[Village], confusion: &Confusion, dice: &mut Dice) -> Noisy {
    let village = dice.one(villages);
    let mut noise = Vec::new();
    let (mut town, mut town_tail) = split(&village.town, &["街道", "镇", "乡"]);
    let (mut name, mut tail) = split(&village.name, &["社区", "村"]);
    let in_letters = dice.chance(20);
    if dice.chance(10) && village.town == "大营镇" && village.site.index().is_multiple_of(2) {
        // The hills of Daying were a township of their own; the villages there are still said to be of it.
        if county.site(village.site).code.as_str() >= "410421105239" {
            (town, town_tail) = ("观音堂".to_owned(), "乡");
            noise.push("old township");
        }
    }
    if !in_letters {
        if dice.chance(140) {
            garble(&mut town, &mut name, village, villages, confusion, dice, &mut noise);
            if dice.chance(110) {
                garble(&mut town, &mut name, village, villages, confusion, dice, &mut noise);
            }
        }
        if town_tail == "镇" && dice.chance(60) {
            town_tail = if dice.chance(800) { "乡" } else { "公社" };
            noise.push("old level");
        }
        if tail == "村" {
            tail = match dice.below(100) {
                0..=3 => "大队",
                4..=8 => "村委会",
                9..=11 => "行政村",
                _ => "村",
            };
        }
    }
    if dice.chance(150) {
        town_tail = "";
        noise.push("no tail of the township");
    }
    if dice.chance(200) && name.chars().count() > 1 {
        tail = "";
        noise.push("no tail of the village");
    }
    let no_town = dice.chance(if village.repeated { 10 } else { 60 });
    let mut text = String::new();
    if !dice.chance(400) {
        text.push_str("河南省");
    }
    if !dice.chance(450) {
        text.push_str(if dice.chance(800) { "平顶山市" } else { "平顶山" });
    }
    if !dice.chance(200) {
        text.push_str(if dice.chance(900) { "宝丰县" } else { "宝丰" });
        if dice.chance(10) {
            text.push_str("宝丰县");
            noise.push("county twice");
        }
    } else {
        noise.push("no county");
    }
    if in_letters {
        noise.push("letters");
        text = if dice.chance(500) { "Baofeng ".to_owned() } else { text };
        let cut = |s: &str| confusion.letters(s);
        if !no_town {
            text.push_str(&cut(&town));
            text.push_str(match town_tail {
                "镇" => " Zhen ",
                "乡" => " Xiang ",
                "街道" => " Jiedao ",
                _ => " ",
            });
        }
        text.push_str(&cut(&name));
        text.push_str(match tail {
            "村" => " Cun",
            "社区" => " Shequ",
            _ => "",
        });
    } else {
        if !no_town {
            text.push_str(&town);
            text.push_str(town_tail);
            if dice.chance(10) && !town_tail.is_empty() {
                text.push_str(&town);
                text.push_str(town_tail);
                noise.push("township twice");
            }
        }
        text.push_str(&name);
        text.push_str(tail);
    }
    if no_town {
        noise.push(if village.repeated { "no township, repeated name" } else { "no township" });
    }
    detail(&mut text, villages, dice, &mut noise);
    dress(&mut text, confusion, dice, &mut noise);
    Noisy { text, truth: village.site, noise }
}

/// One wrong character in the township's or the village's name.
fn garble(
    town: &mut String,
    name: &mut String,
    village: &Village,
    villages: &[Village],
    confusion: &Confusion,
    dice: &mut Dice,
    noise: &mut Vec<&'static str>,
) {
    let of_town = dice.chance(350);
    let target = if of_town { &*town } else { &*name };
    let mut chars: Vec<char> = target.chars().collect();
    let at = dice.below(chars.len());
    let by_sound = dice.chance(600);
    let other = if by_sound { confusion.sound(chars[at], dice) } else { confusion.shape(chars[at], dice) };
    let Some(other) = other else { return };
    chars[at] = other;
    let changed: String = chars.into_iter().collect();
    let taken = villages.iter().any(|v| v.town == village.town && v.name.starts_with(&changed));
    let taken_town = villages.iter().any(|v| v.town.starts_with(&changed));
    if of_town && !taken_town {
        *town = changed;
    } else if !of_town && !taken {
        *name = changed;
    } else {
        return;
    }
    noise.push(match (of_town, by_sound) {
        (true, true) => "sound in the township",
        (true, false) => "shape in the township",
        (false, true) => "sound in the village",
        (false, false) => "shape in the village",
    });
}

fn detail(text: &mut String, villages: &[Village], dice: &mut Dice, noise: &mut Vec<&'static str>) {
    let (group, number) = (1 + dice.below(12), 1 + dice.below(180));
    match dice.below(100) {
        0..=9 => {}
        10..=39 => text.push_str(&format!("{group}组{number}号")),
        40..=54 => text.push_str(&format!("{number}号")),
        55..=66 => text.push_str(dice.one::<&str>(&[
            "东头",
            "西头",
            "南街",
            "北街",
            "大队部旁",
            "十字路口",
            "桥头",
            "路西第三家",
        ])),
        67..=78 => {
            text.push_str(dice.one::<&str>(&[
                "小学对面",
                "卫生室",
                "惠民超市",
                "便民超市",
                "快递代收点",
                "党群服务中心",
                "农资店",
                "加油站旁",
            ]));
        }
        79..=90 => {
            text.push_str(dice.one::<&str>(&["王", "李", "张", "刘", "赵", "杨", "马", "陈"]));
            text.push_str(dice.one::<&str>(&["建国", "秀英", "志强", "小红", "大山", "老三"]));
            text.push('家');
        }
        91..=93 => {
            let other = dice.one(villages);
            text.push_str(&split(&other.name, &["社区", "村"]).0);
            text.push_str(&format!("{number}号"));
            noise.push("a hamlet named as a village");
        }
        _ => text.push_str(&format!("第{group}村民组")),
    }
}

fn dress(text: &mut String, confusion: &Confusion, dice: &mut Dice, noise: &mut Vec<&'static str>) {
    if dice.chance(40) {
        *text = confusion.traditional(text);
        noise.push("traditional");
    }
    if dice.chance(150) {
        let wide =
            |c: char| if c.is_ascii_digit() { char::from_u32(c as u32 + 0xfee0).unwrap_or(c) } else { c };
        *text = text.chars().map(wide).collect();
    }
    if dice.chance(100) {
        let at = dice.below(text.chars().count());
        let mut chars: Vec<char> = text.chars().collect();
        chars.insert(at, if dice.chance(700) { ' ' } else { '\u{3000}' });
        *text = chars.into_iter().collect();
        noise.push("white space");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;
    use xiangyun_model::problem::Problems;
    use xiangyun_planning::address::{Agreed, Corrections, Places, Query, Resolver};

    /// The counts that must hold; speed is `bench-address`'s.
    #[test]
    fn five_thousand_noisy_addresses_go_to_their_place() {
        let dir = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../data/baofeng"));
        let county = xiangyun_planning::county::load_dir(dir).expect("the committed county");
        let bytes = std::fs::read(dir.join("places.csv")).expect("committed");
        let places = Places::read("places.csv", &bytes, &county, &mut Problems::new());
        let resolver = Resolver::new(&county, &places, Corrections::default(), Agreed::default());
        let all = generate(&county, 5000, 11);
        let placed = |n: &Noisy| resolver.resolve(&Query { text: &n.text, ..Query::default() }).placed;
        let right = all.iter().filter(|n| placed(n) == Some(n.truth)).count();
        let wrong = all.iter().filter(|n| placed(n).is_some_and(|p| p != n.truth)).count();
        assert!(right >= 4900 && wrong <= 15, "{right} right, {wrong} wrong of 5000");
    }
}
