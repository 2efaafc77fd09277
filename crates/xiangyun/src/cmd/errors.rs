//! `xiangyun errors [CODE]`: the error index, in the binary, so that it can be read with no internet at hand.

use crate::locale::Lang;
use crate::report::Failure;
use clap::Args;
use std::process::ExitCode;

/// The index that `docs/errors.md` publishes.
const INDEX: &str = include_str!("../../../../docs/errors.md");

/// Arguments of `errors`.
#[derive(Args, Debug)]
pub(crate) struct ErrorsArgs {
    /// A code such as P104; without it the whole index is printed
    code: Option<String>,
}

/// Prints the index, or the rows that name the code.
pub(crate) fn run(args: &ErrorsArgs, lang: Lang) -> Result<ExitCode, Failure> {
    let Some(code) = &args.code else {
        print!("{INDEX}");
        return Ok(ExitCode::SUCCESS);
    };
    let wanted = format!("| {} |", code.to_uppercase());
    let rows: Vec<&str> = INDEX.lines().filter(|line| line.starts_with(&wanted)).collect();
    if rows.is_empty() {
        return Err(Failure::input(lang.pick(
            format!("没有代码 {code}；`xiangyun errors` 列出全部代码"),
            format!("there is no code {code}; `xiangyun errors` lists them all"),
        )));
    }
    for row in rows {
        println!("{}", row.trim_matches('|').trim());
    }
    Ok(ExitCode::SUCCESS)
}
