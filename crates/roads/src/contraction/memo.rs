//! What shortcuts stand for, remembered.
//!
//! Which two arcs a shortcut replaces is found by looking through the lower triangles of its ends, which costs several
//! cache misses. The answer is a function of the weights alone (the highest middle state that gives the weight), so it
//! is kept beside them, one word an arc, filled by the first path that needs it, and forgotten when a change touches
//! the arc or one of its triangles. Forgetting sets one bit beside the words: a change forgets hundreds of arcs, and
//! the bits of a county stay in the cache where its words would not.

use std::sync::atomic::{AtomicU64, Ordering};

/// What an arc stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// A turn onto this state.
    Turn(u32),
    /// The downward arc to the middle state and the upward arc from it, each by its number in its half.
    Shortcut { falls: u32, rises: u32 },
}

/// Parts by arc: the upward ones, then the downward ones.
#[derive(Debug, Default)]
pub(crate) struct Memo {
    /// 0 where nothing is known; so a memo of a large map costs nothing until it is written.
    words: Vec<AtomicU64>,
    /// One bit an arc whose word is no longer true.
    stale: Vec<AtomicU64>,
}

const TURN: u64 = 1 << 63;

impl Memo {
    pub(crate) fn new(arcs: usize) -> Self {
        Self { words: bytemuck::zeroed_vec(arcs), stale: bytemuck::zeroed_vec(arcs.div_ceil(64)) }
    }

    #[inline]
    pub(crate) fn get(&self, arc: usize) -> Option<Part> {
        // Before the word: whoever clears the bit has written the word.
        if self.stale[arc / 64].load(Ordering::Acquire) & bit(arc) != 0 {
            return None;
        }
        let word = self.words[arc].load(Ordering::Relaxed);
        #[allow(clippy::cast_possible_truncation)] // the halves of the word
        match word {
            0 => None,
            _ if word & TURN != 0 => Some(Part::Turn(word as u32)),
            _ => Some(Part::Shortcut { falls: (word >> 32) as u32 - 1, rises: word as u32 }),
        }
    }

    pub(crate) fn put(&self, arc: usize, part: Part) {
        let word = match part {
            Part::Turn(to) => TURN | u64::from(to),
            // Arcs are fewer than 2³¹, so the top bit stays free.
            Part::Shortcut { falls, rises } => (u64::from(falls) + 1) << 32 | u64::from(rises),
        };
        self.words[arc].store(word, Ordering::Relaxed);
        if self.stale[arc / 64].load(Ordering::Relaxed) & bit(arc) != 0 {
            self.stale[arc / 64].fetch_and(!bit(arc), Ordering::Release);
        }
    }

    /// For the one writer, while nobody reads.
    pub(crate) fn forget(&mut self, arc: usize) {
        *self.stale[arc / 64].get_mut() |= bit(arc);
    }
}

fn bit(arc: usize) -> u64 {
    1 << (arc % 64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_come_back_as_they_were_put() {
        let mut memo = Memo::new(3);
        assert_eq!(memo.get(0), None);
        for part in [
            Part::Turn(0),
            Part::Turn(u32::MAX >> 1),
            Part::Shortcut { falls: 0, rises: 0 },
            Part::Shortcut { falls: (1 << 31) - 2, rises: (1 << 31) - 2 },
        ] {
            memo.put(1, part);
            assert_eq!(memo.get(1), Some(part));
        }
        memo.forget(1);
        assert_eq!(memo.get(1), None);
        memo.put(1, Part::Turn(7));
        assert_eq!(memo.get(1), Some(Part::Turn(7)));
    }
}
