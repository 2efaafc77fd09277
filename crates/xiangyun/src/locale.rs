//! The user's language: Chinese first, English beside it. Help texts in English are the doc comments of the
//! arguments; their Chinese stands in one catalogue, [`zh`], keyed by the command's path.

mod zh;

use clap::{Arg, ArgAction, Command};
use std::ffi::OsString;

/// A language of help and messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lang {
    /// Simplified Chinese.
    Zh,
    /// English.
    En,
}

impl Lang {
    /// `--lang` if given, else the first of `LC_ALL`, `LC_MESSAGES`, `LANG` that is set; English if none says
    /// Chinese.
    pub(crate) fn choose(args: &[OsString], env: impl Fn(&str) -> Option<String>) -> Self {
        let mut words = args.iter().filter_map(|a| a.to_str());
        while let Some(word) = words.next() {
            let value = if word == "--lang" { words.next() } else { word.strip_prefix("--lang=") };
            match value {
                Some("zh") => return Self::Zh,
                Some("en") => return Self::En,
                _ => {}
            }
        }
        let locale = ["LC_ALL", "LC_MESSAGES", "LANG"].iter().find_map(|n| env(n).filter(|v| !v.is_empty()));
        if locale.is_some_and(|v| v.starts_with("zh")) { Self::Zh } else { Self::En }
    }

    /// The text in this language.
    pub(crate) fn pick<T>(self, zh: T, en: T) -> T {
        match self {
            Self::Zh => zh,
            Self::En => en,
        }
    }
}

/// Puts the help of the whole tree into the language.
pub(crate) fn localise(command: Command, lang: Lang) -> Command {
    match lang {
        Lang::En => command,
        Lang::Zh => translate(command, ""),
    }
}

/// The page's layout in Chinese: clap's own with its words replaced.
const PAGE_ZH: &str = "{about-with-newline}\n用法: {usage}\n\n{all-args}{after-help}";

fn translate(command: Command, path: &str) -> Command {
    let mut command = command
        .help_template(PAGE_ZH)
        .subcommand_help_heading("命令")
        .disable_help_flag(true)
        .disable_version_flag(true)
        .arg(Arg::new("help").short('h').long("help").action(ArgAction::Help).help("显示本页"));
    if path.is_empty() {
        command = command
            .arg(Arg::new("version").short('V').long("version").action(ArgAction::Version).help("显示版本"));
    }
    if let Some(text) = zh::text(&key(path, "")) {
        command = command.about(text).long_about(None::<&str>);
    }
    let args: Vec<String> = command.get_arguments().map(|a| a.get_id().to_string()).collect();
    for id in args {
        if let Some(text) = zh::text(&key(path, &id)).or_else(|| zh::text(&key("*", &id))) {
            command = command.mut_arg(&id, |a| a.help(text).long_help(None::<&str>));
        }
        command = command.mut_arg(&id, |a| {
            let heading = if a.is_positional() { "参数" } else { "选项" };
            a.help_heading(heading)
        });
    }
    let names: Vec<String> = command.get_subcommands().map(|c| c.get_name().to_owned()).collect();
    for name in names {
        let below = if path.is_empty() { name.clone() } else { format!("{path} {name}") };
        command = command.mut_subcommand(&name, |c| translate(c, &below));
    }
    command
}

/// Key of a text: `plan` for a command's line, `plan.county` for an argument's.
fn key(path: &str, arg: &str) -> String {
    if arg.is_empty() { path.to_owned() } else { format!("{path}.{arg}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn missing(command: &Command, path: &str, out: &mut Vec<String>) {
        if zh::text(&key(path, "")).is_none() {
            out.push(key(path, ""));
        }
        for arg in command.get_arguments() {
            let id = arg.get_id().as_str();
            if id != "help"
                && id != "version"
                && zh::text(&key(path, id)).or_else(|| zh::text(&key("*", id))).is_none()
            {
                out.push(key(path, id));
            }
        }
        for sub in command.get_subcommands() {
            let below =
                if path.is_empty() { sub.get_name().into() } else { format!("{path} {}", sub.get_name()) };
            missing(sub, &below, out);
        }
    }

    #[test]
    fn every_command_and_argument_speaks_chinese() {
        let mut out = Vec::new();
        missing(&crate::cli::command(), "", &mut out);
        assert!(out.is_empty(), "add Chinese texts to locale/zh.rs for: {out:#?}");
    }

    #[test]
    fn the_catalogue_has_no_key_twice() {
        let mut keys: Vec<&str> = zh::TEXTS.iter().map(|(k, _)| *k).collect();
        keys.sort_unstable();
        let before = keys.len();
        keys.dedup();
        assert_eq!(before, keys.len());
    }

    #[test]
    fn language_comes_from_the_flag_then_the_environment() {
        let args = |list: &[&str]| list.iter().map(OsString::from).collect::<Vec<_>>();
        let zh_env = |name: &str| (name == "LANG").then(|| "zh_CN.UTF-8".to_owned());
        assert_eq!(Lang::choose(&args(&["x"]), zh_env), Lang::Zh);
        assert_eq!(Lang::choose(&args(&["x", "--lang", "en"]), zh_env), Lang::En);
        assert_eq!(Lang::choose(&args(&["x", "--lang=zh"]), |_| None), Lang::Zh);
        assert_eq!(Lang::choose(&args(&["x"]), |_| None), Lang::En);
    }
}
