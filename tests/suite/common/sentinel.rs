//! A Redis Sentinel of the test's own.

use std::{
    fs,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::Duration,
};

use redis::{Client, Cmd, FromRedisValue, RedisResult, aio::MultiplexedConnection};

use super::{Redis, eventually, free_port};

/// What sentinels call the master.
pub const MASTER: &str = "mymaster";
/// A login to the sentinels that may ask where the master is, and do nothing else.
pub const LOGIN: (&str, &str) = ("fullon_reader", "s3cret");

/// A running sentinel.
pub struct Sentinel {
    pub port: u16,
    folder: tempfile::TempDir,
    child: Option<Child>,
    connection: Option<MultiplexedConnection>,
}

impl Sentinel {
    /// One that watches over a master. It takes so many to agree that it is down, and so long.
    pub async fn of(master: &Redis, quorum: usize, down_after: Duration) -> Self {
        let (port, down_after) = (master.port, down_after.as_millis());
        Self::start(&[
            format!("sentinel monitor {MASTER} 127.0.0.1 {port} {quorum}"),
            format!("sentinel down-after-milliseconds {MASTER} {down_after}"),
            format!("sentinel failover-timeout {MASTER} 2000"),
        ])
        .await
    }

    /// One with these lines in its configuration.
    pub async fn start(lines: &[String]) -> Self {
        let (port, folder, (user, password)) = (free_port(), tempfile::tempdir().unwrap(), LOGIN);
        let mut sentinel = Self { port, folder, child: None, connection: None };
        let own = [
            format!("port {port}"),
            "bind 127.0.0.1".to_owned(),
            format!("dir {}", sentinel.folder.path().display()),
            format!("user {user} on >{password} -@all +sentinel|get-master-addr-by-name"),
        ];
        fs::write(sentinel.file(), [&own, lines].concat().join("\n") + "\n").unwrap();
        sentinel.revive().await;
        sentinel
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("sentinel.conf")
    }

    /// Starts it, again after [`kill`](Self::kill) with what it knew.
    pub async fn revive(&mut self) {
        let mut command = Command::new("redis-server");
        command.arg(self.file()).arg("--sentinel").stdout(Stdio::null());
        self.child = Some(command.spawn().expect("redis-server is needed: apt-get install redis-server"));
        let client = Client::open(format!("redis://127.0.0.1:{}", self.port)).unwrap();
        let connection = &mut self.connection;
        eventually("the sentinel starts", async || {
            *connection = client.get_multiplexed_async_connection().await.ok();
            connection.is_some()
        })
        .await;
        // It tells and asks less often than a test has patience; a machine that is busy must not make it wait longer.
        let sooner = ["INFO-PERIOD", "1000", "PUBLISH-PERIOD", "500", "TILT-PERIOD", "1000"];
        let () = self.send(&[&["SENTINEL", "DEBUG"][..], &sooner].concat()).await;
    }

    /// Ends it with SIGKILL.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
        self.connection = None;
    }

    /// Sends a command of the test's own.
    pub async fn send<T: FromRedisValue>(&self, words: &[&str]) -> T {
        self.try_to(words).await.unwrap()
    }

    /// Sends a command of the test's own, which may fail.
    pub async fn try_to<T: FromRedisValue>(&self, words: &[&str]) -> RedisResult<T> {
        let mut cmd = Cmd::new();
        cmd.arg(words);
        cmd.query_async(&mut self.connection.clone().unwrap()).await
    }

    /// The port of the master.
    pub async fn master(&self) -> u16 {
        let (_, port): (String, u16) = self.send(&["SENTINEL", "GET-MASTER-ADDR-BY-NAME", MASTER]).await;
        port
    }

    /// What it was asked for and refused, since it was started.
    pub async fn refused(&self) -> Vec<redis::Value> {
        self.send(&["ACL", "LOG"]).await
    }
}

impl Drop for Sentinel {
    fn drop(&mut self) {
        self.kill();
    }
}
