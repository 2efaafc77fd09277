//! The tree of commands. Each group's arguments live beside its code in `cmd`; a command that is not built yet is
//! absent. English help is the doc comment; the Chinese text stands in `locale`.

use crate::cmd;
use clap::{CommandFactory, Parser, Subcommand};

/// Xiangyun (乡运): plans, dispatches and accounts for a county's two-way deliveries
#[derive(Debug, Parser)]
#[command(name = "xiangyun", version, propagate_version = true, disable_help_subcommand = true)]
pub(crate) struct Cli {
    /// Language of help and messages: zh or en (default: from LANG)
    #[arg(long, global = true, value_name = "LANG", value_parser = ["zh", "en"])]
    pub(crate) lang: Option<String>,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// One variant a command group.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Plan the county's day, start the daemon and drive a simulated fleet through it
    Demo(cmd::demo::DemoArgs),
    /// Plan a county's day: both tiers, both directions
    Plan(cmd::plan::PlanArgs),
    /// Mend an evening plan at dawn to what really arrived
    Mend(cmd::mend::MendArgs),
    /// Design weekly master rounds and a village timetable, and see how a plan leaves them
    Rounds(cmd::rounds::RoundsArgs),
    /// Say why an order, stop or vehicle is where it is, or why it is nowhere
    Explain(cmd::plan::ExplainArgs),
    /// Drive a day by seed, in this process or against a daemon
    Simulate(cmd::simulate::SimulateArgs),
    /// Show what each code in messages means and what to do
    Errors(cmd::errors::ErrorsArgs),
    /// Make, build and ask a road network
    Roads(cmd::roads::RoadsArgs),
    /// Check a plan directory by itself: replays the day event by event
    Check(cmd::check::CheckArgs),
    /// Compare a plan with other ways to plan its day
    Report(cmd::report::ReportArgs),
    /// Generate or import a day's orders
    Orders(cmd::orders::OrdersArgs),
    /// Run the daemon: API, pages, vehicle feeds, the running day
    Serve(cmd::serve::ServeArgs),
    /// Check the hash chain of the event log
    Verify(cmd::serve::StoreArgs),
    /// Back the store up while the daemon runs
    Backup(cmd::serve::FileArgs),
    /// Fill an empty store from a backup
    Restore(cmd::serve::FileArgs),
    /// Write the event log and every table as files
    Export(cmd::serve::FileArgs),
    /// Decode, encode and receive what vehicles say
    Telematics(cmd::telematics::TelematicsArgs),
    /// Solve and check vehicle routing instances
    Vrp(cmd::vrp::VrpArgs),
}

/// The command tree, before its texts are put into the user's language.
pub(crate) fn command() -> clap::Command {
    Cli::command()
}
