//! What the README shows, to be held against what is true.

use std::{fs, path::Path};

/// The README.
pub fn readme() -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap()
}

/// The first block of code in this language under a heading of the README.
pub fn readme_code(heading: &str, language: &str) -> String {
    let text = readme();
    let (_, section) = text.split_once(&format!("\n## {heading}\n")).expect("no such heading");
    let (_, code) = section.split_once(&format!("\n```{language}\n")).expect("no such block");
    let (code, _) = code.split_once("\n```\n").expect("the block has no end");
    format!("{code}\n")
}
