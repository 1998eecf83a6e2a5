//! A program that runs: what it prints, as it prints it, and how it ends.

use std::{
    io::{BufRead as _, BufReader, Read},
    process::{Command, Stdio},
    time::Duration,
};

use tokio::{sync::mpsc, time::timeout};

use super::Binary;

/// How long a program may take to print what a test waits for, or to end.
const PATIENCE: Duration = Duration::from_secs(20);

/// A program that is under way. It is killed when this is dropped.
pub struct Program {
    binary: Binary,
    stdout: mpsc::UnboundedReceiver<String>,
    stderr: mpsc::UnboundedReceiver<String>,
}

/// How a program ended, and all that it printed since it was last looked at.
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Program {
    pub fn start(mut command: Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        Self::start_between(command)
    }

    /// Starts it with the standard input and output that it was given already.
    pub fn start_between(mut command: Command) -> Self {
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let stdout = child.stdout.take().map_or_else(|| lines(std::io::empty()), lines);
        let stderr = lines(child.stderr.take().unwrap());
        Self { binary: Binary(child), stdout, stderr }
    }

    /// Waits for a line on standard output with this text in it.
    pub async fn says(&mut self, text: &str) -> String {
        line_with(&mut self.stdout, text).await
    }

    /// Waits for a line on standard error with this text in it.
    pub async fn logs(&mut self, text: &str) -> String {
        line_with(&mut self.stderr, text).await
    }

    /// Waits until it listens, as its log says, and gives its URL.
    pub async fn url(&mut self) -> String {
        let line = self.logs("listening on ws://").await;
        line[line.find("ws://").unwrap()..].trim().to_owned()
    }

    /// Its process.
    pub fn id(&self) -> u32 {
        self.binary.0.id()
    }

    /// Sends it a signal, e.g. `TERM`.
    pub fn signal(&self, name: &str) {
        let kill = Command::new("kill").args(["-s", name, &self.binary.0.id().to_string()]).status();
        assert!(kill.unwrap().success());
    }

    /// Waits for its end.
    pub async fn ended(self) -> Ended {
        let Self { mut binary, stdout, stderr } = self;
        let printed = futures_util::future::join(rest(stdout), rest(stderr));
        let (stdout, stderr) = timeout(PATIENCE, printed).await.expect("the program does not end");
        let code = binary.0.wait().unwrap().code();
        Ended { code, stdout, stderr }
    }
}

/// Runs a program to its end.
pub async fn run(command: Command) -> Ended {
    Program::start(command).ended().await
}

/// Reads lines, each with its end, in a thread of their own.
fn lines(from: impl Read + Send + 'static) -> mpsc::UnboundedReceiver<String> {
    let (sender, receiver) = mpsc::unbounded_channel();
    std::thread::spawn(move || {
        let mut from = BufReader::new(from);
        let mut line = Vec::new();
        while from.read_until(b'\n', &mut line).unwrap() > 0 {
            // Nobody may be left to read it.
            let _ = sender.send(String::from_utf8(std::mem::take(&mut line)).unwrap());
        }
    });
    receiver
}

async fn line_with(lines: &mut mpsc::UnboundedReceiver<String>, text: &str) -> String {
    let mut before = String::new();
    let found = async {
        while let Some(line) = lines.recv().await {
            if line.contains(text) {
                return Some(line);
            }
            before.push_str(&line);
        }
        None
    };
    let found = timeout(PATIENCE, found).await.ok().flatten();
    found.unwrap_or_else(|| panic!("no line with {text:?} after:\n{before}"))
}

async fn rest(mut lines: mpsc::UnboundedReceiver<String>) -> String {
    let mut text = String::new();
    while let Some(line) = lines.recv().await {
        text.push_str(&line);
    }
    text
}
