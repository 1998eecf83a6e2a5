//! Where values come from, and what is said of wrong ones.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use fullon_cache_api::config::{Config, DEFAULT_FILE, Effective, Loader, PREFIX, VARIABLES};

/// A folder that holds a configuration, and what else there is to configure.
struct Setting {
    folder: tempfile::TempDir,
    loader: Loader,
}

impl Setting {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let loader = Loader { folder: folder.path().to_owned(), ..Loader::default() };
        Self { folder, loader }
    }

    fn file(self, text: &str) -> Self {
        fs::write(self.folder.path().join(DEFAULT_FILE), text).unwrap();
        self
    }

    fn dotenv(self, text: &str) -> Self {
        fs::write(self.folder.path().join(".env"), text).unwrap();
        self
    }

    fn variable(mut self, name: &str, value: &str) -> Self {
        self.loader.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    fn flag(mut self, key: &str, value: &str) -> Self {
        self.loader.flags.push((key.to_owned(), value.to_owned(), "--set".to_owned()));
        self
    }

    fn load(&self) -> (Config, Vec<Effective>) {
        self.loader.load().unwrap()
    }

    /// The value of a key and its source.
    fn effective(&self, key: &str) -> (String, String) {
        let (_, all) = self.load();
        let one = all.into_iter().find(|one| one.key == key).unwrap();
        (one.value, one.source)
    }

    /// All that is wrong, one a line.
    fn problems(&self) -> String {
        self.loader.load().map(|(config, _)| config).unwrap_err().join("\n")
    }

    fn default_file(&self) -> String {
        self.folder.path().join(DEFAULT_FILE).display().to_string()
    }
}

#[test]
fn each_layer_wins_over_the_one_before() {
    let key = "limits.in_flight";
    let variable = "FULLON_CACHE_API__LIMITS__IN_FLIGHT";
    let setting = Setting::new();
    assert_eq!(setting.effective(key), ("64".to_owned(), "default".to_owned()));
    let setting = setting.file("[limits]\nin_flight = 1\n");
    assert_eq!(setting.effective(key), ("1".to_owned(), setting.default_file()));
    let setting = setting.dotenv(&format!("{variable}=2\n"));
    assert_eq!(setting.effective(key), ("2".to_owned(), format!("{variable} in .env")));
    let setting = setting.variable(variable, "3");
    assert_eq!(setting.effective(key), ("3".to_owned(), variable.to_owned()));
    let setting = setting.flag(key, "4");
    assert_eq!(setting.effective(key), ("4".to_owned(), "--set".to_owned()));
    // Neighbours of what is set stay as they are.
    assert_eq!(setting.effective("limits.json_depth"), ("32".to_owned(), "default".to_owned()));
}

#[test]
fn of_two_variables_for_one_key_the_one_with_the_prefix_wins() {
    let (named, prefixed) = (("REDIS_HOST", "a"), ("FULLON_CACHE_API__REDIS__HOST", "b"));
    for [first, second] in [[named, prefixed], [prefixed, named]] {
        let setting = Setting::new().variable(first.0, first.1).variable(second.0, second.1);
        assert_eq!(setting.effective("redis.host"), ("b".to_owned(), prefixed.0.to_owned()));
    }
}

#[test]
fn a_named_file_takes_the_place_of_the_usual_one() {
    let mut setting = Setting::new().file("[redis]\ndb = 1\n");
    let other = setting.folder.path().join("other.toml");
    fs::write(&other, "[redis]\nport = 6380\n").unwrap();
    setting.loader.file = Some(other.clone());
    assert_eq!(setting.effective("redis.port"), ("6380".to_owned(), other.display().to_string()));
    assert_eq!(setting.effective("redis.db"), ("0".to_owned(), "default".to_owned()));
    setting.loader.file = Some(setting.folder.path().join("missing.toml"));
    assert!(setting.problems().ends_with("missing.toml: there is no such file"), "{}", setting.problems());
}

#[test]
fn every_named_variable_stands_for_its_key() {
    for (variable, key) in VARIABLES {
        let value = match key {
            "redis.url" => "unix:///run/redis.sock",
            "redis.port" | "redis.db" | "listen.port" => "7",
            "log.format" => "json",
            _ => "warn",
        };
        let setting = Setting::new().variable(variable, value);
        let shown = match key {
            "redis.url" | "redis.user" | "redis.password" => "(hidden)",
            _ => value,
        };
        assert_eq!(setting.effective(key), (shown.to_owned(), variable.to_owned()));
    }
}

