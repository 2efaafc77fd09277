//! `xiangyun`, the one binary: the command line over every room of the house.
//!
//! Exit codes: 0 done, 1 could not (or a check found faults), 2 wrong usage or input. With `--json` exactly one
//! JSON document goes to stdout; problems of input go to stderr, one a line, or into that document.

mod cli;
mod cmd;
mod locale;
mod report;

use clap::FromArgMatches;
use std::process::ExitCode;

/// Many threads take and give back small pieces all day: under load the C library's allocator took a tenth of the
/// daemon's time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    end_with_the_reader();
    init_logging();
    let args: Vec<std::ffi::OsString> = std::env::args_os().collect();
    let lang = locale::Lang::choose(&args, |name| std::env::var(name).ok());
    let command = locale::localise(cli::command(), lang);
    let matches = match command.try_get_matches_from(&args) {
        Ok(matches) => matches,
        // clap prints help and version on stdout with code 0, faults of usage on stderr with code 2.
        Err(err) => err.exit(),
    };
    let parsed = match cli::Cli::from_arg_matches(&matches) {
        Ok(parsed) => parsed,
        Err(err) => err.exit(),
    };
    match cmd::run(parsed.command, lang) {
        Ok(code) => code,
        Err(failure) => failure.print(),
    }
}

/// Ends quietly when whoever reads the output has read enough (`| head`): the standard library panics then.
fn end_with_the_reader() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        let text = info.payload_as_str().unwrap_or_default();
        if text.starts_with("failed printing to stdout") && text.contains("Broken pipe") {
            std::process::exit(0);
        }
        usual(info);
    }));
}

/// Logs go to stderr; `XIANGYUN_LOG` (or `RUST_LOG`) chooses the level, `warn` without it.
fn init_logging() {
    let filter = tracing_subscriber::EnvFilter::try_from_env("XIANGYUN_LOG")
        .or_else(|_| tracing_subscriber::EnvFilter::try_from_default_env())
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false).init();
}
