//! `make bench-solver MODE=quick|accept|full|marks`: the solver on public instances by kind, budget and seed, beside the
//! peers that install from public registries, every answer priced by the independent checker.
//!
//! Needs `XIANGYUN_TESTDATA`. One search is one thread, and its seconds are that thread's processor time; two run at
//! once on two cores. Runs are kept as JSON lines and not repeated (delete `target/bench-solver` to begin anew);
//! peers' answers are kept by version and processor in `benches/peers/cache.jsonl`, which `--only-peers` fills beforehand.

mod judge;
mod listing;
mod marks;
mod peers;
mod plot;
mod report;
mod runs;

use std::path::PathBuf;
use std::process::ExitCode;

/// What the command line says.
pub(crate) struct Options {
    pub(crate) mode: listing::Mode,
    pub(crate) instances: PathBuf,
    pub(crate) out: PathBuf,
    pub(crate) peers: bool,
    /// Runs nothing of ours: fills the peers' cache.
    pub(crate) only_peers: bool,
    pub(crate) workers: usize,
}

fn options() -> Result<Options, String> {
    let mut mode = listing::Mode::Quick;
    let (mut peers, mut only_peers) = (true, false);
    let mut workers = std::thread::available_parallelism().map_or(1, usize::from);
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--mode" => {
                mode = args
                    .next()
                    .as_deref()
                    .and_then(listing::Mode::named)
                    .ok_or("--mode quick|accept|full|marks")?;
            }
            "--no-peers" => peers = false,
            "--only-peers" => only_peers = true,
            "--workers" => workers = args.next().and_then(|n| n.parse().ok()).ok_or("--workers N")?,
            other => {
                return Err(format!("{other}: not an option; --mode, --no-peers, --only-peers, --workers"));
            }
        }
    }
    let root = std::env::var_os("XIANGYUN_TESTDATA").ok_or(
        "XIANGYUN_TESTDATA is not set: it names the folder that holds instances/ (README says where to get them); \
         nothing was run",
    )?;
    let instances = PathBuf::from(root).join("instances");
    let out = PathBuf::from("target/bench-solver");
    Ok(Options { mode, instances, out, peers, only_peers, workers })
}

fn main() -> ExitCode {
    let run = || -> Result<bool, String> {
        let options = options()?;
        std::fs::create_dir_all(&options.out).map_err(|e| format!("{}: {e}", options.out.display()))?;
        if options.mode == listing::Mode::Marks {
            return marks::all(&options);
        }
        let rows = listing::rows(options.mode, &options.instances)?;
        if options.only_peers {
            return peers::all(&options, &rows).map(|_| true);
        }
        let ours = runs::all(&options, &rows)?;
        let theirs = if options.peers { peers::all(&options, &rows)? } else { Vec::new() };
        report::write(&options, &rows, &ours, &theirs)
    };
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(text) => {
            eprintln!("bench-solver: {text}");
            ExitCode::from(2)
        }
    }
}
