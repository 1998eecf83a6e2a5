//! What is traded, and where.

/// The exchanges.
pub(super) const EXCHANGES: [&str; 3] = ["binance", "kraken", "bitmex"];

/// A trading pair.
#[derive(Debug, PartialEq)]
pub(super) struct Pair {
    pub(super) symbol: &'static str,
    /// The price that the pair's own wanders around.
    pub(super) usual: f64,
    /// How many decimals a price has.
    decimals: i32,
    /// The name that its bars are kept under, for those that have some: their writers spell it differently.
    pub(super) bars: Option<&'static str>,
}

/// The pairs; those with the same base follow one price.
pub(super) static PAIRS: [Pair; 12] = [
    Pair::new("BTC/USDT", 64_000.0, 2, Some("BTC/USDT")),
    Pair::new("ETH/USDT", 3_150.0, 2, Some("ETH/USDT")),
    Pair::new("SOL/USDT", 152.0, 3, Some("SOLUSDT")),
    Pair::new("OP/USDT", 1.85, 4, None),
    Pair::new("XRP/USDT", 0.5321, 5, Some("XRP/USDT")),
    Pair::new("ADA/USDT", 0.4406, 5, None),
    Pair::new("DOGE/USDT", 0.1284, 5, None),
    Pair::new("LTC/USDT", 82.4, 3, None),
    Pair::new("AVAX/USDT", 27.9, 3, None),
    Pair::new("LINK/USDT", 14.3, 4, None),
    Pair::new("SHIB/USDT", 0.000_024_12, 8, None),
    Pair::new("BTC/USD", 64_000.0, 2, Some("BTCUSD")),
];

impl Pair {
    const fn new(symbol: &'static str, usual: f64, decimals: i32, bars: Option<&'static str>) -> Self {
        Self { symbol, usual, decimals, bars }
    }

    /// The currency that is traded.
    pub(super) fn base(&self) -> &'static str {
        self.symbol.split_once('/').map_or(self.symbol, |(base, _)| base)
    }

    /// The currency that it is paid in.
    pub(super) fn quote(&self) -> &'static str {
        self.symbol.split_once('/').map_or("", |(_, quote)| quote)
    }

    /// The symbol without its slash.
    pub(super) fn compact(&self) -> String {
        self.symbol.replace('/', "")
    }

    /// A price as a number of the smallest steps that it can make; at least 2, so that there is one below.
    pub(super) fn steps(&self, price: f64) -> f64 {
        (price * self.scale()).round().max(2.0)
    }

    /// The price of so many steps.
    pub(super) fn price(&self, steps: f64) -> f64 {
        steps / self.scale()
    }

    /// The nearest price there is.
    pub(super) fn nearest(&self, price: f64) -> f64 {
        self.price(self.steps(price))
    }

    fn scale(&self) -> f64 {
        10f64.powi(self.decimals)
    }
}
