//! Room at stations: what waits there between two legs, and what ends there, never exceeds the store.

use super::Faults;
use super::facts::Facts;
use std::collections::BTreeMap;
use xiangyun_model::site::SiteKind;
use xiangyun_model::units::Amount;

/// Later than any moment of a plan.
const FOREVER_S: i64 = i64::MAX;

pub(super) fn check(facts: &Facts<'_>, faults: &mut Faults) {
    // Changes by station and moment; what leaves at a moment goes before what comes.
    let mut changes: BTreeMap<&str, Vec<(i64, i64, Amount, bool)>> = BTreeMap::new();
    for load in &facts.plan.loads {
        let cold = facts.county.bands.iter().any(|b| b.id.as_str() == load.band && b.cold);
        for (i, leg) in load.legs.iter().enumerate() {
            let Some(to) = facts.visit(&leg.to) else { continue };
            if facts.site(&to.site).is_none_or(|s| s.kind != SiteKind::Station) {
                continue;
            }
            let until =
                load.legs.get(i + 1).and_then(|next| facts.visit(&next.from)).map_or(FOREVER_S, |v| v.start);
            let here = changes.entry(&to.site).or_default();
            here.push((to.finish, 1, load.amount, cold));
            here.push((until, -1, load.amount, cold));
        }
    }
    for (id, mut list) in changes {
        let Some(site) = facts.site(id) else { continue };
        list.sort_by_key(|&(at, sign, ..)| (at, sign));
        let (mut pieces, mut ordinary_cm3, mut cold_cm3) = (0, 0, 0);
        let mut worst = (0, 0, 0);
        for (_, sign, amount, cold) in list {
            pieces += sign * amount.pieces;
            *if cold && site.store_cold_cm3 > 0 { &mut cold_cm3 } else { &mut ordinary_cm3 } +=
                sign * amount.cm3;
            worst = (pieces.max(worst.0), ordinary_cm3.max(worst.1), cold_cm3.max(worst.2));
        }
        for (what, found, most) in [
            ("pieces", worst.0, site.store_pieces),
            ("cm3", worst.1, site.store_cm3),
            ("cold cm3", worst.2, site.store_cold_cm3),
        ] {
            if found > most {
                faults.add("P251", format!("site {id}"), format!("{found} {what} kept at once"), most);
            }
        }
    }
}
