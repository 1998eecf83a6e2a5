//! The command line: one file a subcommand.

mod call;
mod check;
mod completions;
mod demo;
mod describe;
mod example;
mod files;
mod generate;
mod health;
mod list;
mod man;
mod output;
mod reload;
mod schemas;
mod serve;
mod systemd;
mod token;
mod watch;

use std::{
    fmt,
    io::{self, IsTerminal as _},
    net::IpAddr,
    path::PathBuf,
    process::ExitCode,
    time::Duration,
};

use clap::{
    Args, Parser, Subcommand,
    builder::{OsStringValueParser, TypedValueParser},
};
use tracing_subscriber::{EnvFilter, fmt::layer, prelude::*, reload::Handle};

use crate::{
    client::{Client, ClientError, Endpoint},
    config::{Config, Effective, Listen, Loader, LogFormat, Secret, parse_duration},
    registry::Registry,
    server::{HandedOver, Live},
    version,
};

/// Opens a Redis cache of trading data over WebSocket, read-only and live.
#[derive(Debug, Parser)]
#[command(name = "fullon-cache-api", version = version::FULL, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the cache of a Redis
    Serve(serve::Args),
    /// Serve a simulated market, or a recording; needs nothing installed
    Demo(demo::Args),
    /// List the operations of a running server
    List(list::Args),
    /// Show what a running server says of itself, or of one operation
    Describe(describe::Args),
    /// Call an operation of a running server
    Call(call::Args),
    /// Follow a stream of a running server
    Watch(watch::Args),
    /// Write the JSON Schemas of this binary's operations
    Schemas(schemas::Args),
    /// Write a client in Python or TypeScript, or documents, of this binary or of a running server
    Generate(generate::Args),
    /// Check everything that would go wrong at start: configuration, operations, Redis and its rights
    Check(check::Args),
    /// Tell whether a running server is well; for those who watch over containers
    Health(health::Args),
    /// Make tokens to log in with
    Token(token::Args),
    /// Print a completion script for a shell
    Completions(completions::Args),
    /// Print the man page, or write one for each command
    Man(man::Args),
}

/// Exit codes, beside 0.
mod exit {
    pub(super) const FAILED: u8 = 1;
    pub(super) const USAGE: u8 = 2;
    pub(super) const UNREACHABLE: u8 = 3;
    pub(super) const REFUSED: u8 = 4;
    pub(super) const TIMED_OUT: u8 = 5;

    /// What each means.
    pub(super) const ALL: [(u8, &str); 6] = [
        (0, "It worked."),
        (FAILED, "It did not work."),
        (USAGE, "The command line or the configuration is wrong."),
        (UNREACHABLE, "The server cannot be reached."),
        (REFUSED, "The server answered with an error."),
        (TIMED_OUT, "The server did not answer in time."),
    ];
}

/// Why a command failed: what to say on standard error, and the exit code.
#[derive(Debug)]
pub(crate) struct Failure {
    code: u8,
    message: String,
}

impl Failure {
    fn new(message: impl fmt::Display) -> Self {
        Self { code: exit::FAILED, message: message.to_string() }
    }

    fn usage(message: impl fmt::Display) -> Self {
        Self { code: exit::USAGE, message: message.to_string() }
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        let code = match &error {
            ClientError::Unreachable { .. } => exit::UNREACHABLE,
            ClientError::TimedOut(_) => exit::TIMED_OUT,
            ClientError::Refused(_) => exit::REFUSED,
            ClientError::BadAddress(_) => exit::USAGE,
            ClientError::Gap(_) | ClientError::Closed | ClientError::UnknownForm(_) => exit::FAILED,
        };
        let hint = match &error {
            ClientError::Refused(refusal) if refusal.error_code == "UNAUTHENTICATED" => {
                "\n  The token is that of --token or FULLON_CACHE_API_TOKEN"
            }
            _ => "",
        };
        Self { code, message: format!("{error}{hint}") }
    }
}

/// What the commands that need a configuration take.
#[derive(Debug, Clone, Args)]
pub(crate) struct ConfigFlags {
    /// TOML file to read [default: fullon-cache-api.toml, if it is there]
    #[arg(long, value_name = "FILE", env = "CONFIG_FILE", value_parser = file_or_empty())]
    config: Option<PathBuf>,
    /// Address to listen on
    #[arg(long, value_name = "HOST")]
    host: Option<String>,
    /// Port to listen on; 0 lets the system choose
    #[arg(long, value_name = "PORT")]
    port: Option<String>,
    /// Redis to read: redis://, rediss:// or unix://
    #[arg(long, value_name = "URL")]
    redis_url: Option<String>,
    /// YAML file laid over the built-in operations.yaml
    #[arg(long, value_name = "FILE")]
    operations: Option<String>,
    /// What to log: error, warn, info, debug, trace
    #[arg(long, value_name = "LEVEL")]
    log_level: Option<String>,
    /// How to log: text, json
    #[arg(long, value_name = "FORMAT")]
    log_format: Option<String>,
    /// Any other value of the configuration, e.g. --set limits.in_flight=16; lists and tables as TOML
    #[arg(long = "set", value_name = "KEY=VALUE")]
    values: Vec<String>,
}

