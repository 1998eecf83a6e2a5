//! Where pages lead, and which modules name which.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// The targets of all links of a text, but of those to other sites.
pub fn links(text: &str) -> Vec<String> {
    let mut is_code = false;
    let mut links = Vec::new();
    for line in text.lines() {
        is_code ^= line.starts_with("```");
        if is_code {
            continue;
        }
        for part in line.split("](").skip(1) {
            let Some((target, _)) = part.split_once(')') else { continue };
            if !target.contains("://") {
                links.push(target.to_owned());
            }
        }
    }
    links
}

/// Whether a link of a page leads to a file or folder that is there, and to a heading in it.
pub fn leads_somewhere(root: &Path, page: &Path, link: &str) -> bool {
    let (file, heading) = link.split_once('#').unwrap_or((link, ""));
    let target = match file {
        "" => root.join(page),
        file => root.join(page).parent().unwrap().join(file),
    };
    if heading.is_empty() {
        return target.exists();
    }
    fs::read_to_string(target).is_ok_and(|text| anchors(&text).iter().any(|anchor| anchor == heading))
}

/// What the headings of a page are linked by.
fn anchors(text: &str) -> Vec<String> {
    let headings = text.lines().filter(|line| line.starts_with('#'));
    let anchor = |heading: &str| {
        let kept = heading.trim_start_matches('#').trim().to_lowercase();
        let kept = kept.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        kept.map(|c| if c == ' ' { '-' } else { c }).collect()
    };
    headings.map(anchor).collect()
}

/// The sources of a module of the crate, without its tests and comments.
pub fn sources(src: &Path, module: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut next = vec![src.join(format!("{module}.rs")), src.join(module)];
    while let Some(path) = next.pop() {
        if path.is_dir() {
            next.extend(fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.is_file() && !path.ends_with("tests.rs") {
            let text = fs::read_to_string(&path).unwrap();
            let (code, _) = text.split_once("#[cfg(test)]").unwrap_or((&text, ""));
            let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
            found.push((path, lines.collect::<Vec<_>>().join("\n")));
        }
    }
    found
}

/// Whether a source names a module of this crate, or another crate.
pub fn names(src: &Path, source: &str, name: &str) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let is_ours = src.join(name).exists() || src.join(format!("{name}.rs")).exists();
    let is_named = source.match_indices(name).any(|(at, _)| {
        let (before, after) = (&source[..at], &source[at + name.len()..]);
        match is_ours {
            true => before.ends_with("crate::") && !after.starts_with(is_word),
            false => after.starts_with("::") && !before.ends_with("::") && !before.ends_with(is_word),
        }
    });
    is_named || is_ours && groups(source).any(|group| group.split(',').any(|module| module.trim() == name))
}

/// What stands directly within each `crate::{…}`.
fn groups(source: &str) -> impl Iterator<Item = String> {
    source.split("crate::{").skip(1).map(|rest| {
        let mut depth = 0;
        let mut own = String::new();
        for c in rest.chars() {
            match c {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                _ if depth == 0 => own.push(c),
                _ => {}
            }
        }
        // Of a path the first part alone.
        own.split(',').map(|path| path.split("::").next().unwrap_or_default()).collect::<Vec<_>>().join(",")
    })
}
