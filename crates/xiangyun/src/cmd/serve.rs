//! `xiangyun serve`: the daemon; `verify`, `backup`, `restore`, `export`: its store from outside.

use crate::locale::Lang;
use crate::report::{EXIT_COULD_NOT, Failure, print_json};
use clap::Args;
use serde::Serialize;
use std::path::PathBuf;
use std::process::ExitCode;
use tokio::signal::unix::{SignalKind, signal};
use xiangyun_planning::county;
use xiangyun_server::config::Config;
use xiangyun_server::daemon::{Daemon, DaemonError, open_store};
use xiangyun_store::backend::Store;
use xiangyun_store::{backup, log, verify};

/// Exit code when the store or the position log failed: the supervisor starts the daemon again, and opening recovers.
const EXIT_STORE_FAILED: u8 = 74;

/// Arguments of `serve`.
#[derive(Args, Debug)]
pub(crate) struct ServeArgs {
    /// Configuration (TOML)
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

/// Arguments of commands that look at the store.
#[derive(Args, Debug)]
pub(crate) struct StoreArgs {
    /// Configuration (TOML)
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Print one JSON document on stdout and nothing else there
    #[arg(long)]
    json: bool,
}

/// Arguments of commands with a file or folder beside the configuration.
#[derive(Args, Debug)]
pub(crate) struct FileArgs {
    /// File or folder
    path: PathBuf,
    /// Configuration (TOML)
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Print one JSON document on stdout and nothing else there
    #[arg(long)]
    json: bool,
}

fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(|err| Failure::could_not(&err))
}

fn read_config(path: &std::path::Path) -> Result<Config, Failure> {
    Config::read(path).map_err(|err| Failure::input(err.to_string()))
}

fn start_failure(err: DaemonError) -> Failure {
    match err {
        DaemonError::County(problems) => Failure::Problems { problems, json: false },
        DaemonError::GatewayForm(_) => Failure::input(err.to_string()),
        other => Failure::could_not(&other),
    }
}

/// Runs until SIGTERM or SIGINT, then ends in order with 0.
pub(crate) fn run(args: &ServeArgs, lang: Lang) -> Result<ExitCode, Failure> {
    let config = read_config(&args.config)?;
    crate::cmd::telematics::raise_descriptors();
    runtime()?.block_on(serve(config, lang))
}

async fn serve(config: Config, lang: Lang) -> Result<ExitCode, Failure> {
    // Before anybody is told that it serves: who ends it then finds it listening.
    let mut terminate = signal(SignalKind::terminate()).map_err(|err| Failure::could_not(&err))?;
    let mut daemon = Daemon::start(config).await.map_err(start_failure)?;
    println!("{} {}", lang.pick("正在服务", "serving"), daemon.url());
    for (name, address) in daemon.feeds() {
        println!("{} {name} {address}", lang.pick("正在监听", "listening"));
    }
    if let Some(token) = daemon.first_run() {
        println!(
            "{}: {token}",
            lang.pick(
                "尚无管理员，用此一次性令牌（Bearer）向 /api/v1/users 创建",
                "no administrator yet; create one at /api/v1/users with this token as Bearer"
            )
        );
    }
    tokio::select! {
        _ = terminate.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
        why = daemon.failed() => {
            eprintln!("xiangyun: {why}");
            return Ok(ExitCode::from(EXIT_STORE_FAILED));
        }
    }
    tokio::spawn(async move {
        // A second signal ends at once: nothing unacknowledged is promised to anybody.
        tokio::select! {
            _ = terminate.recv() => {}
            _ = tokio::signal::ctrl_c() => {}
        }
        std::process::exit(1);
    });
    match daemon.end().await {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(err) => {
            eprintln!("xiangyun: {err}");
            Ok(ExitCode::from(EXIT_STORE_FAILED))
        }
    }
}