#[test]
fn an_unknown_key_is_an_error_that_names_the_closest() {
    let variable = "FULLON_CACHE_API__REDIS__HOTS";
    let hint = "no key `redis.hots`; did you mean `redis.host`?";
    let setting = Setting::new().file("[redis]\nhots = \"a\"\n");
    assert_eq!(setting.problems(), format!("{}: {hint}", setting.default_file()));
    assert_eq!(Setting::new().variable(variable, "a").problems(), format!("{variable}: {hint}"));
    let setting = Setting::new().dotenv(&format!("{variable}=a\n"));
    assert_eq!(setting.problems(), format!("{variable} in .env: {hint}"));
    assert_eq!(Setting::new().flag("redis.hots", "a").problems(), format!("--set: {hint}"));

    let problems = Setting::new().flag("limit.in_flight", "1").problems();
    assert_eq!(problems, "--set: no key `limit`; did you mean `limits`?");
    let problems = Setting::new().flag("quite.another", "1").problems();
    assert!(
        problems.contains(
            "no key `quite`; there are listen, auth, redis, near_cache, limits, streams, http, log"
        ),
        "{problems}"
    );
}

#[test]
fn a_bad_value_is_an_error_that_names_the_key_and_its_source() {
    let cases = [
        ("redis.port", "70000", "\"70000\" is not a whole number in range"),
        ("redis.port", "-1", "\"-1\" is not a whole number in range"),
        ("redis.db", "first", "\"first\" is not a whole number in range"),
        ("redis.connect_timeout", "5", "\"5\" is no duration; write it with its unit"),
        ("redis.connect_timeout", "0s", "0 leaves no time for anything"),
        ("redis.require_read_only", "maybe", "\"maybe\" is neither true nor false"),
        ("redis.url", "http://127.0.0.1", "no Redis URL"),
        ("redis.host", "a b", "no Redis URL"),
        ("redis.connections", "0", "0 would let nothing through"),
        ("redis.cluster", "redis-1", "\"redis-1\" is no node; write host:port"),
        (
            "redis.cluster",
            "rediss://redis-1:6379",
            "\"rediss://redis-1:6379\" is no node; write host:port, and `redis.tls = true`",
        ),
        ("redis.cluster", "user:secret@redis-1:6379", "a node's address holds no login"),
        ("redis.sentinels", "sentinel-1", "\"sentinel-1\" is no sentinel; write host:port"),
        ("redis.sentinels", "user:secret@sentinel-1:26379", "a sentinel's address holds no login"),
        ("auth.anonymous", "maybe", "\"maybe\" is none of deny, allow"),
        ("limits.in_flight", "0", "0 would let nothing through"),
        ("limits.write_timeout", "0ms", "0 leaves no time for anything"),
        ("log.level", "nonsense", "\"nonsense\" is no log level"),
        ("log.level", "info,a=b=c", "\"info,a=b=c\" is no log level"),
        ("log.format", "xml", "\"xml\" is none of text, json"),
    ];
    for (key, value, complaint) in cases {
        let variable = format!("{PREFIX}{}", key.to_uppercase().replace('.', "__"));
        let (section, name) = key.split_once('.').unwrap();
        let in_file = Setting::new().file(&format!("[{section}]\n{name} = {value:?}\n"));
        let file = in_file.default_file();
        for (setting, source) in [
            (in_file, file),
            (Setting::new().dotenv(&format!("{variable}='{value}'\n")), format!("{variable} in .env")),
            (Setting::new().variable(&variable, value), variable.clone()),
            (Setting::new().flag(key, value), "--set".to_owned()),
        ] {
            let problems = setting.problems();
            assert!(problems.starts_with(&format!("{source}: `{key}`: {complaint}")), "{problems}");
        }
    }
}

