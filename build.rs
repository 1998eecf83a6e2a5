//! Turns every `handlers/*.rs` into a module of the library, so that dropping in a file is all it
//! takes to add one: there is no list to extend. And carries the hand-written files of the clients in other languages
//! along, so that the binary can write whole packages, and the explorer page, so that it can serve it; and tells it what
//! it is built from.

use std::{
    env,
    error::Error,
    fmt::Write as _,
    fs,
    io::{self, Write as _},
    iter,
    path::{Path, PathBuf},
    process::Command,
};

use flate2::{Compression, write::GzEncoder};
use jiff::Timestamp;

fn main() -> Result<(), Box<dyn Error>> {
    write_handlers()?;
    write_runtimes()?;
    write_explorer()?;
    tell_version()
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
    let mut code = String::new();
    for (name, kinds) in
        [("python", &["py", "typed", "toml", "md"][..]), ("typescript", &["ts", "json", "md"])]
    {
        let folder = clients.join(name);
        let mut files = Vec::new();
        hand_written(&folder, kinds, &mut files)?;
        files.sort();
        // Not the whole folder: tools leave what they know beside these.
        let sources = folder.join("src");
        for path in iter::once(&sources).chain(&files) {
            println!("cargo::rerun-if-changed={}", path.display());
        }
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

/// Names the commit and its date. Who packages sources without a repository names them by variables; no clock is
/// looked at, so that the same sources make the same binary.
fn tell_version() -> Result<(), Box<dyn Error>> {
    const COMMIT: &str = "FULLON_CACHE_API_COMMIT";
    const DATE: &str = "SOURCE_DATE_EPOCH";
    const UNKNOWN: &str = "unknown";
    for variable in [COMMIT, DATE] {
        println!("cargo::rerun-if-env-changed={variable}");
    }
    let given = |variable| env::var(variable).ok().filter(|value| !value.is_empty());
    let of_git = commit_of_git(Path::new(&env::var("CARGO_MANIFEST_DIR")?));
    let (git_commit, git_time) = of_git.unzip();
    let commit = given(COMMIT).or(git_commit).unwrap_or_else(|| UNKNOWN.to_owned());
    // As long as people write it; git itself would make it longer in a larger repository.
    let commit = commit.get(..7).filter(|_| commit.bytes().all(|b| b.is_ascii_hexdigit())).unwrap_or(&commit);
    let time: Option<i64> = match given(DATE) {
        Some(seconds) => Some(seconds.parse().map_err(|error| format!("{DATE}: {error}"))?),
        None => git_time,
    };
    let date =
        time.map(|seconds| Ok::<_, jiff::Error>(Timestamp::from_second(seconds)?.strftime("%F").to_string()));
    let date = date.transpose()?.unwrap_or_else(|| UNKNOWN.to_owned());
    let all = if commit == date { UNKNOWN.to_owned() } else { format!("{commit} {date}") };
    println!("cargo::rustc-env=BUILD_COMMIT={commit}");
    println!("cargo::rustc-env=BUILD_DATE={date}");
    println!("cargo::rustc-env=BUILD={all}");
    Ok(())
}

/// The commit that is checked out in this folder, and when it was made, in seconds since the epoch; None if this is
/// no repository, or only a folder in another one.
fn commit_of_git(root: &Path) -> Option<(String, i64)> {
    let git = |args: &[&str]| {
        let mut command = Command::new("git");
        // Those of a hook that builds name another folder.
        command.env_remove("GIT_DIR").env_remove("GIT_WORK_TREE").current_dir(root).args(args);
        let output = command.output().ok().filter(|output| output.status.success())?;
        Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())
    };
    if !git(&["rev-parse", "--show-prefix"])?.is_empty() {
        return None;
    }
    // Where another commit shows. A branch has a file of its own, or else a line in packed-refs until its next
    // commit, which the log of HEAD tells. A file that is missing would have this run at every build.
    let branch = git(&["symbolic-ref", "--quiet", "HEAD"]);
    let path = |name: &str| Some(root.join(git(&["rev-parse", "--git-path", name])?));
    let branch = branch.and_then(|name| path(&name)).filter(|path| path.is_file());
    let others: &[&str] = if branch.is_some() { &["HEAD"] } else { &["HEAD", "packed-refs", "logs/HEAD"] };
    let others = others.iter().filter_map(|name| path(name)).filter(|path| path.is_file());
    for path in branch.into_iter().chain(others) {
        println!("cargo::rerun-if-changed={}", path.display());
    }
    let commit = git(&["log", "-1", "--format=%H %ct"])?;
    let (commit, time) = commit.split_once(' ')?;
    Some((commit.to_owned(), time.parse().ok()?))
}
