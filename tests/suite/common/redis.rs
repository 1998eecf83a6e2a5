//! A `redis-server` of the test's own, and proof that nobody wrote to it but the test.

use std::{
    collections::BTreeSet,
    net::TcpListener,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use fullon_cache_api::cache::Verb;
use redis::{Client, Cmd, FromRedisValue, RedisResult, aio::MultiplexedConnection};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};

/// What the server may send beside the reads: the housekeeping of a connection.
const HOUSEKEEPING: [&str; 10] = [
    "HELLO",
    "AUTH",
    "SELECT",
    "ACL DRYRUN",
    "PING",
    "CLIENT TRACKING",
    "PSUBSCRIBE",
    "PUNSUBSCRIBE",
    "CLUSTER NODES",
    "ASKING",
];

/// How a Redis is started.
#[derive(Clone, Default)]
pub struct RedisOptions {
    /// The port; None: a free one.
    pub port: Option<u16>,
    /// More arguments, e.g. `--requirepass secret`.
    pub args: Vec<String>,
    /// The password that the test itself logs in with.
    pub password: Option<String>,
    /// Whether a replica or a master of it speaks to it too.
    pub replicates: bool,
    /// Whether it is the node of a cluster.
    pub is_node: bool,
}

/// A running Redis. When it is dropped, all that was sent to it is held against the closed enum.
pub struct Redis {
    pub port: u16,
    /// The port on which other nodes of a cluster speak to it.
    bus: Option<u16>,
    options: RedisOptions,
    folder: tempfile::TempDir,
    child: Option<Child>,
    connection: Option<MultiplexedConnection>,
    /// Commands of others than the test, by name.
    seen: Arc<Mutex<BTreeSet<String>>>,
}

impl Redis {
    pub async fn start() -> Self {
        Self::start_with(RedisOptions::default()).await
    }

    pub async fn start_with(options: RedisOptions) -> Self {
        const ATTEMPTS: usize = 5;
        let mut why = String::new();
        for _ in 0..ATTEMPTS {
            let port = options.port.unwrap_or_else(free_port);
            let bus = options.is_node.then(free_port);
            let (folder, options) = (tempfile::tempdir().unwrap(), options.clone());
            let mut redis =
                Self { port, bus, options, folder, child: None, connection: None, seen: Arc::default() };
            match redis.try_to_start().await {
                Ok(()) => return redis,
                // Whoever else looked for a free port may have been faster.
                Err(error) => why = error,
            }
        }
        panic!("redis-server does not start: {why}");
    }

    /// Starts it again after [`kill`](Self::kill), empty.
    pub async fn revive(&mut self) {
        let started = self.try_to_start().await;
        started.unwrap_or_else(|error| panic!("redis-server does not start again: {error}"));
    }

