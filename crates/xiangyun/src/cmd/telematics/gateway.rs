//! `xiangyun telematics gateway`: the gateway alone, without the daemon.

use super::{raise_descriptors, runtime};
use crate::locale::Lang;
use crate::report::Failure;
use clap::Args;
use std::path::PathBuf;
use std::process::ExitCode;
use tokio::signal::unix::{SignalKind, signal};
use xiangyun_telematics::gateway::{Clocks, Config, FactFile, Gateway, GatewayError};
use xiangyun_telematics::segments::{Folder, PositionLog};

/// Exit code when the position log failed: the supervisor starts the gateway again, and opening recovers.
const EXIT_LOG_FAILED: u8 = 74;

/// Arguments of `telematics gateway`.
#[derive(Args, Debug)]
pub(crate) struct GatewayArgs {
    /// Configuration (TOML)
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

/// Runs until SIGTERM or SIGINT, then answers what was taken and ends with 0.
pub(crate) fn run(args: &GatewayArgs, lang: Lang) -> Result<ExitCode, Failure> {
    let config = Config::read(&args.config).map_err(|err| Failure::input(err.to_string()))?;
    raise_descriptors();
    runtime()?.block_on(serve(&config, lang))
}

async fn serve(config: &Config, lang: Lang) -> Result<ExitCode, Failure> {
    let clocks = Clocks::system();
    let facts = FactFile::open(&config.dir).map_err(|err| Failure::could_not(&err))?;
    let folder = Folder::open(&config.dir).map_err(|err| Failure::could_not(&err))?;
    let log = PositionLog::open(folder, config.segments(clocks.wall.clone()), facts)
        .map_err(|err| Failure::could_not(&err))?;
    let mut gateway = match Gateway::start(config, log, clocks).await {
        Ok(gateway) => gateway,
        Err(GatewayError::Config(err)) => return Err(Failure::input(err.to_string())),
        Err(err) => return Err(Failure::could_not(&err)),
    };
    for (name, address) in gateway.addresses() {
        println!("{} {name} {address}", lang.pick("正在监听", "listening"));
    }
    if let Some(mut notices) = gateway.notices() {
        tokio::spawn(async move {
            while let Some(notice) = notices.recv().await {
                tracing::info!(?notice, "terminal");
            }
        });
    }
    let mut terminate = signal(SignalKind::terminate()).map_err(|err| Failure::could_not(&err))?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
        () = gateway.failed() => {
            eprintln!("xiangyun: {}", GatewayError::LogFailed);
            return Ok(ExitCode::from(EXIT_LOG_FAILED));
        }
    }
    let again = tokio::spawn(async move {
        // A second signal ends at once: nothing unacknowledged is promised to anybody.
        tokio::select! {
            _ = terminate.recv() => {}
            _ = tokio::signal::ctrl_c() => {}
        }
        std::process::exit(1);
    });
    let counts = gateway.drain().await;
    again.abort();
    match serde_json::to_string(&counts) {
        Ok(text) => println!("{text}"),
        Err(err) => return Err(Failure::could_not(&err)),
    }
    Ok(ExitCode::SUCCESS)
}