#[test]
fn a_cluster_takes_the_place_of_all_else_that_says_where_redis_is() {
    let cluster = ("cluster", "10.0.0.5:6379,[::1]:6380");
    let setting =
        |key, value| Setting::new().flag("redis.cluster", cluster.1).flag(&format!("redis.{key}"), value);
    let good = setting("tls", "true");
    assert_eq!(good.effective("redis.cluster").0, "10.0.0.5:6379, [::1]:6380");
    let settings = good.load().0.redis.link_settings().unwrap();
    assert_eq!(settings.whereabouts.shown(), "the cluster of 10.0.0.5:6379, [::1]:6380");
    let elsewhere = "`redis.cluster` says where Redis is; leave one of them out";
    for (key, value, complaint) in [
        ("url", "redis://127.0.0.1", elsewhere),
        ("host", "10.0.0.5", elsewhere),
        ("port", "6380", elsewhere),
        ("db", "1", "a cluster has no databases; leave it out"),
    ] {
        assert_eq!(setting(key, value).problems(), format!("--set: `redis.{key}`: {complaint}"));
    }
    let both = setting("sentinels", "10.0.0.5:26379").flag("redis.sentinel_master", "mymaster");
    assert_eq!(both.problems(), format!("--set: `redis.sentinels`: {elsewhere}"));
}

#[test]
fn certificates_for_redis_go_with_tls_and_with_their_keys() {
    let setting = |given: &[(&str, &str)]| {
        given
            .iter()
            .fold(Setting::new(), |setting, (key, value)| setting.flag(&format!("redis.{key}"), value))
    };
    let (tls, ca) = (("tls", "true"), ("tls_ca", "ca.pem"));
    let (certificate, key) = (("tls_certificate", "a.pem"), ("tls_key", "a.key"));
    let wants_key = "--set: `redis.tls_certificate`: name the file of its key as `redis.tls_key`";
    assert_eq!(setting(&[tls, certificate]).problems(), wants_key);
    let wants_certificate =
        "--set: `redis.tls_key`: name the file of its certificate as `redis.tls_certificate`";
    assert_eq!(setting(&[tls, key]).problems(), wants_certificate);

    let needless =
        "redis.tls_ca: nobody is spoken to by TLS; set `redis.tls`, or write rediss:// in `redis.url`";
    for (given, doubts) in [
        (&[ca][..], &[needless][..]),
        (&[ca, tls], &[]),
        (&[ca, ("url", "rediss://localhost")], &[]),
        (&[ca, ("sentinels", "rediss://localhost:1"), ("sentinel_master", "m")], &[]),
        (&[tls, certificate, key], &[]),
    ] {
        let config = setting(given).load().0;
        assert_eq!(config.doubts(), doubts);
        let error = config.redis.link_settings().unwrap_err();
        assert!(error.starts_with("redis.tls_") && error.contains("No such file"), "{error}");
    }
}

#[test]
fn sentinels_and_what_is_said_of_them_go_together() {
    let sentinels = "10.0.0.5:26379,rediss://sentinel-2:26379";
    let setting = |given: &[(&str, &str)]| {
        given
            .iter()
            .fold(Setting::new(), |setting, (key, value)| setting.flag(&format!("redis.{key}"), value))
    };
    let good = setting(&[("sentinels", sentinels), ("sentinel_master", "mymaster"), ("tls", "true")]);
    assert_eq!(good.effective("redis.sentinels").0, "10.0.0.5:26379, rediss://sentinel-2:26379");
    let settings = good.load().0.redis.link_settings().unwrap();
    assert_eq!(settings.whereabouts.shown(), "mymaster of the sentinels 10.0.0.5:26379, sentinel-2:26379",);

    let elsewhere = "`redis.sentinels` say where the master is; leave one of them out";
    let for_none = "it is for sentinels, and there are none; list them as `redis.sentinels`";
    let two = [("sentinels", sentinels), ("sentinel_master", "mymaster")];
    let with = |key, value| setting(&[two[0], two[1], (key, value)]);
    for (setting, key, complaint) in [
        (with("url", "redis://127.0.0.1"), "url", elsewhere),
        (with("host", "10.0.0.5"), "host", elsewhere),
        (with("port", "26379"), "port", elsewhere),
        (setting(&two[..1]), "sentinels", "name the master to ask them for as `redis.sentinel_master`"),
        (setting(&two[1..]), "sentinel_master", for_none),
        (setting(&[("sentinel_user", "reader")]), "sentinel_user", for_none),
        (setting(&[("sentinel_password", "s3cret")]), "sentinel_password", for_none),
        (setting(&[("sentinel_password_file", "/run/p")]), "sentinel_password_file", for_none),
        (
            setting(&[("url", "redis://127.0.0.1"), ("tls", "true")]),
            "tls",
            "the URL in `redis.url` has no TLS; write rediss:// there, or leave one of them out",
        ),
    ] {
        assert_eq!(setting.problems(), format!("--set: `redis.{key}`: {complaint}"));
    }
    assert!(setting(&[("url", "rediss://127.0.0.1"), ("tls", "true")]).load().0.redis.tls);
}

