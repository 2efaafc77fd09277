//! `roads info`.

use super::{failure, open};
use crate::locale::Lang;
use crate::report::{Failure, print_json};
use clap::Args;
use serde::Serialize;
use std::path::PathBuf;
use std::process::ExitCode;
use xiangyun_roads::NetworkInfo;

/// Arguments of `roads info`.
#[derive(Args, Debug)]
pub(crate) struct InfoArgs {
    /// Prepared network
    #[arg(value_name = "ROADS")]
    roads: PathBuf,
    /// Check every section against its checksum
    #[arg(long)]
    verify: bool,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Document<'a> {
    #[serde(flatten)]
    info: &'a NetworkInfo,
    verified: bool,
}

pub(super) fn run(args: &InfoArgs, lang: Lang) -> Result<ExitCode, Failure> {
    let net = open(&args.roads)?;
    if args.verify {
        net.verify().map_err(|e| failure(&e))?;
    }
    let info = net.info();
    if args.json {
        print_json(&Document { info: &info, verified: args.verify });
    } else {
        print(&info, lang);
        if args.verify {
            println!("{}", lang.pick("校验和全部相符", "all checksums fit"));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// A few lines for people.
pub(super) fn print(info: &NetworkInfo, lang: Lang) {
    println!(
        "{}",
        lang.pick(
            format!("路段 {}，节点 {}，里程 {} 公里", info.segments, info.vertices, info.km),
            format!("{} road segments, {} vertices, {} km", info.segments, info.vertices, info.km),
        )
    );
    println!(
        "{}",
        lang.pick(
            format!("转向状态 {}，转向 {}，文件 {} 字节", info.states, info.turns, info.file_bytes),
            format!("{} states, {} turns, {} bytes", info.states, info.turns, info.file_bytes),
        )
    );
    println!(
        "{}",
        lang.pick(
            format!("车型 {}；时段 {}", info.profiles.join("、"), info.bands.join("、")),
            format!("profiles {}; time bands {}", info.profiles.join(", "), info.bands.join(", ")),
        )
    );
}
