//! QR codes as one SVG path each, small enough for hundreds on a page.

use qrcode::{Color, EcLevel, QrCode};
use std::fmt::Write;

/// Quiet zone in modules that the QR standard (ISO/IEC 18004) asks for.
const QUIET: usize = 4;

/// An SVG of `text` as a QR code; nothing when the text is too long for one.
pub(super) fn svg(text: &str) -> Option<String> {
    let code = QrCode::with_error_correction_level(text.as_bytes(), EcLevel::M).ok()?;
    let width = code.width();
    let side = width + 2 * QUIET;
    let mut path = String::new();
    for y in 0..width {
        let mut x = 0;
        while x < width {
            let from = x;
            while x < width && code[(x, y)] == Color::Dark {
                x += 1;
            }
            if x > from {
                let _ = write!(path, "M{} {}h{}v1h-{}z", from + QUIET, y + QUIET, x - from, x - from);
            } else {
                x += 1;
            }
        }
    }
    Some(format!(
        "<svg class=\"qr\" viewBox=\"0 0 {side} {side}\" shape-rendering=\"crispEdges\" role=\"img\">\
         <path fill=\"#fff\" d=\"M0 0h{side}v{side}H0z\"/><path d=\"{path}\"/></svg>"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_becomes_one_path_of_runs() {
        let code = svg("https://example.org/d/410421-2026-11-24-1f3a/T07-03").unwrap();
        assert!(code.contains("viewBox=\"0 0 "));
        assert!(code.matches("h").count() > 100);
        assert!(code.len() < 12_000, "{}", code.len());
    }

    #[test]
    fn text_beyond_any_code_gives_none() {
        assert!(svg(&"x".repeat(5_000)).is_none());
    }
}
