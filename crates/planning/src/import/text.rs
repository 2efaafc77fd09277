//! Bytes to lines of text. The encoding is settled by vote of the lines, so that one broken line costs one line.

use super::sheet::Sheet;
use std::borrow::Cow;

/// What a file's text is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    /// UTF-8.
    Utf8,
    /// GB 18030, and so GBK and GB 2312.
    Gb18030,
}

/// One line with its number.
#[derive(Clone, Debug)]
pub(super) struct Line<'a> {
    /// Number in the file, from 1.
    pub number: u64,
    /// Its text, without the line end.
    pub text: Cow<'a, str>,
    /// Whether bytes were left that no encoding explains.
    pub broken: bool,
    /// Whether it is written in another encoding than the rest.
    pub other: bool,
}

/// Settles the encoding: that of most lines that are not plain ASCII.
#[must_use]
pub(super) fn vote(bytes: &[u8]) -> Encoding {
    let (mut utf8, mut other) = (0_u64, 0_u64);
    for line in bytes.split(|&b| b == b'\n').filter(|l| !l.is_ascii()) {
        if std::str::from_utf8(line).is_ok() {
            utf8 += 1;
        } else if !encoding_rs::GB18030.decode(line).2 {
            other += 1;
        }
    }
    if other > utf8 { Encoding::Gb18030 } else { Encoding::Utf8 }
}

/// UTF-16 with its mark, as spreadsheets save “Unicode text”, becomes UTF-8; everything else stays.
pub(super) fn unify<'a>(sheet: &mut Sheet, bytes: &'a [u8]) -> Cow<'a, [u8]> {
    let wide = match bytes {
        [0xFF, 0xFE, ..] => encoding_rs::UTF_16LE,
        [0xFE, 0xFF, ..] => encoding_rs::UTF_16BE,
        [0xEF, 0xBB, 0xBF, rest @ ..] => return rest.into(),
        _ => return bytes.into(),
    };
    let (text, _, broken) = wide.decode(bytes);
    if broken {
        let row = 1 + text.chars().take_while(|&c| c != '\u{FFFD}').filter(|&c| c == '\n').count() as u64;
        let fault =
            sheet.fault("P102", row, "", "\u{FFFD}", "bytes that are no UTF-16 text; save the file as UTF-8");
        sheet.problems.push(fault);
    }
    text.into_owned().into_bytes().into()
}

/// The lines of a file.
pub(super) fn lines(bytes: &[u8], encoding: Encoding) -> impl Iterator<Item = Line<'_>> {
    // Old Macintosh files end lines with a carriage return alone.
    let end = if bytes.contains(&b'\n') || !bytes.contains(&b'\r') { b'\n' } else { b'\r' };
    bytes.split(move |&b| b == end).enumerate().map(move |(i, raw)| {
        let raw = raw.strip_suffix(b"\r").unwrap_or(raw);
        let number = i as u64 + 1;
        if let Ok(text) = std::str::from_utf8(raw) {
            let other = encoding == Encoding::Gb18030 && !raw.is_ascii();
            return Line { number, text: text.into(), broken: false, other };
        }
        let (text, _, broken) = encoding_rs::GB18030.decode(raw);
        let other = encoding == Encoding::Utf8;
        if broken && other {
            return Line { number, text: String::from_utf8_lossy(raw), broken: true, other: false };
        }
        Line { number, text, broken, other: other && !broken }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_in_another_encoding_is_read_and_known() {
        let (gbk, _, _) = encoding_rs::GB18030.encode("杨庄村,大营镇");
        let bytes = ["丁楼村,周庄镇\n".as_bytes(), &gbk, b"\nabc,\xFF\xFF\n"].concat();
        assert_eq!(vote(&bytes), Encoding::Utf8);
        let all: Vec<Line<'_>> = lines(&bytes, Encoding::Utf8).collect();
        assert_eq!(all[1].text, "杨庄村,大营镇");
        assert!(all[1].other && !all[1].broken && !all[0].other);
        assert!(all[2].broken);
    }
}
