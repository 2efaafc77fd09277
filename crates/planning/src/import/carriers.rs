//! Which carrier a file means: by id, Chinese or English name, or a part of it that only one has.

use super::cell;
use std::collections::BTreeSet;
use xiangyun_model::county::County;
use xiangyun_model::id::CarrierId;

/// Carriers by what people call them.
pub(super) struct Carriers(Vec<(String, CarrierId)>);

impl Carriers {
    pub(super) fn new(county: &County) -> Self {
        let mut names = Vec::new();
        for (i, carrier) in county.carriers.iter().enumerate() {
            let id = CarrierId::at(i);
            for name in [carrier.id.as_str(), &carrier.name_zh, &carrier.name_en] {
                names.push((plain_carrier(name), id));
            }
        }
        Self(names)
    }

    pub(super) fn find(&self, text: &str) -> Option<CarrierId> {
        let name = plain_carrier(text);
        if name.is_empty() {
            return None;
        }
        let exact: BTreeSet<CarrierId> =
            self.0.iter().filter(|(n, _)| *n == name).map(|(_, id)| *id).collect();
        if let (1, Some(&id)) = (exact.len(), exact.first()) {
            return Some(id);
        }
        let part: BTreeSet<CarrierId> = self
            .0
            .iter()
            .filter(|(n, _)| {
                n.chars().count() > 1
                    && name.chars().count() > 1
                    && (n.contains(&name) || name.contains(n.as_str()))
            })
            .map(|(_, id)| *id)
            .collect();
        part.first().copied().filter(|_| part.len() == 1)
    }
}

/// A carrier's name without what all carriers have in theirs.
fn plain_carrier(name: &str) -> String {
    let mut name = cell::halfwidth(name).to_lowercase().replace(' ', "");
    for word in ["有限公司", "快递", "速递", "快运", "物流", "express", "中国"] {
        name = name.replace(word, "");
    }
    name
}
