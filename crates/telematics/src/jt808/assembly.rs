//! Putting split messages together, within bounds: the number of parts is the sender's claim.

use super::header::{Header, Packet};
use crate::limits::{PARTS_AGE_MAX_MS, PARTS_BYTES_MAX, PARTS_MAX, PARTS_OPEN_MAX};

/// A message put together from its parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Whole {
    /// Header of the last part by number, without packet items; terminals acknowledge that sequence number in
    /// practice.
    pub header: Header,
    /// Sequence number of the first part.
    pub first_sequence: u16,
    /// Number of parts.
    pub parts: u16,
    /// The body.
    pub body: Vec<u8>,
}

/// A message of which some parts are there.
#[derive(Clone, Debug)]
struct Open {
    id: u16,
    first_sequence: u16,
    total: u16,
    began_ms: i64,
    last: Header,
    have: u16,
    bytes: usize,
    parts: Vec<Option<Box<[u8]>>>,
}

/// The split messages of one terminal. Parts may come in any order, twice, and between other messages.
#[derive(Clone, Debug, Default)]
pub struct Assembly {
    open: Vec<Open>,
    given_up: u64,
}

impl Assembly {
    /// Nothing open.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Split messages given up for age or bounds.
    #[must_use]
    pub const fn given_up(&self) -> u64 {
        self.given_up
    }

