//! How far apart buyers and sellers are.

use fullon_cache_api::prelude::*;

// ANCHOR: result
/// The spread of one pair on one exchange, in the quote currency.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Spread {
    /// The exchange, e.g. `binance`.
    pub exchange: String,
    /// The pair, e.g. `BTC/USDT`.
    pub symbol: String,
    /// The best price that a buyer offers.
    pub bid: Option<f64>,
    /// The best price that a seller asks.
    pub ask: Option<f64>,
    /// What the seller asks more than the buyer offers; null where one of them is missing.
    pub spread: OrNull<f64>,
}
// ANCHOR_END: result

// ANCHOR: shape
static SPREAD: Shape<Spread> = Shape::new();

/// The spread that a stored ticker tells of.
fn spread(stored: &Stored) -> Result<Json<Spread>> {
    let ticker = stored.fields()?.without(&["price", "volume", "time", "last"]);
    let both = ticker.number("ask").zip(ticker.number("bid"));
    let spread = both.and_then(|(ask, bid)| difference(ask, bid));
    SPREAD.read_with(&ticker, &[("spread", Added::Raw(spread.as_deref().unwrap_or("null")))])
}
// ANCHOR_END: shape

// ANCHOR: read
/// One pair on one exchange.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GetSpread {
    pub exchange: Exchange,
    pub symbol: Symbol,
}

impl Query for GetSpread {
    type Output = Spread;

    async fn run(&self, view: &View) -> Result<Json<Spread>> {
        let stored = view.hash_field("tickers", &self.symbol).await?;
        spread(&stored.ok_or_else(|| miss!("No ticker of {} on {}", self.symbol, self.exchange))?)
    }
}
// ANCHOR_END: read

// ANCHOR: stream
/// The spreads of one exchange, whenever they change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StreamSpreads {
    pub exchange: Exchange,
    /// Only these; omitted or empty: all.
    #[serde(default)]
    pub symbols: Vec<Symbol>,
}

impl Watch for StreamSpreads {
    type Update = Spread;

    async fn read(view: &View, state: &mut State<'_, Spread>) -> Result<()> {
        for (symbol, stored) in view.hash_of("tickers", state.wanted()).await? {
            state.put(view, (&symbol, ""), stored.bytes(), || spread(&stored));
        }
        Ok(())
    }
}
// ANCHOR_END: stream

// ANCHOR: submit
submit! {
    Operation::read::<GetSpread>("get_spread", "The spread of one pair on one exchange.")
        .sends(&[Verb::HGet])
        .may_miss()
        .examples(&[r#"{"exchange": "binance", "symbol": "BTC/USDT"}"#]),
    Operation::stream::<StreamSpreads>("stream_spreads", "The spreads of one exchange.", "spread_update")
        .grouped_by("symbols")
        .named_by(&["exchange", "symbol"])
        .sends(&[Verb::HScan, Verb::HMGet])
        .examples(&[r#"{"exchange": "binance", "symbols": ["BTC/USDT"]}"#]),
}
// ANCHOR_END: submit