async fn opened(path: &std::path::Path) -> Result<(Config, Store, String), Failure> {
    let config = read_config(path)?;
    let county = county::load_dir(&config.county)
        .map_err(|problems| Failure::Problems { problems, json: false })?
        .code;
    let store = open_store(&config).await.map_err(start_failure)?;
    Ok((config, store, county))
}

#[derive(Serialize)]
struct Verified {
    ok: bool,
    county: String,
    events: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    head: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fault: Option<String>,
}

/// Checks the hash chain of the log from its first event.
pub(crate) fn verify(args: &StoreArgs, lang: Lang) -> Result<ExitCode, Failure> {
    runtime()?.block_on(async {
        let (_, store, county) = opened(&args.config).await?;
        let outcome = match verify::county(&store, &county).await {
            Ok(found) => {
                let head = found.head.hash.iter().map(|b| format!("{b:02x}")).collect();
                Verified { ok: true, county, events: found.events, head: Some(head), fault: None }
            }
            Err(err) => {
                let events = log::head(&store, &county).await.map_or(0, |h| h.seq);
                Verified { ok: false, county, events, head: None, fault: Some(err.to_string()) }
            }
        };
        let ok = outcome.ok;
        if args.json {
            print_json(&outcome);
        } else if let Some(fault) = &outcome.fault {
            eprintln!("{fault}");
        } else {
            println!(
                "{} {} {} {}",
                outcome.county,
                outcome.events,
                lang.pick("条事件，链完整，链头", "events, the chain holds, head"),
                outcome.head.as_deref().unwrap_or("")
            );
        }
        Ok(if ok { ExitCode::SUCCESS } else { ExitCode::from(EXIT_COULD_NOT) })
    })
}

#[derive(Serialize)]
struct Counted {
    events: i64,
    persons: i64,
    keys: i64,
    outbox: i64,
}

fn report_moved(moved: &backup::Moved, args: &FileArgs, lang: Lang) {
    let counted =
        Counted { events: moved.events, persons: moved.persons, keys: moved.keys, outbox: moved.outbox };
    if args.json {
        print_json(&counted);
    } else {
        println!(
            "{} {}: {} {}, {} {}",
            args.path.display(),
            lang.pick("完成", "done"),
            moved.events,
            lang.pick("条事件", "events"),
            moved.persons,
            lang.pick("条个人记录", "personal records")
        );
    }
}

/// Writes a backup while the daemon may run.
pub(crate) fn backup(args: &FileArgs, lang: Lang) -> Result<ExitCode, Failure> {
    runtime()?.block_on(async {
        let (_, store, _) = opened(&args.config).await?;
        let moved = backup::write(&store, &args.path).await.map_err(|err| Failure::could_not(&err))?;
        report_moved(&moved, args, lang);
        Ok(ExitCode::SUCCESS)
    })
}

/// Fills an empty store from a backup and makes the read models anew.
pub(crate) fn restore(args: &FileArgs, lang: Lang) -> Result<ExitCode, Failure> {
    runtime()?.block_on(async {
        let (config, store, county) = opened(&args.config).await?;
        let moved = backup::restore(&store, &args.path).await.map_err(|err| Failure::could_not(&err))?;
        xiangyun_server::daemon::rebuild(&config, &store, &county)
            .await
            .map_err(|err| Failure::could_not(&err))?;
        report_moved(&moved, args, lang);
        Ok(ExitCode::SUCCESS)
    })
}

#[derive(Serialize)]
struct Exported {
    events: i64,
}

/// Writes the log and every read model as files that any tool reads.
pub(crate) fn export(args: &FileArgs, lang: Lang) -> Result<ExitCode, Failure> {
    runtime()?.block_on(async {
        let (_, store, county) = opened(&args.config).await?;
        let events = xiangyun_server::export::write(&store, &county, &args.path)
            .await
            .map_err(|err| Failure::could_not(&err))?;
        if args.json {
            print_json(&Exported { events });
        } else {
            println!("{}: {events} {}", args.path.display(), lang.pick("条事件", "events"));
        }
        Ok(ExitCode::SUCCESS)
    })
}
