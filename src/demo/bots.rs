//! Bots, and what they say of their feeds.

use serde_json::{Map, Value, json};

use super::{
    pair::{EXCHANGES, PAIRS},
    tick::Tick,
};

/// How many bots there are.
pub(super) const BOTS: usize = 8;
/// After so many steps a bot reports, each in its turn.
const REPORT_EVERY: usize = 6;

/// All bots.
pub(super) struct Bots {
    bots: Vec<Bot>,
    steps: usize,
}

struct Bot {
    name: String,
    feeds: Vec<Feed>,
}

struct Feed {
    exchange: &'static str,
    symbols: Vec<&'static str>,
    profit: f64,
}

impl Bots {
    pub(super) fn new(tick: &mut Tick<'_>) -> Self {
        let bots: Vec<Bot> = (0..BOTS).map(|number| Bot::new(number, tick)).collect();
        for bot in &bots {
            bot.write(tick);
        }
        Self { bots, steps: 0 }
    }

    pub(super) fn step(&mut self, tick: &mut Tick<'_>) {
        self.steps = self.steps.wrapping_add(1);
        if !self.steps.is_multiple_of(REPORT_EVERY) {
            return;
        }
        let turn = self.steps / REPORT_EVERY % BOTS;
        if let Some(bot) = self.bots.get_mut(turn) {
            for feed in &mut bot.feeds {
                feed.profit += 2.0 * tick.random.bell();
            }
            bot.write(tick);
        }
    }
}

impl Bot {
    fn new(number: usize, tick: &mut Tick<'_>) -> Self {
        let feeds = (0..tick.random.whole(1, 3)).map(|_| Feed::some(tick)).collect();
        Self { name: format!("bot_{number}"), feeds }
    }

    fn write(&self, tick: &mut Tick<'_>) {
        let feeds = (1..).zip(&self.feeds).map(|(number, feed)| {
            // Now and then a feed has nothing to do.
            let status = if tick.random.chance(0.9) { "running" } else { "idle" };
            (format!("feed_{number}"), feed.json(status, &tick.iso()))
        });
        let feeds: Map<String, Value> = feeds.collect();
        tick.hset("bot_status", &self.name, &Value::Object(feeds).to_string());
    }
}

impl Feed {
    fn some(tick: &mut Tick<'_>) -> Self {
        let exchange = tick.random.pick(&EXCHANGES).copied().unwrap_or_default();
        let first = tick.random.below(PAIRS.len());
        let count = 1 + tick.random.below(3);
        let symbols = PAIRS.iter().cycle().skip(first).take(count).map(|pair| pair.symbol).collect();
        Self { exchange, symbols, profit: 100.0 * tick.random.bell() }
    }

    fn json(&self, status: &str, timestamp: &str) -> Value {
        json!({
            "status": status,
            "exchange": self.exchange,
            "symbols": self.symbols,
            "performance": { "pnl": (self.profit * 100.0).round() / 100.0 },
            "timestamp": timestamp,
        })
    }
}
