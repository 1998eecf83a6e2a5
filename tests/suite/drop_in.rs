//! One handler file and one entry make an operation: nothing else is touched, and none is left behind.

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::{Value, json};

use crate::common::{Client, Ended, Fixture, Program, Redis, readme_code, run};

/// The handler of the book, and its entries.
const SPREADS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/src/handler/spreads");

/// A copy of this crate to build.
struct Tree {
    root: PathBuf,
    /// Where its binary goes.
    target: PathBuf,
    /// What it is built from: this crate's own, so that no dependency is built again.
    build: PathBuf,
    /// The handler and the entry that the README shows.
    handler: String,
    entry: String,
    /// Those that the book goes through step by step.
    spreads: [String; 2],
}

impl Tree {
    fn copy(name: &str) -> Self {
        let build = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().to_path_buf();
        let home = build.join(name);
        let of_readme = |language| readme_code("Adding an operation", language);
        let tree = Self {
            root: home.join("tree"),
            target: home.join("target"),
            build,
            handler: of_readme("rust"),
            entry: of_readme("yaml"),
            spreads: ["rs", "yaml"].map(|kind| fs::read_to_string(format!("{SPREADS}.{kind}")).unwrap()),
        };
        // There is none yet on the first run.
        let _ = fs::remove_dir_all(&tree.root);
        copy(Path::new(env!("CARGO_MANIFEST_DIR")), &tree.root);
        tree
    }

    fn set_handler(&self, present: bool) {
        let file = self.root.join("handlers/quote_times.rs");
        match present {
            true => fs::write(file, &self.handler).unwrap(),
            false => fs::remove_file(file).unwrap(),
        }
    }

    fn set_entry(&self, present: bool) {
        let file = self.root.join("operations.yaml");
        let text = fs::read_to_string(&file).unwrap().replace(&self.entry, "");
        fs::write(&file, if present { format!("{text}{}", self.entry) } else { text }).unwrap();
    }

    /// Has the book's handler and its entries, or not.
    fn set_spreads(&self, present: bool) {
        let [handler, entries] = &self.spreads;
        let (file, yaml) = (self.root.join("handlers/spreads.rs"), self.root.join("operations.yaml"));
        let text = fs::read_to_string(&yaml).unwrap().replace(entries, "");
        match present {
            true => {
                fs::write(file, handler).unwrap();
                fs::write(yaml, format!("{text}{entries}")).unwrap();
            }
            false => {
                fs::remove_file(file).unwrap();
                fs::write(yaml, text).unwrap();
            }
        }
    }

    fn cargo(&self, args: &[impl AsRef<OsStr>]) -> Output {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        // What other tests measure in time goes before, and what is built for later stays behind.
        Command::new("nice")
            .args(["-n", "10"])
            .arg(cargo)
            .args(args)
            .args(["--quiet", "--locked", "--offline"])
            .current_dir(&self.root)
            .env("CARGO_TARGET_DIR", &self.target)
            .env("CARGO_BUILD_BUILD_DIR", &self.build)
            // Nobody debugs it, and it is built five times.
            .env("CARGO_PROFILE_DEV_DEBUG", "0")
            .env("CARGO_INCREMENTAL", "1")
            // As who packages a tree that is no repository. The day that they may name too has dependencies built
            // again, and again when it is not named.
            .env("FULLON_CACHE_API_COMMIT", "0123456789abcdef")
            .output()
            .unwrap()
    }

    /// Builds the binary from what is there now.
    fn build(&self) {
        let built = self.cargo(&["build", "--bin", "fullon-cache-api"]);
        assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    }

    /// What a program gets that calls the new operation by its own types.
    async fn ask_in_rust(&self, url: &str) -> f64 {
        let program = r#"//! Asks.
            use fullon_cache_api::{client::Client, handlers::quote_times::GetTickerTime};

            #[tokio::main(flavor = "current_thread")]
            async fn main() -> Result<(), Box<dyn std::error::Error>> {
                let client = Client::connect(&std::env::args().nth(1).ok_or("no address")?).await?;
                let query = GetTickerTime { exchange: "binance".into(), symbol: "BTC/USDT".into() };
                println!("{}", client.call(query).await?.0);
                Ok(())
            }
        "#;
        fs::write(self.root.join("examples/ticker_time.rs"), program).unwrap();
        let built = self.cargo(&["build", "--example", "ticker_time"]);
        assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
        let mut command = Command::new(self.target.join("debug/examples/ticker_time"));
        command.arg(url);
        run(command).await.stdout.trim().parse().unwrap()
    }