    /// Bytes of parts held.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        self.open.iter().map(|open| open.bytes + open.parts.len() * size_of::<Option<Box<[u8]>>>()).sum()
    }

    /// Adds a part, received at `now_ms`; gives the whole message when it was the last one missing. A header without
    /// packet items, or with impossible ones, gives nothing and changes nothing.
    pub fn add(&mut self, header: &Header, body: &[u8], now_ms: i64) -> Option<Whole> {
        let Packet { total, number } = header.packet?;
        if number == 0 || number > total {
            return None;
        }
        self.expire(now_ms);
        if total > PARTS_MAX || body.len() > PARTS_BYTES_MAX {
            self.given_up += 1;
            return None;
        }
        let first_sequence = header.sequence.wrapping_sub(number - 1);
        let known = self.open.iter().position(|open| {
            (open.id, open.first_sequence, open.total) == (header.id, first_sequence, total)
        });
        let index = known.unwrap_or_else(|| self.begin(header, first_sequence, total, now_ms));
        self.make_room(index, body.len()).and_then(|index| {
            let open = &mut self.open[index];
            let place = &mut open.parts[usize::from(number - 1)];
            if place.is_none() {
                *place = Some(body.into());
                open.have += 1;
                open.bytes += body.len();
            }
            if number == total {
                open.last = *header;
            }
            (open.have == total).then(|| self.finish(index))
        })
    }

    /// Parts still missing of each open message, oldest first: id, first sequence number, numbers from 1. For 0x8003.
    pub fn missing(&self) -> impl Iterator<Item = (u16, u16, Vec<u16>)> + '_ {
        self.open.iter().map(|open| {
            let missing = (1..=open.total).filter(|number| open.parts[usize::from(number - 1)].is_none());
            (open.id, open.first_sequence, missing.collect())
        })
    }

    /// Gives up what is too old at `now_ms`.
    pub fn expire(&mut self, now_ms: i64) {
        let before = self.open.len();
        // A clock set back must not keep parts for ever.
        self.open.retain(|open| (0..PARTS_AGE_MAX_MS).contains(&now_ms.saturating_sub(open.began_ms)));
        self.given_up += (before - self.open.len()) as u64;
    }

    fn begin(&mut self, header: &Header, first_sequence: u16, total: u16, now_ms: i64) -> usize {
        if self.open.len() >= PARTS_OPEN_MAX {
            self.open.remove(0);
            self.given_up += 1;
        }
        let mut parts = Vec::new();
        parts.resize_with(usize::from(total), || None);
        self.open.push(Open {
            id: header.id,
            first_sequence,
            total,
            began_ms: now_ms,
            last: *header,
            have: 0,
            bytes: 0,
            parts,
        });
        self.open.len() - 1
    }

    /// Drops the oldest other messages until `more` bytes fit; the message itself when even that does not help.
    fn make_room(&mut self, mut index: usize, more: usize) -> Option<usize> {
        while self.open.iter().map(|open| open.bytes).sum::<usize>() + more > PARTS_BYTES_MAX {
            self.given_up += 1;
            if self.open.len() == 1 {
                self.open.clear();
                return None;
            }
            let oldest = usize::from(index == 0);
            self.open.remove(oldest);
            if oldest < index {
                index -= 1;
            }
        }
        Some(index)
    }

    fn finish(&mut self, index: usize) -> Whole {
        let open = self.open.remove(index);
        let mut body = Vec::with_capacity(open.bytes);
        open.parts.iter().flatten().for_each(|part| body.extend_from_slice(part));
        let mut header = open.last;
        header.packet = None;
        header.attributes.0 &= !(1 << 13);
        header.sequence = open.first_sequence.wrapping_add(open.total - 1);
        Whole { header, first_sequence: open.first_sequence, parts: open.total, body }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jt808::{Edition, Phone, open, segments, write_body};
    use proptest::prelude::*;

    fn parts(body: &[u8], sequence: u16) -> Vec<(Header, Vec<u8>)> {
        let phone = Phone::parse("13912345678", Edition::V2019).unwrap();
        let mut wire = Vec::new();
        write_body(&Header::new(0x0801, phone, sequence), body, &mut wire).unwrap();
        let mut scratch = Vec::new();
        segments(&wire)
            .map(|(_, segment)| {
                let frame = open(segment, &mut scratch).unwrap();
                let (header, body) = Header::read(frame.content).unwrap();
                (header, body.to_vec())
            })
            .collect()
    }

    proptest! {
        #[test]
        fn any_order_with_doubles(
            body in prop::collection::vec(any::<u8>(), 1024..6000),
            sequence in any::<u16>(),
            order in prop::collection::vec(any::<prop::sample::Index>(), 0..20),
        ) {
            let parts = parts(&body, sequence);
            let mut assembly = Assembly::new();
            let mut wholes = Vec::new();
            let mut missing: Vec<usize> = (0..parts.len()).collect();
            for pick in order {
                let pick = pick.index(parts.len());
                if wholes.is_empty() {
                    wholes.extend(assembly.add(&parts[pick].0, &parts[pick].1, 0));
                    missing.retain(|left| *left != pick);
                }
            }
            for left in missing {
                wholes.extend(assembly.add(&parts[left].0, &parts[left].1, 5));
            }
            prop_assert_eq!(wholes.len(), 1);
            prop_assert_eq!(&wholes[0].body, &body);
            prop_assert_eq!(wholes[0].first_sequence, sequence);
            prop_assert_eq!(wholes[0].header.sequence, sequence.wrapping_add(wholes[0].parts - 1));
            prop_assert_eq!(assembly.held_bytes(), 0);
        }
    }

    #[test]
    fn bounds_hold_against_claims() {
        let phone = Phone::parse("1", Edition::V2013).unwrap();
        let mut assembly = Assembly::new();
        for sequence in 0..2000_u16 {
            let packet = Some(Packet { total: PARTS_MAX, number: 1 + sequence % 7 });
            let header = Header { packet, ..Header::new(0x0801, phone, sequence.wrapping_mul(977)) };
            assert!(assembly.add(&header, &[0; 1023], 0).is_none());
            assert!(assembly.held_bytes() <= PARTS_BYTES_MAX + PARTS_OPEN_MAX * usize::from(PARTS_MAX) * 16);
        }
        let packet = Some(Packet { total: 65_535, number: 1 });
        assert!(assembly.add(&Header { packet, ..Header::new(1, phone, 1) }, &[1], 0).is_none());
        let packet = Some(Packet { total: 2, number: 3 });
        assert!(assembly.add(&Header { packet, ..Header::new(1, phone, 1) }, &[1], 0).is_none());
        assembly.expire(PARTS_AGE_MAX_MS);
        assert_eq!(assembly.held_bytes(), 0);
        assert_eq!(assembly.given_up(), 2001);
    }

    #[test]
    fn the_missing_parts_are_named() {
        let parts = parts(&[7; 3000], 10);
        let mut assembly = Assembly::new();
        assembly.add(&parts[1].0, &parts[1].1, 0);
        assert_eq!(assembly.missing().collect::<Vec<_>>(), [(0x0801, 10, vec![1, 3])]);
    }
}
