//! `xiangyun telematics`: the vehicles' voice, from frames to tracks.

mod codec;
mod gateway;
mod load;
mod replay;
mod track;

use crate::locale::Lang;
use crate::report::Failure;
use clap::{Args, Subcommand};
use std::process::ExitCode;

/// Arguments of `telematics`.
#[derive(Args, Debug)]
pub(crate) struct TelematicsArgs {
    #[command(subcommand)]
    command: TelematicsCommand,
}

#[derive(Debug, Subcommand)]
enum TelematicsCommand {
    /// Decode lines of standard input: JT frames and MessagePack in hex, app reports in JSON; one JSON line each
    Decode(codec::CodecArgs),
    /// Turn lines that decode wrote, or messages alone, back into frames and reports
    Encode(codec::CodecArgs),
    /// Take in vehicle feeds: durable before acknowledged, until SIGTERM
    Gateway(gateway::GatewayArgs),
    /// What a vehicle did: track, stops, trips, visits, from segments and files
    Track(track::TrackArgs),
    /// Send captured frames to a gateway and count the replies
    Replay(replay::ReplayArgs),
    /// Drive a fleet of terminals against a gateway, or flood it and measure
    Load(load::LoadArgs),
}

/// Runs the chosen command.
pub(crate) fn run(args: &TelematicsArgs, lang: Lang) -> Result<ExitCode, Failure> {
    match &args.command {
        TelematicsCommand::Decode(args) => codec::decode(args, lang),
        TelematicsCommand::Encode(args) => codec::encode(args, lang),
        TelematicsCommand::Gateway(args) => gateway::run(args, lang),
        TelematicsCommand::Track(args) => track::run(args, lang),
        TelematicsCommand::Replay(args) => replay::run(args, lang),
        TelematicsCommand::Load(args) => load::run(args, lang),
    }
}

/// A runtime for the commands that speak on sockets.
fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(|err| Failure::could_not(&err))
}

/// As many open files as the system allows this process.
pub(crate) fn raise_descriptors() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    // Where it is not allowed, the limit stays what it was and links beyond it are refused by the system.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
}

/// The address of HOST:PORT.
fn resolve(text: &str) -> Result<std::net::SocketAddr, Failure> {
    use std::net::ToSocketAddrs as _;
    let found = text.to_socket_addrs().map_err(|err| Failure::input(format!("{text}: {err}")))?.next();
    found.ok_or_else(|| Failure::input(format!("{text}: no address")))
}
