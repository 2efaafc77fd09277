//! How a command ends badly, and how problems of input are shown: the edge where errors become reports.

use serde::Serialize;
use std::process::ExitCode;
use xiangyun_model::problem::{Problem, Problems};

/// Exit code of work that could not be done, or of a check that found faults.
pub(crate) const EXIT_COULD_NOT: u8 = 1;
/// Exit code of wrong usage or wrong input.
pub(crate) const EXIT_INPUT: u8 = 2;

/// Why a command did not do its work.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Input has coded problems: all of them at once, exit 2.
    Problems {
        /// What was found.
        problems: Problems,
        /// Whether the user asked for one JSON document on stdout.
        json: bool,
    },
    /// One fault of usage or input without a place in a file, exit 2.
    Input(String),
    /// The work failed for a reason outside the input, exit 1.
    CouldNot(String),
}

#[derive(Serialize)]
struct ProblemsDocument<'a> {
    problems: &'a [Problem],
    #[serde(skip_serializing_if = "is_zero")]
    dropped: u64,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // the shape serde asks for
fn is_zero(n: &u64) -> bool {
    *n == 0
}

impl Failure {
    /// A fault of usage or input.
    pub(crate) fn input(text: impl Into<String>) -> Self {
        Self::Input(text.into())
    }

    /// A fault of the work itself, with its chain of causes.
    pub(crate) fn could_not(err: &dyn std::error::Error) -> Self {
        let mut text = err.to_string();
        let mut source = err.source();
        while let Some(cause) = source {
            text.push_str(": ");
            text.push_str(&cause.to_string());
            source = cause.source();
        }
        Self::CouldNot(text)
    }

    /// Prints the failure where the contract says and gives the exit code.
    pub(crate) fn print(&self) -> ExitCode {
        match self {
            Self::Problems { problems, json } => {
                print_problems(problems, *json);
                ExitCode::from(EXIT_INPUT)
            }
            Self::Input(text) => {
                eprintln!("xiangyun: {text}");
                ExitCode::from(EXIT_INPUT)
            }
            Self::CouldNot(text) => {
                eprintln!("xiangyun: {text}");
                ExitCode::from(EXIT_COULD_NOT)
            }
        }
    }
}

/// Shows problems: one a line on stderr, or one JSON document on stdout.
pub(crate) fn print_problems(problems: &Problems, json: bool) {
    if json {
        print_json(&ProblemsDocument { problems: problems.list(), dropped: problems.dropped() });
        return;
    }
    for problem in problems.list() {
        eprintln!("{problem}");
    }
    if problems.dropped() > 0 {
        eprintln!("... {} more", problems.dropped());
    }
}

/// Prints one JSON document and a newline on stdout. A closed pipe ends the output quietly.
pub(crate) fn print_json<T: Serialize>(document: &T) {
    use std::io::Write;
    let mut text = serde_json::to_string(document).expect("our own documents have string keys only");
    text.push('\n');
    let _ = std::io::stdout().write_all(text.as_bytes());
}
