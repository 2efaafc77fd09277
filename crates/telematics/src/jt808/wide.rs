//! Taking escapes out of 64 bytes at a time where the processor can press the wanted bytes of a register together (AVX-512
//! VBMI2). Chosen at run time; every other processor, and every segment with a faulty escape, goes the way of words.

#![allow(unsafe_code)]

/// As `frame::unescape`: the number of pairs and the number of bytes written to the front of `out`. None where this
/// processor cannot, and where an escape is not followed by what may follow it: the way of words knows what to say.
#[inline]
pub(super) fn unescape(wire: &[u8], out: &mut Vec<u8>) -> Option<(usize, usize)> {
    #[cfg(target_arch = "x86_64")]
    if std::is_x86_feature_detected!("avx512vbmi2") && std::is_x86_feature_detected!("avx512bw") {
        // SAFETY: the processor has just said that it has these instructions. bench-telematics, row "escaped": twice the
        // frames a second of the way of words.
        return unsafe { pressed(wire, out) };
    }
    let _ = (wire, out);
    None
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi2")]
fn pressed(wire: &[u8], out: &mut Vec<u8>) -> Option<(usize, usize)> {
    use super::frame::ESCAPE;
    use std::arch::x86_64::{
        _mm512_cmpeq_epi8_mask, _mm512_mask_add_epi8, _mm512_mask_cmpeq_epi8_mask,
        _mm512_maskz_compress_epi8, _mm512_maskz_loadu_epi8, _mm512_set1_epi8, _mm512_storeu_epi8,
    };

    if out.len() < wire.len() + 64 {
        out.resize(wire.len() + 64, 0);
    }
    let (escape, one, two, to_plain) = (
        _mm512_set1_epi8(ESCAPE as i8),
        _mm512_set1_epi8(1),
        _mm512_set1_epi8(2),
        _mm512_set1_epi8(ESCAPE as i8 - 1),
    );
    let first = |count: usize| if count < 64 { (1_u64 << count) - 1 } else { u64::MAX };
    let (mut written, mut pairs, mut follows) = (0, 0, 0);
    for at in (0..wire.len()).step_by(64) {
        let left = wire.len() - at;
        let live = first(left);
        // SAFETY: the masks leave out what lies behind the end of `wire`, and such bytes are not touched.
        let (bytes, next) = unsafe {
            let from = wire.as_ptr().add(at).cast::<i8>();
            (_mm512_maskz_loadu_epi8(live, from), _mm512_maskz_loadu_epi8(first(left - 1), from.add(1)))
        };
        let escapes = _mm512_mask_cmpeq_epi8_mask(live, bytes, escape);
        if escapes & !(_mm512_cmpeq_epi8_mask(next, one) | _mm512_cmpeq_epi8_mask(next, two)) != 0 {
            return None;
        }
        // The escape byte itself becomes what the pair stands for: 0x7C + 1 or 2. Its follower goes.
        let plain = _mm512_mask_add_epi8(bytes, escapes, next, to_plain);
        let kept = live & !(escapes << 1 | follows);
        follows = escapes >> 63;
        // SAFETY: at most `at` bytes were written so far, and `out` is 64 bytes longer than `wire`.
        unsafe {
            _mm512_storeu_epi8(out.as_mut_ptr().add(written).cast(), _mm512_maskz_compress_epi8(kept, plain));
        }
        written += kept.count_ones() as usize;
        pairs += escapes.count_ones() as usize;
    }
    Some((pairs, written))
}
