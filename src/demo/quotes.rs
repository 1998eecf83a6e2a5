//! Prices: a geometric random walk a base currency, and every exchange's quote close to it.

use std::collections::BTreeMap;

use serde_json::json;

use super::{
    pair::{EXCHANGES, PAIRS, Pair},
    random::Random,
    tick::{Tick, tidy},
    trades::Trades,
};

/// How far a price wanders in one step, as a part of itself: some percent a day.
pub(super) const WANDER: f64 = 5e-5;
/// How strongly it is drawn back to what is usual. Without it, a demo left alone for weeks would show
/// prices that nobody believes.
const PULL: f64 = 1e-6;
/// What is traded of a pair in one second, in the quote currency.
pub(super) const WORTH_A_SECOND: f64 = LEAST_WORTH + MOST_WORTH / 7.0;
const LEAST_WORTH: f64 = 20.0;
const MOST_WORTH: f64 = 20_000.0;
/// How many quotes a step renews.
const RENEWED: usize = 4;
/// How far an exchange strays from the common price, in basis points.
const MOST_ASTRAY: f64 = 3.0;

/// Every exchange's quote of every pair.
pub(super) struct Quotes {
    /// By base currency: the logarithm of its price over the usual one.
    walks: BTreeMap<&'static str, f64>,
    quotes: Vec<Quote>,
}

/// One pair on one exchange.
pub(super) struct Quote {
    pub(super) exchange: &'static str,
    pub(super) pair: &'static Pair,
    /// The price of the last trade.
    pub(super) price: f64,
    bid: f64,
    ask: f64,
    volume: f64,
    /// In basis points of the common price.
    astray: f64,
}

impl Quotes {
    pub(super) fn new(tick: &mut Tick<'_>) -> Self {
        let walks = PAIRS.iter().map(|pair| (pair.base(), 0.01 * tick.random.bell())).collect();
        let mut all = Self { walks, quotes: Vec::new() };
        for exchange in EXCHANGES {
            for pair in &PAIRS {
                let mut quote = Quote::new(exchange, pair, tick.random);
                quote.follow(all.common_price(pair), tick.random);
                quote.write(tick);
                all.quotes.push(quote);
            }
        }
        all
    }

    pub(super) fn step(&mut self, trades: &mut Trades, tick: &mut Tick<'_>) {
        for walk in self.walks.values_mut() {
            *walk += WANDER * tick.random.bell() - PULL * *walk;
        }
        for _ in 0..RENEWED {
            let index = tick.random.below(self.quotes.len());
            let Some(pair) = self.quotes.get(index).map(|quote| quote.pair) else { continue };
            let common = self.common_price(pair);
            if let Some(quote) = self.quotes.get_mut(index) {
                quote.renew(common, trades, tick);
            }
        }
    }

    /// What the exchanges' prices of a pair have in common.
    pub(super) fn common_price(&self, pair: &Pair) -> f64 {
        pair.usual * self.walks.get(pair.base()).copied().unwrap_or_default().exp()
    }

    pub(super) fn pick(&self, random: &mut Random) -> Option<&Quote> {
        random.pick(&self.quotes)
    }

    pub(super) fn find(&self, exchange: &str, symbol: &str) -> Option<&Quote> {
        self.quotes.iter().find(|quote| quote.exchange == exchange && quote.pair.symbol == symbol)
    }
}

impl Quote {
    fn new(exchange: &'static str, pair: &'static Pair, random: &mut Random) -> Self {
        let volume = tidy(random.between(0.5, 1.5) * 86_400.0 * WORTH_A_SECOND / pair.usual);
        Self { exchange, pair, price: 0.0, bid: 0.0, ask: 0.0, volume, astray: 0.0 }
    }

    fn renew(&mut self, common: f64, trades: &mut Trades, tick: &mut Tick<'_>) {
        self.follow(common, tick.random);
        let volume = trade_volume(self.pair, tick.random);
        self.volume = tidy(self.volume + volume);
        if tick.random.chance(0.25) {
            trades.on_market(self, volume, tick);
        }
        self.write(tick);
    }

    fn follow(&mut self, common: f64, random: &mut Random) {
        self.astray = (0.9 * self.astray + 0.6 * random.bell()).clamp(-MOST_ASTRAY, MOST_ASTRAY);
        let steps = self.pair.steps(common * (1.0 + self.astray * 1e-4));
        // Counted in whole steps, the bid is below the price and the ask above it whatever the magnitude.
        let half_spread = (steps * 1e-4 * random.between(0.2, 1.0)).round().clamp(1.0, steps - 1.0);
        self.price = self.pair.price(steps);
        self.bid = self.pair.price(steps - half_spread);
        self.ask = self.pair.price(steps + half_spread);
    }

    fn write(&self, tick: &mut Tick<'_>) {
        let Self { exchange, pair: Pair { symbol, .. }, .. } = self;
        let mut ticker = json!({
            "symbol": symbol,
            "exchange": exchange,
            "price": self.price,
            "volume": self.volume,
            "time": tick.seconds(),
            "bid": self.bid,
            "ask": self.ask,
            "last": self.price,
        });
        // Some exchanges tell more than others.
        if *exchange == "kraken" {
            let change = (self.price / self.pair.usual - 1.0) * 100.0;
            ticker["change_24h"] = json!((change * 100.0).round() / 100.0);
        }
        let ticker = ticker.to_string();
        tick.hset(&format!("tickers:{exchange}"), symbol, &ticker);
        tick.send(&["SET", &format!("ticker_time:{exchange}:{symbol}"), &tick.seconds_text()]);
        tick.send(&["PUBLISH", &format!("ticker_updates:{exchange}:{symbol}"), &ticker]);
    }
}

/// What one trade moves, in the base currency: mostly little, now and then much, and on average what is
/// traded in a second.
pub(super) fn trade_volume(pair: &Pair, random: &mut Random) -> f64 {
    // The sixth power of what is spread evenly from 0 to 1 is a seventh on average.
    let worth = LEAST_WORTH + MOST_WORTH * random.unit().powi(6);
    (worth / pair.usual * 1e6).round() / 1e6
}
