//! One moment of the simulated market.

use jiff::Timestamp;
use serde_json::json;

use super::random::Random;

/// One moment: when it is, chance, and the commands that it brings about.
pub(super) struct Tick<'r> {
    pub(super) random: &'r mut Random,
    now: Timestamp,
    commands: Vec<Vec<String>>,
}

impl<'r> Tick<'r> {
    pub(super) fn new(now: Timestamp, random: &'r mut Random) -> Self {
        Self { random, now, commands: Vec::new() }
    }

    pub(super) fn into_commands(self) -> Vec<Vec<String>> {
        self.commands
    }

    pub(super) fn send(&mut self, words: &[&str]) {
        self.commands.push(words.iter().map(|&word| word.to_owned()).collect());
    }

    pub(super) fn hset(&mut self, key: &str, field: &str, value: &str) {
        self.send(&["HSET", key, field, value]);
    }

    /// Appends to a list and drops what is older than the newest `most`.
    pub(super) fn append(&mut self, key: &str, elements: &[&str], most: usize) {
        self.send(&[&["RPUSH", key], elements].concat());
        self.send(&["LTRIM", key, &format!("-{most}"), "-1"]);
    }

    /// Whole seconds since the epoch.
    pub(super) fn second(&self) -> i64 {
        self.now.as_second()
    }

    /// Seconds since the epoch, as the cache's float.
    pub(super) fn seconds(&self) -> f64 {
        seconds(self.now)
    }

    /// The same as text.
    pub(super) fn seconds_text(&self) -> String {
        json!(self.seconds()).to_string()
    }

    /// The present as an ISO 8601 text.
    pub(super) fn iso(&self) -> String {
        self.now.strftime("%Y-%m-%dT%H:%M:%S%.6f+00:00").to_string()
    }
}

fn seconds(time: Timestamp) -> f64 {
    // Microseconds since the epoch stay below 2^53 for two more centuries.
    time.as_microsecond() as f64 / 1e6
}

/// Without the noise that float arithmetic leaves behind the eighth decimal.
pub(super) fn tidy(amount: f64) -> f64 {
    (amount * 1e8).round() / 1e8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_the_real_writer_does() {
        let now: Timestamp = "2026-11-22T20:28:40.23925Z".parse().unwrap();
        let mut random = Random::new(0);
        let tick = Tick::new(now, &mut random);
        assert_eq!(tick.iso(), "2026-11-22T20:28:40.239250+00:00");
        assert_eq!(tick.seconds_text(), "1795379320.23925");
        assert_eq!(Tick::new(Timestamp::UNIX_EPOCH, &mut random).iso(), "1970-01-01T00:00:00.000000+00:00");
    }
}