    /// The binary that was built.
    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(self.target.join("debug/fullon-cache-api"));
        command.args(args).env_clear().current_dir(&self.target);
        command
    }

    /// What the binary has to say of itself before it starts to serve.
    async fn report(&self) -> String {
        for start in ["serve", "check"] {
            let Ended { code, stderr, .. } = run(self.command(&[start, "--port", "0"])).await;
            assert_eq!(code, Some(2), "{start}: {stderr}");
        }
        let Ended { code, stdout, stderr } = run(self.command(&["demo", "--port", "0"])).await;
        assert_eq!((code, stdout.as_str()), (Some(2), ""), "{stderr}");
        assert!(stderr.contains("1 fault(s) in the operations:"), "{stderr}");
        stderr
    }

    /// A server of this tree, and where it is.
    async fn serve(&self, redis: &Redis) -> (Program, String) {
        let args = ["serve", "--port", "0", "--redis-url", &redis.url()];
        let mut program = Program::start(self.command(&args));
        let url = program.url().await;
        (program, url)
    }

    async fn write_schemas(&self, folder: &Path) {
        self.write(&["schemas"], folder).await;
    }

    /// Has the binary write files.
    async fn write(&self, what: &[&str], folder: &Path) {
        let ended = run(self.command(&[what, &["-o", &folder.display().to_string()]].concat())).await;
        assert_eq!(ended.code, Some(0), "{ended:?}");
    }
}

/// Copies a folder without what is built or hidden.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (name, source) = (entry.file_name(), entry.path());
        if name == "target" || name == "node_modules" || name.to_string_lossy().starts_with('.') {
            continue;
        }
        match source.is_dir() {
            true => copy(&source, &to.join(name)),
            false => drop(fs::copy(&source, to.join(name)).unwrap()),
        }
    }
}

fn params() -> Value {
    json!({"exchange": "binance", "symbol": "BTC/USDT"})
}

#[tokio::test]
async fn one_file_and_one_entry_make_an_operation() {
    let redis = Redis::start().await;
    Fixture::load().fill(&redis).await;
    let stored: String = redis.send(&["GET", "ticker_time:binance:BTC/USDT"]).await;
    let folder = tempfile::tempdir().unwrap();
    let schemas =
        [folder.path().join("get_ticker_time.json"), folder.path().join("draft-07/get_ticker_time.json")];
    let tree = Tree::copy("drop-in");
    assert!(tree.handler.lines().count() < 40, "a handler is short:\n{}", tree.handler);

    // An entry without a file.
    tree.set_entry(true);
    tree.build();
    let report = tree.report().await;
    let fault = "operations.yaml (built in): get_ticker_time: no handler registers an operation of this name";
    assert!(report.contains(fault), "{report}");

    // What it is built from is what the packager said.
    let Ended { stdout, .. } = run(tree.command(&["--version"])).await;
    assert_eq!(stdout, concat!("fullon-cache-api ", env!("CARGO_PKG_VERSION"), " (0123456 unknown)\n"));

    // Both.
    tree.set_handler(true);
    tree.set_spreads(true);
    tree.build();
    let (program, url) = tree.serve(&redis).await;
    let mut client = Client::connect(&url).await;
    the_books_handler_works(&redis, &mut client).await;
    let result = client.call("get_ticker_time", params()).await;
    assert_eq!(result, stored.parse::<f64>().unwrap());
    let miss = client.fail("get_ticker_time", json!({"exchange": "binance", "symbol": "NO/PAIR"})).await;
    assert_eq!(miss.0, "CACHE_MISS", "{}", miss.1);
    assert_eq!(client.fail("get_ticker_time", json!({"exchange": "binance"})).await.0, "INVALID_PARAMS");
    assert_eq!(tree.ask_in_rust(&url).await, stored.parse::<f64>().unwrap());
    // The one before has said nothing for as long as it took to build that.
    let mut client = Client::connect(&url).await;
    let described = client.call("describe", json!({"domain": "quote_times"})).await;
    let described = &described["operations"][0];
    assert_eq!((&described["name"], &described["commands"]), (&json!("get_ticker_time"), &json!(["GET"])));
    assert_eq!(described["examples"][0], params());
    assert_eq!(described["keys"], json!({"time": "ticker_time:{exchange}:{symbol}"}));
    drop(program);
    tree.write_schemas(folder.path()).await;
    let written: Value = serde_json::from_str(&fs::read_to_string(&schemas[0]).unwrap()).unwrap();
    assert_eq!(written["$defs"]["params"], described["params"]);
    assert!(schemas.iter().all(|file| file.exists()));
    for (client, file, method) in [
        (
            "python",
            "src/fullon_cache_api/_api.py",
            "async def get_ticker_time(self, exchange: str, symbol: str) -> float:",
        ),
        (
            "typescript",
            "src/api.ts",
            "getTickerTime(exchange: string, symbol: string, options?: CallOptions): Promise<number> {",
        ),
        ("asyncapi", "asyncapi.yaml", "get_ticker_time_request:"),
    ] {
        let out = folder.path().join(client);
        tree.write(&["generate", client], &out).await;
        let written = fs::read_to_string(out.join(file)).unwrap();
        assert!(written.contains(method), "{file} lacks {method}");
    }

    // A file without an entry.
    tree.set_spreads(false);
    tree.set_entry(false);
    tree.build();
    let report = tree.report().await;
    assert!(report.contains("operations.yaml (built in): get_ticker_time: "), "{report}");
    assert!(report.contains("handlers/quote_times.rs registers it, but it has no entry"), "{report}");

    // Neither.
    tree.set_handler(false);
    tree.build();
    let (_program, url) = tree.serve(&redis).await;
    let mut client = Client::connect(&url).await;
    assert_eq!(client.fail("get_ticker_time", params()).await.0, "INVALID_OPERATION");
    let all = client.call("describe", json!({})).await;
    assert!(!all.to_string().contains("get_ticker_time"), "{all}");
    tree.write_schemas(folder.path()).await;
    assert!(schemas.iter().all(|file| !file.exists()) && folder.path().join("get_ticker.json").exists());
}

