//! The book: its pages are there and lead to each other, what is made is up to date, and what it shows is true.

mod blocks;
mod links;

use std::{
    collections::{BTreeSet, HashMap},
    fs,
    path::{Path, PathBuf},
};

use fullon_cache_api::{cache::Store, config::Loader, registry::Registry};
use serde_json::Value;

use crate::{
    asyncapi::{assert_valid, document, payload},
    common::{Binary, Client, Ended, Fixture, Redis, Server, get, readme, run},
};
use blocks::{Block, blocks, words};

/// A page, with its path within the repository.
struct Page {
    path: PathBuf,
    text: String,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All pages of the book.
fn pages() -> Vec<Page> {
    let mut pages = Vec::new();
    for folder in ["docs/src", "docs/src/operations"] {
        for entry in fs::read_dir(root().join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "md") {
                let text = fs::read_to_string(&path).unwrap();
                pages.push(Page { path: path.strip_prefix(root()).unwrap().to_owned(), text });
            }
        }
    }
    pages.sort_by(|a, b| a.path.cmp(&b.path));
    pages
}

/// All blocks of code in a language, with the page that they are on.
fn all_blocks(language: &str) -> Vec<(PathBuf, Block)> {
    let of_page = |page: Page| {
        let blocks = blocks(&page.text).into_iter().filter(|block| block.language == language);
        blocks.map(|block| (page.path.clone(), block)).collect::<Vec<_>>()
    };
    let readme = Page { path: "README.md".into(), text: readme() };
    pages().into_iter().chain([readme]).flat_map(of_page).collect()
}

#[tokio::test]
async fn what_is_generated_is_up_to_date() {
    let mut command =
        Binary::command(&["generate", "docs", "--check", "--replay", "tests/fixtures/trading_session.jsonl"]);
    command.current_dir(root());
    let Ended { code, stdout, stderr } = run(command).await;
    assert_eq!(code, Some(0), "run `make generate`\n{stdout}{stderr}");
}

#[tokio::test]
async fn pages_of_domains_that_are_gone_are_removed() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().to_str().unwrap();
    let generate = async |more: &[&str]| {
        run(Binary::command(&[&["generate", "docs", "-o", place], more].concat())).await
    };
    assert_eq!(generate(&[]).await.code, Some(0));
    let gone = folder.path().join("operations/gone.md");
    fs::write(&gone, "").unwrap();
    let checked = generate(&["--check"]).await;
    assert_eq!((checked.code, checked.stdout.trim()), (Some(1), gone.to_str().unwrap()), "{checked:?}");
    assert_eq!(generate(&[]).await.code, Some(0));
    assert!(!gone.exists());
    fs::write(folder.path().join("SUMMARY.md"), "- [Operations](operations.md)\n").unwrap();
    let unmarked = generate(&[]).await;
    assert!(unmarked.code == Some(2) && unmarked.stderr.contains("lacks the marks"), "{unmarked:?}");
}

#[test]
fn every_key_of_the_configuration_is_told() {
    let page = fs::read_to_string(root().join("docs/src/configuration.md")).unwrap();
    let (_, effective) = Loader::default().load().unwrap();
    let missing: Vec<String> = effective
        .into_iter()
        .map(|one| one.key)
        .filter(|key| !page.contains(&format!("| `{key}` |")))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
    assert!(
        page.contains("| `redis.url` | secret | – |") && page.contains("Also `REDIS_URL`, `--redis-url`.")
    );
}

#[test]
fn every_page_is_in_the_table_of_contents() {
    let contents = fs::read_to_string(root().join("docs/src/SUMMARY.md")).unwrap();
    let listed: BTreeSet<PathBuf> =
        links::links(&contents).into_iter().map(|link| Path::new("docs/src").join(link)).collect();
    let there: BTreeSet<PathBuf> = pages().into_iter().map(|page| page.path).collect();
    let others: Vec<_> = listed.symmetric_difference(&there).collect();
    assert_eq!(others, [Path::new("docs/src/SUMMARY.md")]);
}