    async fn try_to_start(&mut self) -> Result<(), String> {
        let bus = self.bus.map(|bus| ["--cluster-port".to_owned(), bus.to_string()]);
        let child = Command::new("redis-server")
            .args([
                "--port",
                &self.port.to_string(),
                "--bind",
                "127.0.0.1",
                "--save",
                "",
                "--appendonly",
                "no",
            ])
            .arg("--dir")
            .arg(self.folder.path())
            .args(["--unixsocket", &self.socket_path()])
            .args(bus.iter().flatten())
            .args(&self.options.args)
            .stdout(Stdio::null())
            .spawn()
            .expect("redis-server is needed: apt-get install redis-server");
        let own = format!("process_id:{}", child.id());
        self.child = Some(child);
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            match self.connect().await {
                Ok((connection, info)) if info.contains(&own) => {
                    self.connection = Some(connection);
                    self.watch().await;
                    return Ok(());
                }
                Ok(_) => return Err(format!("another one has port {}", self.port)),
                // It is not there yet, or still loads what it held.
                Err(error) if Instant::now() > deadline => return Err(error.to_string()),
                Err(_) => {}
            }
            if let Some(status) = self.child.as_mut().and_then(|child| child.try_wait().unwrap()) {
                return Err(format!("it ended: {status}"));
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Connects, and asks who it is.
    async fn connect(&self) -> RedisResult<(MultiplexedConnection, String)> {
        let patient = redis::AsyncConnectionConfig::new().set_response_timeout(None);
        let mut connection = self.client().get_multiplexed_async_connection_with_config(&patient).await?;
        redis::cmd("PING").query_async::<()>(&mut connection).await?;
        let info = redis::cmd("INFO").arg("server").query_async(&mut connection).await?;
        Ok((connection, info))
    }

    pub fn is_running(&self) -> bool {
        self.child.is_some()
    }

    /// The port on which other nodes of a cluster speak to it.
    pub fn bus_port(&self) -> u16 {
        self.bus.unwrap()
    }

    pub fn socket_path(&self) -> String {
        self.folder.path().join("redis.sock").display().to_string()
    }

    pub fn url(&self) -> String {
        match &self.options.password {
            Some(password) => format!("redis://:{password}@127.0.0.1:{}", self.port),
            None => format!("redis://127.0.0.1:{}", self.port),
        }
    }

    fn client(&self) -> Client {
        Client::open(self.url()).unwrap()
    }

    /// Sends a command of the test's own.
    pub async fn send<T: FromRedisValue>(&self, words: &[&str]) -> T {
        self.try_to(words).await.unwrap()
    }

    /// Sends a command of the test's own, which may fail.
    pub async fn try_to<T: FromRedisValue>(&self, words: &[&str]) -> RedisResult<T> {
        let mut cmd = Cmd::new();
        cmd.arg(words);
        let mut connection = self.connection.clone().unwrap();
        cmd.query_async(&mut connection).await
    }

    /// Sends commands of the test's own, all at once.
    pub async fn send_all(&self, commands: &[Vec<String>]) {
        let mut connection = self.connection.clone().unwrap();
        for chunk in commands.chunks(1000) {
            let mut pipeline = redis::pipe();
            for words in chunk {
                pipeline.cmd(&words[0]).arg(&words[1..]).ignore();
            }
            pipeline.query_async::<()>(&mut connection).await.unwrap();
        }
    }

    /// Sends it a signal, e.g. `STOP`.
    pub fn signal(&self, name: &str) {
        let process = self.child.as_ref().unwrap().id().to_string();
        assert!(Command::new("kill").args(["-s", name, &process]).status().unwrap().success());
    }

    /// Ends it with SIGKILL.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
        self.connection = None;
    }

    /// Notes every command that anyone sends, by `MONITOR`. The test's own connection is told apart by
    /// its address.
    async fn watch(&self) {
        let own: String = self.send(&["CLIENT", "INFO"]).await;
        let own = own.split_whitespace().find_map(|word| word.strip_prefix("addr=")).unwrap().to_owned();
        let mut socket = tokio::net::TcpStream::connect(("127.0.0.1", self.port)).await.unwrap();
        if let Some(password) = &self.options.password {
            socket.write_all(format!("AUTH {password}\r\n").as_bytes()).await.unwrap();
        }
        socket.write_all(b"MONITOR\r\n").await.unwrap();
        let mut lines = BufReader::new(socket).lines();
        // `+OK` for MONITOR: from here on every command is seen.
        while lines.next_line().await.unwrap().unwrap() != "+OK" {}
        let seen = self.seen.clone();
        tokio::spawn(async move {
            // +1700000000.000000 [0 127.0.0.1:50000] "HGET" "tickers:binance" "BTC/USDT"
            while let Ok(Some(line)) = lines.next_line().await {
                let Some((head, words)) = line.split_once("] ") else { continue };
                let from = head.rsplit(' ').next().unwrap_or_default();
                if from != own && from != "lua" {
                    let mut words = words.split('"').skip(1).step_by(2);
                    let mut name = words.next().unwrap_or_default().to_uppercase();
                    // These are many commands under one name.
                    if matches!(name.as_str(), "ACL" | "CLIENT" | "CLUSTER" | "CONFIG" | "SCRIPT") {
                        name = format!("{name} {}", words.next().unwrap_or_default().to_uppercase());
                    }
                    seen.lock().unwrap().insert(name);
                }
            }
        });
    }

    /// The names of the commands that others than the test have sent.
    pub fn commands_seen(&self) -> BTreeSet<String> {
        self.seen.lock().unwrap().clone()
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.kill();
        let reads = Verb::ALL.map(Verb::name);
        let strangers: Vec<String> = self
            .commands_seen()
            .into_iter()
            .filter(|name| !reads.contains(&name.as_str()) && !HOUSEKEEPING.contains(&name.as_str()))
            .collect();
        if !std::thread::panicking() && !self.options.replicates {
            assert!(strangers.is_empty(), "the server sent what no enum of its knows: {strangers:?}");
        }
    }
}

/// A port that nobody uses right now.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