/// The read and the stream that the book goes through step by step.
async fn the_books_handler_works(redis: &Redis, client: &mut Client) {
    let ticker = |bid: &str, ask: &str| {
        format!(r#"{{"symbol":"A/B","exchange":"binance","price":1,"bid":{bid},"ask":{ask},"time":1.5}}"#)
    };
    let write = async |value: String| {
        let _: i64 = redis.send(&["HSET", "tickers:binance", "A/B", &value]).await;
    };
    let params = json!({"exchange": "binance", "symbol": "A/B"});
    assert_eq!(client.fail("get_spread", params.clone()).await.0, "CACHE_MISS");
    write(ticker("0.1", "0.3")).await;
    let spread = json!({"symbol": "A/B", "exchange": "binance", "bid": 0.1, "ask": 0.3, "spread": 0.2});
    assert_eq!(client.call("get_spread", params.clone()).await, spread);
    write(ticker("null", "0.3")).await;
    assert_eq!(client.call("get_spread", params).await["spread"], Value::Null);

    let params = json!({"exchange": "binance", "symbols": ["A/B"]});
    assert_eq!(client.call("stream_spreads", params).await["update_type"], "spread_update");
    let update = client.receive().await;
    assert_eq!((&update["spread"], &update["snapshot"]), (&Value::Null, &json!(true)), "{update}");
    // The same spread is no update.
    write(ticker("null", "0.3").replace("1.5", "2.5")).await;
    write(ticker("0.1", "0.4")).await;
    let update = client.receive().await;
    assert_eq!((&update["type"], &update["spread"]), (&json!("spread_update"), &json!(0.3)), "{update}");
    let _: i64 = redis.send(&["HDEL", "tickers:binance", "A/B"]).await;
    let update = client.receive().await;
    assert_eq!((&update["removed"], &update["symbol"]), (&json!(true), &json!("A/B")), "{update}");
    client.call("unsubscribe_all", json!({})).await;
    assert_eq!(client.receive().await["type"], "stream_end");
}

/// What the compiler refuses: the message, by `file:line`.
fn errors(output: &Output) -> BTreeMap<String, String> {
    let text = String::from_utf8_lossy(&output.stderr);
    let found = text.lines().filter_map(|line| {
        let (place, error) = line.split_once(": error[")?;
        let (line, _column) = place.rsplit_once(':')?;
        Some((line.to_owned(), error.split_once(": ")?.1.to_owned()))
    });
    found.collect()
}

/// Each file of tests/read_only marks the lines that must not compile, and says why.
#[test]
fn what_would_write_does_not_compile() {
    let tree = Tree::copy("read-only");
    let mut expected = BTreeMap::new();
    let mut check = vec!["check".to_owned(), "--keep-going".to_owned(), "--message-format=short".to_owned()];
    for entry in fs::read_dir("tests/read_only").unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        let source = fs::read_to_string(&path).unwrap();
        for (index, line) in source.lines().enumerate() {
            if let Some((_, message)) = line.split_once("//~ ") {
                expected.insert(format!("examples/{name}.rs:{}", index + 1), message.to_owned());
            }
        }
        fs::write(tree.root.join(format!("examples/{name}.rs")), source).unwrap();
        check.push(format!("--example={name}"));
    }
    let mut refused = errors(&tree.cargo(&check));
    for (place, message) in &mut refused {
        // How the compiler goes on, and with which hints, is its own affair.
        let length = expected.get(place).map_or(0, String::len);
        assert!(message.is_char_boundary(length), "{message}");
        message.truncate(length);
    }
    assert_eq!(refused, expected);
}
