//! `xiangyun telematics replay`: captured frames, sent again.

use super::{resolve, runtime};
use crate::locale::Lang;
use crate::report::{Failure, print_json};
use clap::Args;
use serde::Serialize;
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Arguments of `telematics replay`.
#[derive(Args, Debug)]
pub(crate) struct ReplayArgs {
    /// Frames as hex, one a line, or JSON lines with the hex in "hex"
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The gateway
    #[arg(long, value_name = "HOST:PORT")]
    to: String,
    /// Pause between two frames in milliseconds
    #[arg(long, default_value_t = 0, value_name = "MS")]
    every: u64,
    /// Print one JSON document on stdout and nothing else there
    #[arg(long)]
    json: bool,
}

#[derive(Default, Serialize)]
struct Replayed {
    lines: u64,
    not_hex: u64,
    frames: u64,
    bytes: u64,
    replies: u64,
    links: u64,
}

/// Sends the file over one link, opening another when the gateway closes it.
pub(crate) fn run(args: &ReplayArgs, lang: Lang) -> Result<ExitCode, Failure> {
    let to = resolve(&args.to)?;
    let file =
        File::open(&args.file).map_err(|err| Failure::input(format!("{}: {err}", args.file.display())))?;
    let mut done = Replayed::default();
    runtime()?
        .block_on(async {
            let mut link = None;
            for line in BufReader::new(file).lines() {
                let line = line?;
                done.lines += 1;
                let Some(frame) = frame_of(&line) else {
                    done.not_hex += 1;
                    continue;
                };
                if link.is_none() {
                    link = Some(TcpStream::connect(to).await?);
                    done.links += 1;
                }
                let Some(stream) = link.as_mut() else { continue };
                done.frames += 1;
                done.bytes += frame.len() as u64;
                let wait = Duration::from_millis(args.every.max(1));
                if stream.write_all(&frame).await.is_err() || !listen(stream, wait, &mut done.replies).await {
                    link = None;
                }
            }
            if let Some(stream) = link.as_mut() {
                listen(stream, Duration::from_secs(2), &mut done.replies).await;
            }
            std::io::Result::Ok(())
        })
        .map_err(|err| Failure::could_not(&err))?;
    if args.json {
        print_json(&done);
    } else {
        let Replayed { lines, not_hex, frames, replies, links, .. } = done;
        println!(
            "{}",
            lang.pick(
                format!("{lines} 行，{not_hex} 行不是十六进制；发送 {frames} 帧，收到应答 {replies} 个，连接 {links} 次"),
                format!("{lines} lines, {not_hex} not hex; {frames} frames sent, {replies} replies, {links} links"),
            )
        );
    }
    Ok(ExitCode::SUCCESS)
}

/// Reads what comes until nothing has come for a while; whether the link is still open.
async fn listen(stream: &mut TcpStream, wait: Duration, replies: &mut u64) -> bool {
    let mut bytes = [0; 4096];
    loop {
        match tokio::time::timeout(wait, stream.read(&mut bytes)).await {
            Err(_) => return true,
            Ok(Ok(count)) if count > 0 => {
                *replies += bytes[..count].iter().filter(|b| **b == 0x7E).count() as u64 / 2;
            }
            Ok(_) => return false,
        }
    }
}

fn frame_of(line: &str) -> Option<Vec<u8>> {
    let line = line.trim();
    let parsed;
    let hex = if line.starts_with('{') {
        parsed = serde_json::from_str::<serde_json::Value>(line).ok()?;
        parsed.get("hex")?.as_str()?
    } else {
        line
    };
    let digits: Vec<u8> = hex.bytes().filter(|b| !b.is_ascii_whitespace()).collect();
    if digits.is_empty() || digits.len() % 2 == 1 {
        return None;
    }
    let nibble = |b: u8| char::from(b).to_digit(16).map(|d| d as u8);
    digits.chunks(2).map(|pair| Some(nibble(pair[0])? << 4 | nibble(pair[1])?)).collect()
}