#[test]
fn replicas_are_read_where_sentinels_tell_of_them() {
    let setting = |given: &[(&str, &str)]| {
        given
            .iter()
            .fold(Setting::new(), |setting, (key, value)| setting.flag(&format!("redis.{key}"), value))
    };
    let sentinels = [("sentinels", "10.0.0.5:26379"), ("sentinel_master", "mymaster")];
    assert!(setting(&[sentinels[0], sentinels[1], ("replicas", "true")]).load().0.redis.replicas);
    assert!(!setting(&sentinels).load().0.redis.replicas);
    let for_none = "sentinels tell of replicas, and there are none; list them as `redis.sentinels`, or give a replica's \
                    own address by `redis.url`, or `redis.host` and `redis.port`";
    let of_cluster = "the replicas of a cluster cannot be read, for they do not have the keys that are on their way \
                      between masters; leave it out";
    for (given, fault) in [
        (&[("replicas", "true")][..], for_none),
        (&[("replicas", "true"), ("host", "10.0.0.5")], for_none),
        (&[("replicas", "true"), ("cluster", "10.0.0.5:6379")], of_cluster),
    ] {
        assert_eq!(setting(given).problems(), format!("--set: `redis.replicas`: {fault}"));
    }
}

#[test]
fn all_values_out_of_bounds_are_named_at_once() {
    let setting = Setting::new().flag("limits.in_flight", "0").variable("LOG_LEVEL", "nonsense");
    let problems = setting.flag("redis.queue", "0").problems();
    for expected in ["--set: `limits.in_flight`: ", "--set: `redis.queue`: ", "LOG_LEVEL: `log.level`: "] {
        assert!(problems.contains(expected), "{problems}");
    }
    for good in ["warn", "INFO", "info,fullon_cache_api::cache=debug", "off", "fullon_cache_api=trace"] {
        assert_eq!(Setting::new().variable("LOG_LEVEL", good).effective("log.level").0, good);
    }
}

#[test]
fn a_password_stays_as_it_was_written_and_is_shown_to_nobody() {
    let password = |setting: Setting| {
        let (config, all) = setting.load();
        assert!(all.iter().all(|one| !one.value.contains("0071")), "{all:?}");
        assert!(!format!("{config:?}").contains("0071"));
        config.redis.password.unwrap().expose().to_owned()
    };
    assert_eq!(password(Setting::new().variable("REDIS_PASSWORD", "0071")), "0071");
    assert_eq!(password(Setting::new().dotenv("REDIS_PASSWORD=0071\n")), "0071");
    assert_eq!(password(Setting::new().dotenv("REDIS_PASSWORD='0071#$HOME'\n")), "0071#$HOME");
    assert_eq!(password(Setting::new().file("[redis]\npassword = \"0071\"\n")), "0071");
    assert_eq!(password(Setting::new().file("[redis]\npassword = 120071\n")), "120071");
    assert_eq!(password(Setting::new().flag("redis.password", "0071")), "0071");
}

#[test]
fn a_file_may_hold_the_password() {
    a_file_may_hold("redis.password");
}

#[test]
fn a_file_may_hold_the_password_for_the_sentinels() {
    a_file_may_hold("redis.sentinel_password");
}

fn a_file_may_hold(key: &str) {
    let file = tempfile::NamedTempFile::new().unwrap();
    let variable = format!("{PREFIX}{}", key.to_uppercase().replace('.', "__"));
    let wrong = |password: &str| {
        let setting = Setting::new().variable(&variable, password);
        let setting = setting.flag(&format!("{key}_file"), &file.path().display().to_string());
        let setting = setting.flag("redis.sentinels", "127.0.0.1:26379").flag("redis.sentinel_master", "m");
        setting.load().0.redis.link_settings().err().unwrap_or_default()
    };
    // None at all, as where a service is set up before its secret.
    assert_eq!((wrong("").as_str(), wrong("s3cret").as_str()), ("", ""));
    fs::write(&file, "0071\n").unwrap();
    assert_eq!(wrong(""), "");
    assert_eq!(wrong("s3cret"), format!("{key}_file: `{key}` is given too; leave one of them out"));
    fs::remove_file(&file).unwrap();
    let missing = wrong("");
    assert!(missing.starts_with(&format!("{key}_file: ")) && missing.contains("No such file"), "{missing}");
}

