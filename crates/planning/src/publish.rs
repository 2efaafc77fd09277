//! A plan directory appears whole or not at all: every file is written beside it, synced, and one rename makes it the
//! plan. A directory that is not a plan is never replaced.

use crate::output::OutputFile;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Why a plan was not written; the place is as it was.
#[derive(Debug, Error)]
pub enum PublishError {
    /// The target exists and is no plan directory.
    #[error("{dir} exists and holds no plan.json; choose another --out or remove it")]
    NotAPlan {
        /// The target.
        dir: String,
    },
    /// The file system refused.
    #[error("{path}: {source}")]
    File {
        /// The file or directory.
        path: String,
        /// The system's reason.
        source: std::io::Error,
    },
}

fn fault(path: &Path) -> impl FnOnce(std::io::Error) -> PublishError + '_ {
    move |source| PublishError::File { path: path.display().to_string(), source }
}

/// Writes the files as the directory `dir`, replacing a former plan there.
///
/// # Errors
/// [`PublishError`]; nothing of the new plan is left behind then, and a former plan stays.
pub fn write_dir(dir: &Path, files: &[OutputFile]) -> Result<(), PublishError> {
    may_replace(dir)?;
    let draft = beside(dir, "new");
    remove(&draft)?;
    let outcome = fill(&draft, files).and_then(|()| swap(&draft, dir));
    if outcome.is_err() {
        let _ = fs::remove_dir_all(&draft);
    }
    outcome
}

/// Whether a plan may be written as `dir`; ask before a long search.
///
/// # Errors
/// [`PublishError::NotAPlan`] when something else is there.
pub fn may_replace(dir: &Path) -> Result<(), PublishError> {
    let empty = || fs::read_dir(dir).is_ok_and(|mut list| list.next().is_none());
    if !dir.exists() || dir.join("plan.json").is_file() || empty() {
        return Ok(());
    }
    Err(PublishError::NotAPlan { dir: dir.display().to_string() })
}

/// A sibling of `dir` for work in progress, on the same file system.
fn beside(dir: &Path, what: &str) -> PathBuf {
    let name = dir.file_name().map_or_else(|| "plan".into(), |n| n.to_string_lossy().into_owned());
    dir.with_file_name(format!(".{name}.{what}.{}", std::process::id()))
}

fn remove(dir: &Path) -> Result<(), PublishError> {
    match fs::remove_dir_all(dir) {
        Err(err) if err.kind() != std::io::ErrorKind::NotFound => Err(fault(dir)(err)),
        _ => Ok(()),
    }
}

fn fill(dir: &Path, files: &[OutputFile]) -> Result<(), PublishError> {
    fs::create_dir_all(dir).map_err(fault(dir))?;
    for file in files {
        let path = dir.join(&file.path);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(fault(parent))?;
        }
        let mut out = File::create(&path).map_err(fault(&path))?;
        out.write_all(&file.bytes).and_then(|()| out.sync_all()).map_err(fault(&path))?;
    }
    Ok(())
}

/// Puts the draft in the place of `dir`; a former plan steps aside first and comes back if that fails.
fn swap(draft: &Path, dir: &Path) -> Result<(), PublishError> {
    let aside = beside(dir, "old");
    remove(&aside)?;
    let had_one = dir.exists();
    if had_one {
        fs::rename(dir, &aside).map_err(fault(dir))?;
    }
    if let Err(err) = fs::rename(draft, dir) {
        if had_one {
            let _ = fs::rename(&aside, dir);
        }
        return Err(fault(dir)(err));
    }
    let parent = dir.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(parent).and_then(|d| d.sync_all()).map_err(fault(parent))?;
    remove(&aside)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str) -> OutputFile {
        OutputFile { path: path.into(), bytes: text.as_bytes().to_vec() }
    }

    fn place(name: &str) -> PathBuf {
        let dir = std::env::temp_dir().join(format!("xiangyun-publish-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir_all(&dir).unwrap();
        dir
    }

    #[test]
    fn a_plan_replaces_a_plan_whole() {
        let root = place("replace");
        let dir = root.join("plan");
        write_dir(&dir, &[file("plan.json", "1"), file("manifests/T1.html", "a")]).unwrap();
        write_dir(&dir, &[file("plan.json", "2")]).unwrap();
        assert_eq!(fs::read_to_string(dir.join("plan.json")).unwrap(), "2");
        assert!(!dir.join("manifests").exists(), "nothing of the former plan is left");
        assert_eq!(fs::read_dir(&root).unwrap().count(), 1, "no work in progress is left");
        fs::remove_dir_all(root).unwrap();
    }

    #[test]
    fn what_is_no_plan_is_never_replaced() {
        let root = place("keep");
        fs::write(root.join("thesis.txt"), "precious").unwrap();
        assert!(matches!(write_dir(&root, &[file("plan.json", "1")]), Err(PublishError::NotAPlan { .. })));
        assert!(root.join("thesis.txt").exists());
        fs::remove_dir_all(root).unwrap();
    }

    #[test]
    fn a_failure_half_way_leaves_the_former_plan() {
        let root = place("half");
        let dir = root.join("plan");
        write_dir(&dir, &[file("plan.json", "1")]).unwrap();
        // A file where a directory is needed stops the writing.
        let bad = [file("plan.json", "2"), file("x", "file"), file("x/y", "below a file")];
        assert!(matches!(write_dir(&dir, &bad), Err(PublishError::File { .. })));
        assert_eq!(fs::read_to_string(dir.join("plan.json")).unwrap(), "1");
        assert_eq!(fs::read_dir(&root).unwrap().count(), 1);
        fs::remove_dir_all(root).unwrap();
    }
}
