//! The server: in this process, or as the binary that a user runs.

use std::{
    io,
    net::SocketAddr,
    process::{Child, Command, Stdio},
    sync::Arc,
};

use fullon_cache_api::{
    cache::{Cache, Store},
    config::{Config, Secret, Span},
    registry::Registry,
    server::{self, App, Listener, Live},
};
use tokio::{sync::watch, task::JoinHandle};

use super::{Client, Redis};

/// A server in this process. It stops when it is dropped.
pub struct Server {
    pub address: SocketAddr,
    pub app: Arc<App>,
    stop: watch::Sender<bool>,
    running: JoinHandle<io::Result<()>>,
}

impl Server {
    /// A configuration for tests: any port, and less patience than a user has.
    pub fn config() -> Config {
        let mut config = Config::default();
        config.listen.port = 0;
        config.redis.connect_timeout = Span::millis(500);
        config.redis.response_timeout = Span::millis(500);
        config
    }

    /// A server that reads a Redis, and has reached it.
    pub async fn reading(redis: &Redis) -> Self {
        Self::reading_with(redis, |_| {}).await
    }

    /// The same, with this change to its configuration.
    pub async fn reading_with(redis: &Redis, change: impl FnOnce(&mut Config)) -> Self {
        let mut config = Self::config();
        config.redis.url = Some(Secret::from(redis.url().as_str()));
        change(&mut config);
        let server = Self::start(config).await;
        server.app.cache().connected().await;
        server
    }

    /// A server with this configuration.
    pub async fn start(config: Config) -> Self {
        let cache = Cache::redis(config.redis.link_settings().unwrap());
        Self::start_with(Registry::built_in().unwrap(), cache, config).await
    }

    /// A server of the embedded cache.
    pub async fn embedded(store: Store) -> Self {
        Self::start_with(Registry::built_in().unwrap(), Cache::embedded(store), Self::config()).await
    }

    pub async fn start_with(registry: Registry, cache: Cache, config: Config) -> Self {
        let listeners = Listener::bind_all(&config).await.unwrap();
        let address = listeners[0].address().unwrap();
        let app = App::new(Live::new(registry, config).unwrap(), cache);
        let (stop, stopping) = watch::channel(false);
        let running = tokio::spawn(server::run(listeners, app.clone(), stopping));
        Self { address, app, stop, running }
    }

    pub fn url(&self) -> String {
        format!("ws://{}", self.address)
    }

    pub async fn client(&self) -> Client {
        Client::connect(&self.url()).await
    }

    /// Asks it to stop.
    pub fn stop(&self) {
        self.stop.send_replace(true);
    }

    /// Stops it, and waits until it has no client any more.
    pub async fn stopped(mut self) {
        self.stop();
        (&mut self.running).await.unwrap().unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The binary that a user runs.
pub struct Binary(pub Child);

impl Binary {
    /// The binary with these arguments, in an environment of nothing but the path.
    pub fn command(args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_fullon-cache-api"));
        command.args(args).env_clear().envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
        command
    }

    /// Starts it and waits until it listens. Its standard error is thrown away.
    pub async fn serve(args: &[&str], port: u16) -> Self {
        let port_text = port.to_string();
        let mut command = Self::command(args);
        command.args(["--port", &port_text]).stdout(Stdio::null()).stderr(Stdio::null());
        let mut binary = Self(command.spawn().unwrap());
        while tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            assert!(binary.0.try_wait().unwrap().is_none(), "the server ended");
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        binary
    }
}

impl Drop for Binary {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