#[test]
fn a_file_that_cannot_be_read_gives_no_password_away() {
    let setting = Setting::new().file("[redis]\npassword = 0071secret\n");
    let problems = setting.problems();
    let begin = format!("{}: TOML parse error at line 2", setting.default_file());
    assert!(problems.starts_with(&begin) && !problems.contains("0071"), "{problems}");
    let problems = Setting::new().dotenv("REDIS_HOST=a\nREDIS_PASSWORD='0071\n").problems();
    assert!(problems.contains(".env: variable 2") && !problems.contains("0071"), "{problems}");
    let problems = Setting::new().variable("REDIS_URL", "redis://:0071@127.0.0.1:70000").problems();
    assert!(problems.starts_with("REDIS_URL: `redis.url`: ") && !problems.contains("0071"), "{problems}");
}

#[test]
fn empty_variables_are_ignored() {
    let setting = Setting::new().dotenv("REDIS_HOST=\nREDIS_PORT=6380\n").variable("REDIS_PORT", "");
    let setting = setting.variable("REDIS_PASSWORD", "").variable("FULLON_CACHE_API__LIMITS__IN_FLIGHT", "");
    let (config, _) = setting.load();
    assert_eq!((config.redis.host.as_str(), config.redis.port), ("127.0.0.1", 6380));
    assert_eq!((config.redis.password, config.limits.in_flight), (None, 64));
}