/// The flags that stand for a key of the configuration, as [`ConfigFlags`] has them.
const FLAGS: [(&str, &str); 6] = [
    ("--host", "listen.host"),
    ("--port", "listen.port"),
    ("--redis-url", "redis.url"),
    ("--operations", "operations_file"),
    ("--log-level", "log.level"),
    ("--log-format", "log.format"),
];

/// Reads a path. An empty one passes, to be ignored: a variable may be set to nothing.
fn file_or_empty() -> impl TypedValueParser<Value = PathBuf> {
    OsStringValueParser::new().map(PathBuf::from)
}

impl ConfigFlags {
    /// The TOML file that is named.
    fn file(&self) -> Option<PathBuf> {
        self.config.clone().filter(|file| !file.as_os_str().is_empty())
    }

    fn load(&self) -> Result<(Config, Vec<Effective>), Failure> {
        let mut flags = Vec::new();
        let values =
            [&self.host, &self.port, &self.redis_url, &self.operations, &self.log_level, &self.log_format];
        for ((flag, key), value) in FLAGS.into_iter().zip(values) {
            if let Some(value) = value {
                flags.push((key.to_owned(), value.clone(), flag.to_owned()));
            }
        }
        for pair in &self.values {
            let (key, value) = pair.split_once('=').ok_or_else(|| Failure::usage("--set: want KEY=VALUE"))?;
            flags.push((key.to_owned(), value.to_owned(), "--set".to_owned()));
        }
        Loader::of_process(self.file(), flags).load().map_err(|problems| {
            Failure::usage(format!("the configuration is wrong:\n  {}", problems.join("\n  ")))
        })
    }
}

/// What the commands that speak to a running server take.
#[derive(Debug, Clone, Args)]
pub(crate) struct ClientFlags {
    /// Server to speak to: ws://, wss:// or unix:// [default: where the configuration has `serve` listen]
    #[arg(long, value_name = "URL", env = "FULLON_CACHE_API_URL")]
    url: Option<String>,
    /// Token to log in with
    #[arg(long, value_name = "TOKEN", env = "FULLON_CACHE_API_TOKEN", hide_env_values = true)]
    token: Option<Secret>,
    /// PEM file of those who vouch for a wss:// server [default: those whom the system trusts]
    #[arg(long, value_name = "FILE", env = "FULLON_CACHE_API_CA", value_parser = file_or_empty())]
    ca: Option<PathBuf>,
    /// How long to wait for it; a stream may be silent for longer, its server not
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = parse_duration)]
    timeout: Duration,
}

impl ClientFlags {
    /// Whether a server is named, by a flag or by the environment.
    fn names_a_server(&self) -> bool {
        self.url.as_ref().is_some_and(|url| !url.is_empty())
    }

    /// Where the server is, and whom to believe that it is there.
    fn endpoint(&self) -> Result<Endpoint, Failure> {
        let endpoint = Endpoint::parse(&self.address()?);
        let endpoint = endpoint.map_err(|wrong| Failure::usage(format!("--url: {wrong}")))?;
        match self.ca.as_ref().filter(|file| !file.as_os_str().is_empty()) {
            Some(file) => endpoint.trusting(file).map_err(|wrong| Failure::usage(format!("--ca: {wrong}"))),
            None => Ok(endpoint),
        }
    }

    /// Connects, once.
    async fn connect(&self) -> Result<Client, Failure> {
        let url = self.address()?;
        Endpoint::parse(&url).map_err(|wrong| Failure::usage(format!("--url: {wrong}")))?;
        // That it takes too long is told from that nobody is there.
        let longer = self.timeout.saturating_add(Duration::from_secs(1));
        let mut builder =
            Client::builder(&url).timeout(self.timeout).heartbeat(self.timeout).connect_timeout(longer);
        if let Some(token) = self.token.as_ref().filter(|token| !token.expose().is_empty()) {
            builder = builder.token(token.expose());
        }
        if let Some(file) = self.ca.as_ref().filter(|file| !file.as_os_str().is_empty()) {
            builder = builder.authority(file);
        }
        let connected = tokio::time::timeout(self.timeout, builder.connect()).await;
        connected.unwrap_or(Err(ClientError::TimedOut(self.timeout))).map_err(|error| match error {
            ClientError::BadAddress(wrong) => Failure::usage(format!("--ca: {wrong}")),
            error => error.into(),
        })
    }

