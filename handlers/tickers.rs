//! The latest quote of every pair: one hash an exchange.

use fullon_cache_api::prelude::*;

/// The latest quote of one pair on one exchange, in the quote currency.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Ticker {
    /// The pair, e.g. `BTC/USDT`.
    pub symbol: String,
    /// The exchange, e.g. `binance`.
    pub exchange: String,
    /// The price of the last trade, as the writer understands it.
    pub price: OrNull<f64>,
    /// What was traded in the exchange's own window, in the base currency.
    pub volume: Option<f64>,
    /// When the exchange said so.
    pub timestamp: Option<Seconds>,
    /// The best price that a buyer offers.
    pub bid: Option<f64>,
    /// The best price that a seller asks.
    pub ask: Option<f64>,
    /// The price of the last trade.
    pub last: Option<f64>,
}

static TICKER: Shape<Ticker> = Shape::renaming(&[("time", "timestamp")]);

/// One pair on one exchange.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GetTicker {
    pub exchange: Exchange,
    pub symbol: Symbol,
}

impl Query for GetTicker {
    type Output = Ticker;

    async fn run(&self, view: &View) -> Result<Json<Ticker>> {
        let stored = view.hash_field("tickers", &self.symbol).await?;
        let stored =
            stored.ok_or_else(|| miss!("Ticker {} not found in {} cache", self.symbol, self.exchange))?;
        TICKER.read(&stored)
    }
}

/// All pairs of one exchange.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GetAllTickers {
    pub exchange: Exchange,
}

impl Query for GetAllTickers {
    type Output = Vec<Ticker>;

    async fn run(&self, view: &View) -> Result<Json<Vec<Ticker>>> {
        let hash = view.hash("tickers").await?;
        Ok(view.records(&TICKER, hash.iter().map(|(symbol, stored)| (symbol, stored))))
    }
}

/// One pair, wherever it was quoted last.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GetAnyTicker {
    pub symbol: Symbol,
}

impl Query for GetAnyTicker {
    type Output = Ticker;

    async fn run(&self, view: &View) -> Result<Json<Ticker>> {
        let exchanges = view.keys("tickers").await?;
        let quotes = view.each_hash_field(&exchanges, &self.symbol).await?;
        let mut newest: Option<(f64, Json<Ticker>)> = None;
        for (found, stored) in exchanges.iter().zip(&quotes) {
            let Some(stored) = stored else { continue };
            let quote = TICKER.read(stored).and_then(|quote| {
                let fields = stored.fields()?;
                Ok((fields.time("time").or_else(|| fields.time("timestamp")), quote))
            });
            let Some((time, quote)) = view.healthy(found.name(), quote) else { continue };
            let time = time.unwrap_or(f64::NEG_INFINITY);
            if newest.as_ref().is_none_or(|(other, _)| time > *other) {
                newest = Some((time, quote));
            }
        }
        newest.map(|(_, quote)| quote).ok_or_else(|| miss!("Ticker {} not found in any cache", self.symbol))
    }
}

/// The exchanges that have tickers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GetExchanges {}

impl Query for GetExchanges {
    type Output = Vec<String>;

    async fn run(&self, view: &View) -> Result<Json<Vec<String>>> {
        let found = view.keys("tickers").await?;
        Json::of(&found.iter().map(|found| found.name().to_owned()).collect())
    }
}

/// The tickers of one exchange, whenever they change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StreamTickers {
    pub exchange: Exchange,
    /// Only these; omitted or empty: all.
    #[serde(default)]
    pub symbols: Vec<Symbol>,
}

impl Watch for StreamTickers {
    type Update = Ticker;

    async fn read(view: &View, state: &mut State<'_, Ticker>) -> Result<()> {
        let tickers = match state.said() {
            Some(said) => vec![said],
            None => view.hash_of("tickers", state.wanted()).await?,
        };
        let exchange = view.text_param("exchange")?;
        for (symbol, stored) in tickers {
            state.put(view, (&symbol, ""), stored.bytes(), || {
                // Whoever follows the stream tells items apart by these two.
                let fields = stored.fields()?;
                let is_its_own = fields.text("symbol").as_deref() == Some(&*symbol)
                    && fields.text("exchange").as_deref() == Some(&*exchange);
                match is_its_own {
                    true => TICKER.read(&stored),
                    false => Err(Error::corrupt("is of another `symbol` or `exchange` than it stands under")),
                }
            });
        }
        Ok(())
    }
}

submit! {
    Operation::stream::<StreamTickers>("stream_tickers", "The tickers of one exchange.", "ticker_update")
        .grouped_by("symbols")
        .named_by(&["exchange", "symbol"])
        .sends(&[Verb::HScan, Verb::HMGet])
        .examples(&[
            r#"{"exchange": "binance", "symbols": ["BTC/USDT"]}"#,
            r#"{"exchange": "kraken", "min_interval_ms": 1000}"#,
        ]),
    Operation::read::<GetTicker>("get_ticker", "The latest ticker of one symbol on one exchange.")
        .sends(&[Verb::HGet])
        .may_miss()
        .examples(&[r#"{"exchange": "binance", "symbol": "BTC/USDT"}"#]),
    Operation::read::<GetAllTickers>("get_all_tickers", "The latest tickers of one exchange, by symbol.")
        .paged()
        .sends(&[Verb::HScan])
        .examples(&[r#"{"exchange": "binance"}"#]),
    Operation::read::<GetAnyTicker>("get_any_ticker", "The newest ticker of one symbol on any exchange.")
        .sends(&[Verb::Scan, Verb::HGet])
        .may_miss()
        .examples(&[r#"{"symbol": "BTC/USDT"}"#]),
    Operation::read::<GetExchanges>("get_exchanges", "The exchanges that have tickers.")
        .paged()
        .sends(&[Verb::Scan])
        .examples(&["{}"]),
}
