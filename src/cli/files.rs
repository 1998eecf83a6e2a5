//! Generated files: written, or held against what is there.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use super::{Failure, output};

/// Writes what differs from what is there, removes what is stale, and prints the paths of both. With `check`
/// nothing is changed, and it is an error if anything would be.
pub(super) fn bring(
    wanted: &BTreeMap<PathBuf, String>,
    stale: Vec<PathBuf>,
    check: bool,
) -> Result<(), Failure> {
    let differs = |(path, text): &(&PathBuf, &String)| fs::read_to_string(path).ok().as_ref() != Some(*text);
    let mut changed: Vec<PathBuf> = wanted.iter().filter(differs).map(|(path, _)| path.clone()).collect();
    changed.extend(stale);
    for path in &changed {
        output::line(&path.display().to_string())?;
    }
    if check {
        return match changed.len() {
            0 => Ok(()),
            count => Err(Failure::new(format!("{count} file(s) are out of date; run `make generate`"))),
        };
    }
    for path in &changed {
        write(path, wanted.get(path).map(String::as_str)).map_err(|error| failed(path, &error))?;
    }
    Ok(())
}

/// A file with what stands between two marks made anew.
pub(super) fn between(file: &Path, begin: &str, end: &str, made: &str) -> Result<String, Failure> {
    let text = fs::read_to_string(file).map_err(|error| failed(file, &error))?;
    let parts = text.split_once(begin).and_then(|(before, rest)| Some((before, rest.split_once(end)?.1)));
    let (before, after) = parts.ok_or_else(|| {
        let marks = format!("{} and {}", begin.trim(), end.trim());
        Failure::usage(format!("{} lacks the marks {marks}", file.display()))
    })?;
    Ok(format!("{before}{begin}{made}{end}{after}"))
}

/// The files of this kind in a folder that nobody wants any more.
pub(super) fn others_in(
    folder: &Path,
    kind: &str,
    wanted: &BTreeMap<PathBuf, String>,
) -> Result<Vec<PathBuf>, Failure> {
    let is_other =
        |path: &PathBuf| path.extension().is_some_and(|found| found == kind) && !wanted.contains_key(path);
    let mut others = Vec::new();
    if folder.is_dir() {
        for entry in fs::read_dir(folder).map_err(|error| failed(folder, &error))? {
            others.extend(Some(entry.map_err(|error| failed(folder, &error))?.path()).filter(is_other));
        }
    }
    others.sort();
    Ok(others)
}

/// The error of a file.
pub(super) fn failed(path: &Path, error: &io::Error) -> Failure {
    Failure::new(format!("{}: {error}", path.display()))
}

fn write(path: &Path, text: Option<&str>) -> io::Result<()> {
    let Some(text) = text else { return fs::remove_file(path) };
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(path, text)
}
