//! Which characters people, input methods and scanners put in place of others.

use super::Dice;
use std::collections::HashMap;

/// Groups of like shape, written by hand from what is misread on waybills.
const SHAPES: [&str; 104] = [
    "未末",
    "土士",
    "己已",
    "大太犬",
    "王玉主",
    "牛午",
    "李季",
    "杨扬",
    "庄压",
    "张涨",
    "陈阵",
    "店居",
    "岗冈",
    "洼佳",
    "寨塞",
    "楼搂",
    "沟构",
    "营莹",
    "坡披",
    "石右",
    "桥娇",
    "田由",
    "白自",
    "马鸟",
    "高亮",
    "郭廓",
    "孙孔",
    "何河",
    "边过",
    "袁衰",
    "翟瞿",
    "闫闭",
    "贾贸",
    "范苑",
    "曹漕",
    "姚姚",
    "韩朝",
    "徐除",
    "崔催",
    "宋宗",
    "胡湖",
    "朱朵",
    "吴昊",
    "周同",
    "程呈",
    "于干",
    "丁了",
    "史吏",
    "冯马",
    "龙尤",
    "双又",
    "五丑",
    "七匕",
    "里理",
    "头买",
    "官宫",
    "庙届",
    "关天",
    "泉帛",
    "水永",
    "北比",
    "南商",
    "东车",
    "西酉",
    "上土",
    "下卞",
    "湾弯",
    "岭岑",
    "坑抗",
    "场扬",
    "堂常",
    "古占",
    "城诚",
    "兴光",
    "小水",
    "任住",
    "柳抑",
    "祁祈",
    "裴斐",
    "梁粱",
    "鲁曾",
    "枣束",
    "贺货",
    "肖屑",
    "旗旅",
    "前煎",
    "闹闸",
    "商摘",
    "务条",
    "镇填",
    "郝赫",
    "皂皇",
    "角甬",
    "树村",
    "黄董",
    "户尸",
    "军车",
    "司同",
    "沈沉",
    "赵赴",
    "苏办",
    "余佘",
    "耿联",
    "彭膨",
];

/// Confusions by sound and shape, letters and traditional forms.
pub(super) struct Confusion {
    sounds: HashMap<char, Vec<char>>,
    shapes: HashMap<char, Vec<char>>,
    letters: HashMap<char, &'static str>,
    traditional: HashMap<char, char>,
}

impl Confusion {
    pub(super) fn new() -> Self {
        let mut sounds: HashMap<char, Vec<char>> = HashMap::new();
        let mut letters = HashMap::new();
        for line in include_str!("../../data/homophones.txt").lines() {
            let Some((reading, chars)) = line.split_once(' ') else { continue };
            let chars: Vec<char> = chars.chars().collect();
            for &c in &chars {
                letters.insert(c, reading);
                sounds.insert(c, chars.iter().copied().filter(|&o| o != c).collect());
            }
        }
        let mut shapes: HashMap<char, Vec<char>> = HashMap::new();
        for group in SHAPES {
            let chars: Vec<char> = group.chars().collect();
            for &c in &chars {
                shapes.entry(c).or_default().extend(chars.iter().copied().filter(|&o| o != c));
            }
        }
        let pairs = include_str!("../../data/traditional.txt").lines().filter_map(|line| {
            let mut chars = line.chars();
            chars.next().zip(chars.next())
        });
        Self { sounds, shapes, letters, traditional: pairs.collect() }
    }

    pub(super) fn sound(&self, c: char, dice: &mut Dice) -> Option<char> {
        self.sounds.get(&c).filter(|l| !l.is_empty()).map(|list| *dice.one(list))
    }

    pub(super) fn shape(&self, c: char, dice: &mut Dice) -> Option<char> {
        self.shapes.get(&c).filter(|l| !l.is_empty()).map(|list| *dice.one(list))
    }

    /// A name in letters, its first one a capital; a character without a known reading stays.
    pub(super) fn letters(&self, name: &str) -> String {
        let mut out = String::new();
        for c in name.chars() {
            match self.letters.get(&c) {
                Some(reading) => out.push_str(reading),
                None => out.push(c),
            }
        }
        let mut chars = out.chars();
        chars.next().map_or(String::new(), |first| first.to_uppercase().chain(chars).collect())
    }

    pub(super) fn traditional(&self, text: &str) -> String {
        text.chars().map(|c| self.traditional.get(&c).copied().unwrap_or(c)).collect()
    }
}
