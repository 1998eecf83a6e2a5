//! Plays what the cache's real writer once wrote.

use std::{path::Path, time::Duration};

use serde::Deserialize;
use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};

use crate::cache::Store;

/// The longest recording, in seconds: a year. It keeps times within what a clock can count.
const LONGEST: f64 = 366.0 * 86_400.0;

/// A recording: JSON lines of `{"t": seconds since its begin, "cmd": ["HSET", …]}`.
#[derive(Debug)]
pub struct Recording {
    file: String,
    commands: Vec<Command>,
}

#[derive(Debug)]
struct Command {
    line: usize,
    at: Duration,
    words: Vec<String>,
}

/// One line as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    t: f64,
    cmd: Vec<String>,
}

impl Recording {
    /// Reads a whole recording and tries its commands out, so that none of them is found unknown halfway.
    /// The error names the file, the line and what is wrong with it.
    pub fn read(path: &Path) -> Result<Self, String> {
        let file = path.display().to_string();
        let bytes = std::fs::read(path).map_err(|error| format!("{file}: {error}"))?;
        let lines = (1..).zip(bytes.split(|byte| *byte == b'\n'));
        let written = lines.filter(|(_, text)| !text.trim_ascii().is_empty());
        let commands = written.map(|(line, text)| {
            let command = Command::parse(line, text);
            command.map_err(|error| format!("{file}, line {line}: {error}"))
        });
        let recording = Self { commands: commands.collect::<Result<_, _>>()?, file };
        recording.load_all(&Store::new())?;
        Ok(recording)
    }

    /// Applies all of it at once.
    pub fn load_all(&self, store: &Store) -> Result<(), String> {
        self.commands.iter().try_for_each(|command| self.apply(command, store))
    }

    /// Applies every command at its time from now on, until the recording ends, `stop` becomes true or its
    /// sender is gone.
    pub async fn run(self, store: Store, mut stop: watch::Receiver<bool>) -> Result<(), String> {
        let begin = Instant::now();
        for command in &self.commands {
            tokio::select! {
                biased;
                _ = stop.wait_for(|stop| *stop) => return Ok(()),
                () = sleep_until(begin + command.at) => self.apply(command, &store)?,
            }
        }
        tracing::info!(file = self.file, commands = self.commands.len(), "the recording has ended");
        Ok(())
    }

    fn apply(&self, command: &Command, store: &Store) -> Result<(), String> {
        let applied = store.apply(&command.words);
        applied.map_err(|error| format!("{}, line {}: {error}", self.file, command.line))
    }
}

impl Command {
    fn parse(line: usize, text: &[u8]) -> Result<Self, String> {
        let Line { t, cmd: words } = serde_json::from_slice(text).map_err(|error| without_place(&error))?;
        if !(0.0..=LONGEST).contains(&t) {
            return Err(format!("`t` is {t}; it must lie between 0 and {LONGEST}"));
        }
        Ok(Self { line, at: Duration::from_secs_f64(t), words })
    }
}

/// serde_json counts lines from the text that it was given, where there is but one.
fn without_place(error: &serde_json::Error) -> String {
    let place = format!(" at line {} column {}", error.line(), error.column());
    let text = error.to_string();
    match text.strip_suffix(&place) {
        Some(cause) => format!("{cause} at column {}", error.column()),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn recording(text: &str) -> Result<Recording, String> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        let name = file.path().display().to_string();
        Recording::read(file.path()).map_err(|error| error.replace(&name, "file"))
    }

    /// A list can be appended to a key only if it holds one or nothing.
    fn holds_text(store: &Store, key: &str) -> bool {
        store.apply(&["RPUSH", key, "element"]).is_err()
    }

    #[test]
    fn errors_name_their_line() {
        let good = "{\"t\": 0, \"cmd\": [\"SET\", \"key\", \"text\"]}\n\n";
        for (bad, expected) in [
            ("{\"t\": 1, \"cmd\": [\"GET\", \"key\"]}", "file, line 3: the embedded cache does not know GET"),
            ("{\"t\": 1, \"cmd\": []}", "file, line 3: an empty command"),
            ("{\"t\": 1, \"cmd\": [\"HSET\", \"key\", \"a\", \"b\"]}", "file, line 3: key holds no hash"),
            (
                "{\"t\": -1, \"cmd\": [\"DEL\", \"key\"]}",
                "file, line 3: `t` is -1; it must lie between 0 and",
            ),
            ("{\"t\": 1e300, \"cmd\": [\"DEL\", \"key\"]}", "file, line 3: `t` is 1000"),
            ("{\"t\": 1, \"cmd\": [], \"db\": 0}", "file, line 3: unknown field `db`"),
            ("{\"t\": 1}", "file, line 3: missing field `cmd` at column 8"),
            ("{\"t\": 1, \"cmd\": [1]}", "file, line 3: invalid type: integer `1`"),
            ("nonsense", "file, line 3: expected ident at column 2"),
        ] {
            let error = recording(&format!("{good}{bad}\n")).unwrap_err();
            assert!(error.starts_with(expected), "{error}");
        }
        let missing = Recording::read(Path::new("/nowhere/session.jsonl")).unwrap_err();
        assert!(missing.starts_with("/nowhere/session.jsonl: "), "{missing}");
    }

    #[tokio::test]
    async fn commands_come_at_their_time_until_stopped() {
        let text = "{\"t\": 0.01, \"cmd\": [\"SET\", \"soon\", \"\"]}\n{\"t\": 9e4, \"cmd\": [\"SET\", \"late\", \"\"]}";
        let store = Store::new();
        recording(text).unwrap().load_all(&store).unwrap();
        assert!(holds_text(&store, "soon") && holds_text(&store, "late"));

        let store = Store::new();
        let (sender, stop) = watch::channel(false);
        let running = tokio::spawn(recording(text).unwrap().run(store.clone(), stop));
        while !holds_text(&store, "soon") {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        sender.send(true).unwrap();
        assert_eq!(running.await.unwrap(), Ok(()));
        assert!(!holds_text(&store, "late"));
    }

    #[tokio::test]
    async fn a_recording_ends() {
        let store = Store::new();
        let (_sender, stop) = watch::channel(false);
        let recording = recording("{\"t\": 0, \"cmd\": [\"SET\", \"key\", \"\"]}\n").unwrap();
        assert_eq!(recording.run(store.clone(), stop).await, Ok(()));
        assert!(holds_text(&store, "key"));
    }
}
