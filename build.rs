//! Turns every `handlers/*.rs` into a module of the library, so that dropping in a file is all it
//! takes to add one: there is no list to extend. And carries the hand-written files of the clients in other languages
//! along, so that the binary can write whole packages, and the explorer page, so that it can serve it.

use std::{
    env,
    error::Error,
    fmt::Write as _,
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use flate2::{Compression, write::GzEncoder};

fn main() -> Result<(), Box<dyn Error>> {
    write_handlers()?;
    write_runtimes()?;
    write_explorer()
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

/// The files of the explorer page, as they are and compressed.
fn write_explorer() -> Result<(), Box<dyn Error>> {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("explorer/dist");
    println!("cargo::rerun-if-changed={}", root.display());
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let mut files = Vec::new();
    all_files(&root, &mut files)?;
    files.sort();
    let mut code = String::from("const ASSETS: &[Asset] = &[\n");
    for (number, file) in files.iter().enumerate() {
        let kind = media_type(file)
            .ok_or_else(|| format!("{}: a file of a kind that build.rs does not know", file.display()))?;
        let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
        gzip.write_all(&fs::read(file)?)?;
        let compressed = out.join(format!("explorer-{number}.gz"));
        fs::write(&compressed, gzip.finish()?)?;
        let path = format!("/{}", file.strip_prefix(&root)?.display());
        writeln!(
            code,
            "    Asset {{ path: {path:?}, kind: {kind:?}, plain: include_bytes!({file:?}), gzip: include_bytes!({compressed:?}) }},"
        )?;
    }
    code.push_str("];\n");
    fs::write(out.join("explorer.rs"), code)?;
    Ok(())
}

fn all_files(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        match path.is_dir() {
            true => all_files(&path, files)?,
            false => files.push(path),
        }
    }
    Ok(())
}

fn media_type(file: &Path) -> Option<&'static str> {
    Some(match file.extension()?.to_str()? {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "txt" => "text/plain; charset=utf-8",
        _ => return None,
    })
}
