//! `telematics decode` and `telematics encode`: line in, line out; a bad line costs that line.

use crate::locale::Lang;
use crate::report::Failure;
use clap::Args;
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::process::ExitCode;
use xiangyun_telematics::jt808::Edition;
use xiangyun_telematics::jt809::Cipher;
use xiangyun_telematics::limits::LINE_MAX_BYTES;
use xiangyun_telematics::lines::{Options, Protocol, decode_line, encode_line};

/// Arguments of `decode` and `encode`.
#[derive(Args, Debug)]
pub(crate) struct CodecArgs {
    /// Protocol of the lines (default: told from each line)
    #[arg(long, value_name = "P", value_parser = ["jt808", "jt809", "osmand", "owntracks", "msgpack"])]
    protocol: Option<String>,
    /// Edition of JT/T 808 or 809, where frames do not tell (default: told from each frame)
    #[arg(long, value_name = "YEAR", value_parser = ["2011", "2013", "2019"])]
    edition: Option<String>,
    /// Constants of the JT/T 809 encryption
    #[arg(long, value_name = "M1,IA1,IC1")]
    key: Option<String>,
}

impl CodecArgs {
    fn options(&self) -> Result<Options, Failure> {
        let cipher = self.key.as_deref().map(Cipher::parse).transpose();
        Ok(Options {
            protocol: self.protocol.as_deref().and_then(Protocol::parse),
            edition: self.edition.as_deref().and_then(Edition::parse),
            cipher: cipher.map_err(|fault| Failure::input(format!("--key: {fault}")))?,
        })
    }
}

/// Decodes standard input; exit 0 whatever the lines hold.
pub(crate) fn decode(args: &CodecArgs, _lang: Lang) -> Result<ExitCode, Failure> {
    let options = args.options()?;
    each_line(|line| decode_line(line, &options).to_string()).map_err(|error| Failure::could_not(&error))?;
    Ok(ExitCode::SUCCESS)
}

/// Encodes standard input; a line that cannot be encoded gives the refusal in its place, and exit 1 at the end.
pub(crate) fn encode(args: &CodecArgs, _lang: Lang) -> Result<ExitCode, Failure> {
    let options = args.options()?;
    let mut refused = false;
    let outcome = each_line(|line| {
        encode_line(line, &options).unwrap_or_else(|fault| {
            refused = true;
            serde_json::json!({"ok": false, "error": {"code": fault.code(), "what": fault.to_string(), "at": fault.at()}})
                .to_string()
        })
    });
    outcome.map_err(|error| Failure::could_not(&error))?;
    Ok(if refused { ExitCode::from(crate::report::EXIT_COULD_NOT) } else { ExitCode::SUCCESS })
}

/// Answers every line of standard input with a line. Answers leave before the next read that could wait, so that the
/// tool can be used live. Bytes that are not UTF-8 are replaced; a line past its bound is answered by its beginning,
/// which is refused.
fn each_line(mut answer: impl FnMut(&str) -> String) -> io::Result<()> {
    let mut input = BufReader::with_capacity(1 << 16, io::stdin().lock());
    let mut output = BufWriter::with_capacity(1 << 16, io::stdout().lock());
    let mut line = Vec::new();
    loop {
        line.clear();
        let mut ended = false;
        while !ended {
            if input.buffer().is_empty() {
                match output.flush() {
                    Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
                    flushed => flushed?,
                }
            }
            let piece = input.fill_buf()?;
            if piece.is_empty() {
                break;
            }
            let end = piece.iter().position(|byte| *byte == b'\n');
            let taken = end.map_or(piece.len(), |end| end + 1);
            let room = (LINE_MAX_BYTES + 1).saturating_sub(line.len());
            line.extend_from_slice(&piece[..end.unwrap_or(taken).min(room)]);
            ended = end.is_some();
            input.consume(taken);
        }
        if line.is_empty() && !ended {
            return Ok(());
        }
        let text = String::from_utf8_lossy(&line);
        match writeln!(output, "{}", answer(text.trim_end_matches('\r'))) {
            // A reader that closes the pipe early has all it wants.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
            written => written?,
        }
    }
}