#[test]
fn every_link_leads_somewhere() {
    let mut all = pages();
    for name in ["README.md", "CHANGELOG.md", "SECURITY.md", "docs/architecture.md"] {
        all.push(Page { path: name.into(), text: fs::read_to_string(root().join(name)).unwrap() });
    }
    let dead: Vec<String> = all
        .iter()
        .flat_map(|page| {
            let links = links::links(&page.text).into_iter();
            let dead = links.filter(|link| !links::leads_somewhere(root(), &page.path, link));
            dead.map(|link| format!("{}: {link}", page.path.display()))
        })
        .collect();
    assert!(dead.is_empty(), "{dead:#?}");
    assert!(!links::leads_somewhere(root(), Path::new("README.md"), "docs/src/protocol.md#nothing"));
}

/// What a block holds, if it is something that a client or a server sends.
fn message(block: &Block) -> Value {
    serde_json::from_str(&block.code).unwrap_or_else(|error| panic!("{error}: {}", block.code))
}

/// Whether all that an example has is there, and of the same kind.
fn assert_like(shown: &Value, real: &Value, path: &str) {
    match (shown, real) {
        (Value::Object(shown), Value::Object(real)) => {
            for (name, value) in shown {
                let other = real.get(name).unwrap_or_else(|| panic!("{path}/{name} is not in {real:?}"));
                assert_like(value, other, &format!("{path}/{name}"));
            }
        }
        (Value::Array(shown), Value::Array(real)) => {
            assert!(shown.is_empty() || !real.is_empty(), "{path} is empty");
            shown.iter().zip(real).for_each(|(shown, real)| assert_like(shown, real, path));
        }
        (Value::Bool(shown), Value::Bool(real)) => assert_eq!(shown, real, "{path}"),
        _ => {
            let same = std::mem::discriminant(shown) == std::mem::discriminant(real);
            assert!(same || shown.is_null() || real.is_null(), "{path}: {shown} is like no {real}");
        }
    }
}

/// Requests are sent; a reply that follows one is like the real one; all that a server sends is of its schema.
#[tokio::test]
async fn the_messages_that_are_shown_are_true() {
    let redis = Redis::start().await;
    Fixture::load().fill(&redis).await;
    let server = Server::reading(&redis).await;
    let document = document();
    let (mut requests, mut others) = (0, 0);
    let mut client: Client = server.client().await;
    // The requests that a page has shown, and their replies, by `request_id`.
    let mut asked: HashMap<String, (Value, Value)> = HashMap::new();
    let mut of = PathBuf::new();
    for (page, block) in all_blocks("json") {
        if of != page {
            asked.clear();
            of.clone_from(&page);
        }
        let shown = message(&block);
        let what = format!("{}: {shown}", page.display());
        if shown.is_array() || shown.get("operation").is_some() {
            requests += 1;
            if shown["operation"].as_str().is_some_and(|name| name.starts_with("stream_")) {
                // Its updates are not for the next one.
                client = server.client().await;
            }
            client.send(&shown.to_string()).await;
            let reply = reply_to(&mut client, &shown).await;
            asked.insert(shown["request_id"].to_string(), (shown, reply));
        } else if let Some(kind) = shown["type"].as_str() {
            others += 1;
            assert_valid(&payload(&document, kind), &shown, &what);
        } else {
            others += 1;
            let (request, real) = asked.get(&shown["request_id"].to_string()).expect(&what);
            if shown["success"] == true {
                let name = request["operation"].as_str().unwrap();
                assert_valid(&payload(&document, &format!("{name}_reply")), &shown, &what);
            } else {
                assert_valid(&payload(&document, "error"), &shown, &what);
                assert_eq!(shown, *real, "{}", page.display());
            }
            if shown.get("warnings").is_none() {
                assert_like(&shown, real, &page.display().to_string());
            }
        }
    }
    assert!(requests > 50 && others > 20, "{requests} requests, {others} others");
}

async fn reply_to(client: &mut Client, request: &Value) -> Value {
    loop {
        let message = client.receive().await;
        if message.get("type").is_none() {
            if let Some(id) = request.get("request_id") {
                assert_eq!(&message["request_id"], id, "{message}");
            }
            return message;
        }
    }
}