    /// Where the server is: as it is said, or else where the configuration has `serve` listen.
    fn address(&self) -> Result<String, Failure> {
        if let Some(url) = self.url.as_ref().filter(|url| !url.is_empty()) {
            return Ok(url.clone());
        }
        let file = std::env::var_os("CONFIG_FILE").filter(|file| !file.is_empty());
        let (config, _) = Loader::of_process(file.map(PathBuf::from), Vec::new())
            .load()
            .map_err(|problems| Failure::usage(problems.join("\n")))?;
        let Listen { host, port, tls, .. } = &config.listen;
        let scheme = if tls.is_some() { "wss" } else { "ws" };
        Ok(match host.parse::<IpAddr>() {
            // It listens on all addresses, this one among them.
            Ok(IpAddr::V4(host)) if host.is_unspecified() => format!("{scheme}://127.0.0.1:{port}"),
            Ok(IpAddr::V6(host)) if host.is_unspecified() => format!("{scheme}://[::1]:{port}"),
            Ok(IpAddr::V6(host)) => format!("{scheme}://[{host}]:{port}"),
            _ => format!("{scheme}://{host}:{port}"),
        })
    }
}

/// What is in force with a configuration.
fn live(config: Config) -> Result<Live, Failure> {
    let registry = registry(&config)?;
    let faults = config.listen.faults_of_files();
    if !faults.is_empty() {
        return Err(Failure::usage(faults.join("\n")));
    }
    for doubt in config.doubts() {
        tracing::warn!("{doubt}");
    }
    Live::new(registry, config).map_err(|problems| Failure::usage(problems.join("\n")))
}

fn registry(config: &Config) -> Result<Registry, Failure> {
    match &config.operations_file {
        Some(file) => Registry::with_overlay(file),
        None => Registry::built_in(),
    }
    .map_err(Failure::usage)
}

/// The log, once it is started.
pub(crate) struct Logging(Handle<EnvFilter, tracing_subscriber::Registry>);

impl Logging {
    /// Takes over another level.
    fn set_level(&self, level: &str) -> Result<(), Failure> {
        let filter = EnvFilter::try_new(level).map_err(Failure::usage)?;
        self.0.reload(filter).map_err(Failure::new)
    }
}

fn start_logging(config: &Config) -> Result<Logging, Failure> {
    let filter = EnvFilter::try_new(&config.log.level).map_err(Failure::usage)?;
    let (filter, handle) = tracing_subscriber::reload::Layer::new(filter);
    let registry = tracing_subscriber::registry().with(filter);
    // The library would colour a file's lines too.
    let is_plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let lines = layer().with_writer(io::stderr).with_ansi(io::stderr().is_terminal() && !is_plain);
    match config.log.format {
        LogFormat::Text => registry.with(lines).try_init(),
        LogFormat::Json => registry.with(lines.json().flatten_event(true)).try_init(),
    }
    .map_err(Failure::new)?;
    Ok(Logging(handle))
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    // clap itself ends with 2 where the line is wrong.
    let cli = Cli::parse();
    // While there are no other threads.
    let handed_over = HandedOver::take();
    // Clients are served by threads of their own.
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return report(Failure::new(format!("cannot start: {error}"))),
    };
    let done = runtime.block_on(async {
        match cli.command {
            Command::Serve(args) => serve::run(args, handed_over.map_err(Failure::new)?).await,
            Command::Demo(args) => demo::run(args, handed_over.map_err(Failure::new)?).await,
            Command::List(args) => list::run(args).await,
            Command::Describe(args) => describe::run(args).await,
            Command::Call(args) => call::run(args).await,
            Command::Watch(args) => watch::run(args).await,
            Command::Schemas(args) => schemas::run(&args),
            Command::Generate(args) => generate::run(args).await,
            Command::Check(args) => check::run(args, handed_over.map_err(Failure::new)?).await,
            Command::Health(args) => health::run(args).await,
            Command::Token(args) => token::run(&args),
            Command::Completions(args) => completions::run(&args),
            Command::Man(args) => man::run(&args),
        }
    });
    // Whatever still runs has nothing to lose.
    runtime.shutdown_background();
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => report(failure),
    }
}

fn report(failure: Failure) -> ExitCode {
    eprintln!("fullon-cache-api: {}", failure.message);
    ExitCode::from(failure.code)
}