/// A file of the repository root.
fn of_root(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

#[test]
fn the_example_file_shows_every_key_at_its_default() {
    let text = of_root("fullon-cache-api.example.toml");
    // One mark hides a default, two an example of what has none; comments have a space.
    let is_setting = |line: &str| line.starts_with(|c: char| c.is_ascii_lowercase());
    let defaults = text.lines().map(|line| match line.strip_prefix('#').filter(|rest| is_setting(rest)) {
        Some(setting) => setting.to_owned(),
        None => line.to_owned(),
    });
    let setting = Setting::new().file(&defaults.collect::<Vec<_>>().join("\n"));
    let (_, of_example) = setting.load();
    let (_, built_in) = Setting::new().load();
    for (shown, default) in of_example.iter().zip(&built_in) {
        assert_eq!((&shown.key, &shown.value), (&default.key, &default.value));
        let source = if default.value == "(none)" { "default".to_owned() } else { setting.default_file() };
        assert_eq!(shown.source, source, "{} is missing", shown.key);
    }

    // Every key, and whether the file has it.
    let without = |left_out: &[&str]| {
        let is_left_out = |setting: &str| left_out.iter().any(|key| setting.starts_with(key));
        let all = text.lines().map(|line| match line.trim_start_matches('#') {
            setting if is_setting(setting) && !is_left_out(setting) => setting.to_owned(),
            _ => line.to_owned(),
        });
        let setting = Setting::new().file(&all.collect::<Vec<_>>().join("\n"));
        let file = setting.default_file();
        setting.load().1.into_iter().map(move |one| (one.key, one.source == file))
    };
    // A URL, sentinels and a cluster exclude each other.
    let mut shown = BTreeMap::new();
    for left_out in [["url", "sentinel"], ["url", "cluster"], ["sentinel", "cluster"]] {
        for (key, is_shown) in without(&left_out) {
            *shown.entry(key).or_insert(false) |= is_shown;
        }
    }
    assert!(shown.values().all(|is_shown| *is_shown), "{shown:?}");
}

#[test]
fn the_example_environment_shows_every_named_variable() {
    let text = of_root(".env.example");
    let settings = text.lines().map(|line| line.trim_start_matches('#'));
    let settings: Vec<&str> =
        settings.filter(|line| line.starts_with(|c: char| c.is_ascii_uppercase())).collect();
    let shown: BTreeSet<&str> = settings.iter().map(|line| line.split_once('=').unwrap().0).collect();
    let named: BTreeSet<&str> = VARIABLES.iter().map(|(variable, _)| *variable).collect();
    assert!(named.is_subset(&shown), "missing: {:?}", named.difference(&shown).collect::<Vec<_>>());

    let setting = Setting::new().dotenv(&settings.join("\n"));
    let (_, all) = setting.load();
    for (variable, key) in VARIABLES {
        let one = all.iter().find(|one| one.key == key).unwrap();
        assert_eq!(one.source, format!("{variable} in .env"));
    }
    let (_, as_it_is) = Setting::new().dotenv(&text).load();
    assert_eq!(as_it_is, Setting::new().load().1, "everything in it is commented out");
}

/// What a key is by each of the ways that hold texts.
fn by_text(key: &str, value: &str) -> [Setting; 3] {
    let variable = format!("{PREFIX}{}", key.to_uppercase().replace('.', "__"));
    [
        Setting::new().dotenv(&format!("{variable}='{value}'\n")),
        Setting::new().variable(&variable, value),
        Setting::new().flag(key, value),
    ]
}

#[test]
fn every_key_can_be_given_as_a_text() {
    let sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    let tokens =
        format!(r#"[{{ name = "bot", sha256 = "{sha256}", scopes = ["market"], user_ids = [1001] }}]"#);
    let issuers = r#"[{ issuer = "i", audience = "a", algorithms = ["ES256"], key_file = "k.pem" }]"#;
    for (key, text, shown, value) in [
        ("auth.tokens", tokens.as_str(), "auth.tokens.0.user_ids", "1001"),
        ("auth.issuers", issuers, "auth.issuers.0.key_file", "k.pem"),
        ("auth.certificates", r#"[{ name = "n", dns = "d" }]"#, "auth.certificates.0.dns", "d"),
        ("auth.anonymous_scopes", r#"["market", "bots"]"#, "auth.anonymous_scopes", "market, bots"),
        ("auth.anonymous_scopes", "market,bots", "auth.anonymous_scopes", "market, bots"),
        ("auth.anonymous_scopes", "[]", "auth.anonymous_scopes", "(none)"),
        ("listen.tls", r#"{ certificate = "c", key = "k" }"#, "listen.tls.key", "k"),
        ("listen.also", r#"[{ unix = "/s" }, { host = "h", port = 1 }]"#, "listen.also.1.port", "1"),
        ("listen.trusted_proxies", r#"["10.0.0.0/8"]"#, "listen.trusted_proxies", "10.0.0.0/8"),
        ("operations_file", "[a.yaml", "operations_file", "[a.yaml"),
        ("redis.host", "[::1]", "redis.host", "[::1]"),
    ] {
        for setting in by_text(key, text) {
            assert_eq!(setting.effective(shown).0, value, "{key}={text}");
        }
    }
    // A text that looks like a list stays what it is where a text is wanted.
    for password in ["[1]", "{}", "[", "{ a = 1 }"] {
        for setting in by_text("redis.password", password) {
            assert_eq!(setting.load().0.redis.password.unwrap().expose(), password);
        }
    }
}

#[test]
fn what_is_wrong_with_a_text_is_said_without_the_text() {
    let secret = "fca_0071";
    for (key, text, complaint) in [
        ("auth", secret.to_owned(), "want a table, found a text"),
        ("auth.tokens", secret.to_owned(), "no TOML; want a list of tables"),
        ("auth.tokens", format!("[{secret}"), "no TOML; want a list of tables"),
        ("auth.tokens", format!("[]\nother = \"{secret}\""), "no TOML; want a list of tables"),
        ("auth.tokens", format!("[\"{secret}\"]"), "want a table, found a text"),
        ("auth.tokens", format!("{{ name = \"{secret}\" }}"), "found a table"),
        (
            "auth.tokens",
            format!("[{{ name = \"bot\", sha = \"{secret}\" }}]"),
            "no key `0.sha`; did you mean `0.sha256`?",
        ),
        ("auth.tokens", format!("[{{ name = \"bot\", sha256 = \"{secret}\" }}]"), "`0.sha256`: no SHA-256"),
        ("auth.anonymous_scopes", format!("[\"market\", {secret}"), "no list; write [\"a\", \"b\"], or a,b"),
        ("listen.tls", secret.to_owned(), "no TOML; want a table"),
        ("redis", secret.to_owned(), "want a table, found a text"),
    ] {
        for setting in by_text(key, &text) {
            let problems = setting.problems();
            assert!(problems.contains(complaint) && !problems.contains(secret), "{key}={text}: {problems}");
        }
    }
    let problems = Setting::new().file("[redis]\npassword = 1.0071\n").problems();
    assert!(problems.contains("`redis.password`: want a text, found a number"), "{problems}");
}
