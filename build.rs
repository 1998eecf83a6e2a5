//! Turns every `handlers/*.rs` into a module of the library, so that dropping in a file is all it
//! takes to add one: there is no list to extend.

use std::{env, error::Error, fmt::Write as _, fs, path::PathBuf};

fn main() -> Result<(), Box<dyn Error>> {
    let handlers = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("handlers");
    // A folder is re-run for when a file in it comes, goes or changes.
    println!("cargo::rerun-if-changed={}", handlers.display());

    let mut files = Vec::new();
    for entry in fs::read_dir(&handlers)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    // The order of a folder's entries is the file system's; the build must not depend on it.
    files.sort();

    let mut modules = String::new();
    for file in &files {
        let name = file.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        if !is_module_name(name) {
            return Err(format!(
                "{}: a handler file's name must be a Rust module name (a-z, 0-9, _), it names the domain",
                file.display()
            )
            .into());
        }
        writeln!(modules, "#[path = {:?}]\nmod {name};", file.display().to_string())?;
    }
    fs::write(PathBuf::from(env::var("OUT_DIR")?).join("handlers.rs"), modules)?;
    Ok(())
}

fn is_module_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}
