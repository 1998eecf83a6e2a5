//! A recorded session of the library that writes the cache.

use std::fs;

use serde::Deserialize;

use super::Redis;

/// The commands of the recording, in order.
pub struct Fixture {
    pub commands: Vec<Vec<String>>,
}

#[derive(Deserialize)]
struct Line {
    cmd: Vec<String>,
}

impl Fixture {
    pub const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/trading_session.jsonl");

    pub fn load() -> Self {
        let text = fs::read_to_string(Self::PATH).unwrap();
        let commands = text.lines().map(|line| serde_json::from_str::<Line>(line).unwrap().cmd).collect();
        Self { commands }
    }

    /// Plays it all at once. What it published is left out: nobody would hear it.
    pub async fn fill(&self, redis: &Redis) {
        let stored: Vec<Vec<String>> =
            self.commands.iter().filter(|command| command[0] != "PUBLISH").cloned().collect();
        redis.send_all(&stored).await;
    }
}
