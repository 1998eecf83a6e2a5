//! Turns every `handlers/*.rs` into a module of the library, so that dropping in a file is all it
//! takes to add one: there is no list to extend. And carries the hand-written files of the clients in other languages
//! along, so that the binary can write whole packages.

use std::{
    env,
    error::Error,
    fmt::Write as _,
    fs, io,
    path::{Path, PathBuf},
};

fn main() -> Result<(), Box<dyn Error>> {
    write_handlers()?;
    write_runtimes()
}

fn write_handlers() -> Result<(), Box<dyn Error>> {
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
        writeln!(modules, "#[path = {:?}]\npub mod {name};", file.display().to_string())?;
    }
    fs::write(PathBuf::from(env::var("OUT_DIR")?).join("handlers.rs"), modules)?;
    Ok(())
}

fn is_module_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

/// The hand-written files of each client: all that lies in its folder, but for what is generated, tests, and what
/// tools leave there.
fn write_runtimes() -> Result<(), Box<dyn Error>> {
    let clients = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("clients");
    println!("cargo::rerun-if-changed={}", clients.display());
    let mut code = String::new();
    for (name, kinds) in
        [("python", &["py", "typed", "toml", "md"][..]), ("typescript", &["ts", "json", "md"])]
    {
        let folder = clients.join(name);
        let mut files = Vec::new();
        hand_written(&folder, kinds, &mut files)?;
        files.sort();
        writeln!(code, "pub(super) const {}: &[(&str, &str)] = &[", name.to_ascii_uppercase())?;
        for file in files {
            let path = file.strip_prefix(&folder)?.display().to_string();
            writeln!(code, "    ({path:?}, include_str!({:?})),", file.display().to_string())?;
        }
        code.push_str("];\n");
    }
    fs::write(PathBuf::from(env::var("OUT_DIR")?).join("runtimes.rs"), code)?;
    Ok(())
}

fn hand_written(folder: &Path, kinds: &[&str], files: &mut Vec<PathBuf>) -> io::Result<()> {
    /// What `generate` makes, and what is no part of a package.
    const OTHERS: [&str; 12] = [
        "_api.py",
        "_sync.py",
        "_types.py",
        "api.ts",
        "types.ts",
        "tests",
        "test",
        "build",
        "dist",
        "node_modules",
        "examples",
        "benchmarks",
    ];
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if OTHERS.contains(&name) || name.starts_with('.') && path.is_dir() {
            continue;
        }
        if path.is_dir() {
            hand_written(&path, kinds, files)?;
        } else if path.extension().and_then(|kind| kind.to_str()).is_some_and(|kind| kinds.contains(&kind)) {
            files.push(path);
        }
    }
    Ok(())
}
