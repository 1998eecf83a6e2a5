//! Bars: a few hundred of the past for some pairs, and the one that is forming.

use serde_json::json;

use super::{
    pair::{PAIRS, Pair},
    quotes::{Quotes, WANDER, WORTH_A_SECOND, trade_volume},
    random::Random,
    tick::{Tick, tidy},
};

/// How many bars a list holds, a forming one counted as often as it was appended.
pub(super) const MOST: usize = 10_000;
/// How many bars of the past there are at the start.
pub(super) const PAST: usize = 300;
/// How many steps of the market a second has.
const STEPS_A_SECOND: f64 = 10.0;

struct Timeframe {
    name: &'static str,
    seconds: i32,
    /// A forming bar is appended again after so many steps: rarely enough that the copies of one bar
    /// don't soon fill the list.
    every: u64,
}

static TIMEFRAMES: [Timeframe; 4] = [
    Timeframe { name: "1m", seconds: 60, every: 20 },
    Timeframe { name: "5m", seconds: 300, every: 50 },
    Timeframe { name: "1h", seconds: 3600, every: 200 },
    Timeframe { name: "1d", seconds: 86_400, every: 600 },
];

/// All bars that are forming.
pub(super) struct Bars {
    series: Vec<Series>,
    steps: u64,
}

/// The bars of one pair and timeframe.
struct Series {
    key: String,
    pair: &'static Pair,
    timeframe: &'static Timeframe,
    forming: Bar,
}

#[derive(Debug, Clone)]
struct Bar {
    time: i64,
    open: f64,
    high: f64,
    low: f64,
    close: f64,
    volume: f64,
}

impl Bars {
    pub(super) fn new(quotes: &Quotes, tick: &mut Tick<'_>) -> Self {
        let mut series = Vec::new();
        for (pair, name) in PAIRS.iter().filter_map(|pair| Some((pair, pair.bars?))) {
            for timeframe in &TIMEFRAMES {
                let key = format!("ohlcv:{name}:{}", timeframe.name);
                let price = pair.nearest(quotes.common_price(pair));
                let past = past(pair, timeframe, price, tick);
                append(&key, &past, tick);
                series.extend(past.last().map(|last| Series { key, pair, timeframe, forming: last.clone() }));
            }
        }
        Self { series, steps: 0 }
    }

    pub(super) fn step(&mut self, quotes: &Quotes, tick: &mut Tick<'_>) {
        self.steps += 1;
        // One series is a step after the other, so that they are not all due at once.
        for (due, series) in (self.steps..).zip(&mut self.series) {
            let price = series.pair.nearest(quotes.common_price(series.pair));
            let closed = series.take(price, tick);
            match closed {
                Some(closed) => append(&series.key, &[closed, series.forming.clone()], tick),
                None if due.is_multiple_of(series.timeframe.every) => {
                    append(&series.key, std::slice::from_ref(&series.forming), tick);
                }
                None => {}
            }
        }
    }
}

impl Series {
    /// Takes the price of this step into the forming bar. If that is a new one, the one before it returns.
    fn take(&mut self, price: f64, tick: &mut Tick<'_>) -> Option<Bar> {
        let volume = trade_volume(self.pair, tick.random) / STEPS_A_SECOND;
        let time = self.timeframe.begin(tick.second());
        // A clock that is set back begins no bar.
        if time > self.forming.time {
            let fresh =
                Bar { time, open: price, high: price, low: price, close: price, volume: tidy(volume) };
            return Some(std::mem::replace(&mut self.forming, fresh));
        }
        let bar = &mut self.forming;
        bar.high = bar.high.max(price);
        bar.low = bar.low.min(price);
        bar.close = price;
        bar.volume = tidy(bar.volume + volume);
        None
    }
}

impl Timeframe {
    /// When the bar began that a time falls into.
    fn begin(&self, second: i64) -> i64 {
        second - second.rem_euclid(self.seconds.into())
    }

    /// How far a price wanders in one bar, as a part of itself.
    fn wander(&self) -> f64 {
        WANDER * (f64::from(self.seconds) * STEPS_A_SECOND).sqrt()
    }
}

impl Bar {
    fn json(&self) -> String {
        json!([self.time, self.open, self.high, self.low, self.close, self.volume]).to_string()
    }
}

/// The bars up to now, oldest first. They are thought up backwards, so that they end at the present price.
fn past(pair: &Pair, timeframe: &Timeframe, price: f64, tick: &mut Tick<'_>) -> Vec<Bar> {
    let mut bars = Vec::with_capacity(PAST);
    let mut time = timeframe.begin(tick.second());
    let mut close = price;
    for _ in 0..PAST {
        let bar = bar_closing_at(close, time, pair, timeframe, tick.random);
        time -= i64::from(timeframe.seconds);
        close = bar.open;
        bars.push(bar);
    }
    bars.reverse();
    bars
}

fn bar_closing_at(close: f64, time: i64, pair: &Pair, timeframe: &Timeframe, random: &mut Random) -> Bar {
    let wander = timeframe.wander();
    let open = pair.nearest(close * (wander * random.bell()).exp());
    let mut wick = || (0.3 * wander * random.bell().abs()).exp();
    let high = pair.nearest(open.max(close) * wick());
    let low = pair.nearest(open.min(close) / wick());
    let volume = f64::from(timeframe.seconds) * WORTH_A_SECOND * random.between(0.5, 1.5) / pair.usual;
    Bar { time, open, high, low, close, volume: tidy(volume) }
}

fn append(key: &str, bars: &[Bar], tick: &mut Tick<'_>) {
    let bars: Vec<String> = bars.iter().map(Bar::json).collect();
    tick.append(key, &bars.iter().map(String::as_str).collect::<Vec<_>>(), MOST);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_bar_begins_at_its_time_and_not_when_the_clock_is_set_back() {
        let mut random = Random::new(1);
        let at = |second| jiff::Timestamp::from_second(second).unwrap();
        let mut seen = Vec::new();
        let forming = Bar { time: 60, open: 5.0, high: 5.0, low: 5.0, close: 5.0, volume: 0.0 };
        let mut series = Series { key: String::new(), pair: &PAIRS[0], timeframe: &TIMEFRAMES[0], forming };
        for (second, price) in [(119, 7.0), (120, 6.0), (100, 8.0), (300, 3.0)] {
            let mut tick = Tick::new(at(second), &mut random);
            let closed = series.take(price, &mut tick);
            seen.push((closed.map(|bar| (bar.time, bar.high)), series.forming.time, series.forming.close));
        }
        let expected =
            [(None, 60, 7.0), (Some((60, 7.0)), 120, 6.0), (None, 120, 8.0), (Some((120, 8.0)), 300, 3.0)];
        assert_eq!(seen, expected);
    }
}