#[tokio::test]
async fn the_command_lines_that_are_shown_are_taken() {
    let mut count = 0;
    for (page, block) in all_blocks("sh") {
        for line in block.code.lines() {
            let words = words(line);
            let Some(program) = words.first() else { continue };
            if !program.ends_with("fullon-cache-api") {
                continue;
            }
            let mut args: Vec<&str> = words[1..].iter().map(String::as_str).collect();
            // It reads what stands before, and does nothing.
            args.push("--help");
            let Ended { code, stderr, .. } = run(Binary::command(&args)).await;
            assert_eq!(code, Some(0), "{}: {line}\n{stderr}", page.display());
            count += 1;
        }
    }
    assert!(count > 15, "{count} command lines");
}

#[test]
fn the_configurations_that_are_shown_are_good() {
    let blocks = all_blocks("toml");
    let is_ours = |(page, _): &&(PathBuf, Block)| page.starts_with("docs");
    let ours: Vec<_> = blocks.iter().filter(is_ours).collect();
    for (page, block) in &ours {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("shown.toml");
        fs::write(&file, &block.code).unwrap();
        let loader = Loader { file: Some(file), ..Loader::default() };
        if let Err(problems) = loader.load() {
            panic!("{}: {problems:?}\n{}", page.display(), block.code);
        }
    }
    assert!(ours.len() > 3, "{} configurations", ours.len());
}

#[test]
fn the_overlays_that_are_shown_are_good() {
    let is_overlay = |(_, block): &(PathBuf, Block)| block.code.contains("enabled: false");
    let overlays: Vec<_> = all_blocks("yaml").into_iter().filter(is_overlay).collect();
    for (page, block) in &overlays {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("overlay.yaml");
        fs::write(&file, &block.code).unwrap();
        if let Err(faults) = Registry::with_overlay(&file) {
            panic!("{}: {faults}", page.display());
        }
    }
    assert!(!overlays.is_empty());
}

/// Every error and close code has its line where an operator looks for it.
#[test]
fn every_code_is_told() {
    let protocol = fs::read_to_string(root().join("docs/src/protocol.md")).unwrap();
    for code in fullon_cache_api::protocol::ErrorCode::ALL {
        assert!(protocol.contains(&format!("\n| `{code}` |")), "{code}");
    }
    let sources = ["deadlines", "session"].map(|name| format!("src/server/{name}.rs"));
    for source in sources {
        let text = fs::read_to_string(root().join(&source)).unwrap();
        let codes = text.lines().filter_map(|line| line.split_once(": u16 = ")?.1.strip_suffix(';'));
        let codes: Vec<&str> = codes.collect();
        assert!(!codes.is_empty(), "{source}");
        for code in codes {
            assert!(protocol.contains(&format!("\n| {code} |")), "{code} of {source}");
        }
    }
}

/// The paths that the book names are there.
#[tokio::test]
async fn the_pages_of_plain_http_that_are_told_are_there() {
    let server = Server::embedded(Store::new()).await;
    let operating = fs::read_to_string(root().join("docs/src/operating.md")).unwrap();
    let rows = operating.lines().filter(|line| line.starts_with("| `/"));
    let paths = rows.flat_map(|row| row.split(" | ").next().unwrap().split('`').skip(1).step_by(2));
    let mut count = 0;
    for path in paths {
        let page = get(server.address, &path.replace("NAME", "get_ticker"), &[]).await;
        assert_eq!(page.status, 200, "{path}");
        count += 1;
    }
    assert!(count > 6, "{count} paths");
}

/// The table of modules in `docs/architecture.md` says of each what it knows nothing of.
#[test]
fn modules_know_nothing_of_what_the_architecture_says() {
    let text = fs::read_to_string(root().join("docs/architecture.md")).unwrap();
    let src = root().join("src");
    let mut rows = 0;
    for line in text.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").collect();
        let [module, _, unknown] = cells.as_slice() else { continue };
        let module = module.trim().trim_matches('`');
        let sources = links::sources(&src, module);
        if sources.is_empty() {
            continue;
        }
        rows += 1;
        for name in unknown.split('`').skip(1).step_by(2) {
            let knows = sources.iter().find(|(_, source)| links::names(&src, source, name));
            assert_eq!(knows.map(|(path, _)| path), None, "{module} knows {name}");
        }
    }
    assert!(rows > 10, "{rows} modules");
    // What it would find.
    let server = links::sources(&src, "server");
    let knows = |name: &&str| server.iter().any(|(_, source)| links::names(&src, source, name));
    assert_eq!(["hyper", "cache", "streams", "tokio"].iter().filter(|name| knows(name)).count(), 4);
}
