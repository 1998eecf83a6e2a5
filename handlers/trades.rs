//! Trades: a list a market or a user, and the time of the last one. Reading takes nothing away.

use fullon_cache_api::prelude::*;

/// One trade. Amounts are in the base currency, costs and fees in the quote currency.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Trade {
    /// The writer's own id.
    pub trade_id: Option<u64>,
    /// The exchange's id.
    pub ex_trade_id: Option<Id>,
    /// The exchange's id of the order that it filled.
    pub ex_order_id: Option<Id>,
    /// The user whose trade it was, where it is known.
    pub uid: Option<Id>,
    /// The pair, e.g. `BTC/USDT`.
    pub symbol: Option<String>,
    /// `buy` or `sell`.
    pub side: Option<String>,
    /// `limit`, `market`, …
    pub order_type: Option<String>,
    /// How much was traded.
    pub volume: OrNull<f64>,
    /// At which price.
    pub price: OrNull<f64>,
    /// The volume times the price.
    pub cost: Option<f64>,
    /// What the exchange took.
    pub fee: Option<f64>,
    /// When it was.
    pub time: Option<Seconds>,
}

static TRADE: Shape<Trade> = Shape::new();

const fn thousand() -> u32 {
    1000
}

/// The newest trades of a list, oldest first; a corrupt one is reported by its place from the end.
async fn newest(view: &View, limit: u32) -> Result<Json<Vec<Trade>>> {
    let (stored, after) = view.list_page("trades", limit).await?;
    let places = (1..=stored.len()).rev().map(|place| format!("-{}", after as usize + place));
    Ok(view.records(&TRADE, places.zip(&stored)))
}

/// The newest trades of one pair on one exchange, oldest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GetTrades {
    pub symbol: Symbol,
    pub exchange: Exchange,
    /// How many at the most.
    #[serde(default = "thousand")]
    #[schemars(range(min = 1, max = 10000))]
    pub limit: u32,
}

impl Query for GetTrades {
    type Output = Vec<Trade>;

    async fn run(&self, view: &View) -> Result<Json<Vec<Trade>>> {
        newest(view, self.limit).await
    }
}

/// The trades that wait for one user on one exchange, oldest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GetUserTrades {
    pub user_id: UserId,
    pub exchange: Exchange,
    /// How many at the most: the newest.
    #[serde(default = "thousand")]
    #[schemars(range(min = 1, max = 10000))]
    pub limit: u32,
}

impl Query for GetUserTrades {
    type Output = Vec<Trade>;

    async fn run(&self, view: &View) -> Result<Json<Vec<Trade>>> {
        newest(view, self.limit).await
    }
}

/// When the last trade was, by what it is kept under.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GetTradeStatus {
    pub trade_key: TradeKey,
}

impl Query for GetTradeStatus {
    type Output = Seconds;

    async fn run(&self, view: &View) -> Result<Json<Seconds>> {
        let stored = view.text("status").await?;
        Json::stored_time(&stored.ok_or_else(|| miss!("No trade status for {}", self.trade_key))?)
    }
}

/// When the last trade was, for everything that has had one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GetTradeStatuses {}

impl Query for GetTradeStatuses {
    type Output = BTreeMap<String, Seconds>;

    async fn run(&self, view: &View) -> Result<Json<Self::Output>> {
        let found = view.keys("status").await?;
        let mut statuses = JsonObject::new();
        for (found, stored) in found.iter().zip(view.each_text(&found).await?) {
            let Some(stored) = stored else { continue };
            if let Some(time) = view.healthy(found.name(), Json::stored_time(&stored)) {
                statuses.insert(found.name(), time);
            }
        }
        Ok(statuses.finish())
    }
}

/// When one user's last trade was.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GetUserTradeStatus {
    pub user_id: UserId,
}

impl Query for GetUserTradeStatus {
    type Output = Seconds;

    async fn run(&self, view: &View) -> Result<Json<Seconds>> {
        let stored = view.text("status").await?;
        Json::stored_time(&stored.ok_or_else(|| miss!("No trade status for user {}", self.user_id))?)
    }
}

/// The trades of an exchange, as they come.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StreamTradeUpdates {
    pub exchange: Exchange,
    /// Only those of this pair.
    pub symbol: Option<Symbol>,
}

impl Watch for StreamTradeUpdates {
    type Update = Trade;

    async fn read(view: &View, state: &mut State<'_, Trade>) -> Result<()> {
        for list in view.keys("trades").await? {
            follow(view, state, &list).await?;
        }
        Ok(())
    }
}

/// The trades that wait for one user on one exchange, as they come.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StreamUserTrades {
    pub user_id: UserId,
    pub exchange: Exchange,
}

impl Watch for StreamUserTrades {
    type Update = Trade;

    async fn read(view: &View, state: &mut State<'_, Trade>) -> Result<()> {
        follow(view, state, &view.found_with("trades", &[])?).await
    }
}

/// Tells what was appended to a list.
async fn follow(view: &View, state: &mut State<'_, Trade>, list: &Found) -> Result<()> {
    for trade in state.follow(view, list, "").await?.elements {
        state.append(view, list.name(), "", TRADE.read(&trade));
    }
    Ok(())
}

submit! {
    Operation::stream::<StreamTradeUpdates>("stream_trade_updates", "The trades of an exchange.", "trade_update")
        .log()
        .sends(&[Verb::Scan, Verb::LRange])
        .examples(&[r#"{"exchange": "binance"}"#, r#"{"exchange": "binance", "symbol": "BTC/USDT"}"#]),
    Operation::stream::<StreamUserTrades>("stream_user_trades", "The trades that wait for one user.", "user_trade_update")
        .log()
        .sends(&[Verb::LRange])
        .examples(&[r#"{"user_id": 1001, "exchange": "binance"}"#]),
    Operation::read::<GetTrades>("get_trades", "The newest trades of one pair on one exchange, oldest first.")
        .paged()
        .sends(&[Verb::LRange])
        .examples(&[
            r#"{"symbol": "BTC/USDT", "exchange": "binance"}"#,
            r#"{"symbol": "BTC/USDT", "exchange": "binance", "limit": 10}"#,
        ]),
    Operation::read::<GetUserTrades>("get_user_trades", "The trades that wait for one user, oldest first.")
        .paged()
        .sends(&[Verb::LRange])
        .examples(&[r#"{"user_id": 1001, "exchange": "binance"}"#]),
    Operation::read::<GetTradeStatus>("get_trade_status", "When the last trade was, e.g. of an exchange.")
        .sends(&[Verb::Get])
        .may_miss()
        .examples(&[r#"{"trade_key": "binance"}"#]),
    Operation::read::<GetTradeStatuses>("get_trade_statuses", "When the last trade was, everywhere.")
        .paged()
        .sends(&[Verb::Scan, Verb::Get])
        .examples(&["{}"]),
    Operation::read::<GetUserTradeStatus>("get_user_trade_status", "When one user's last trade was.")
        .sends(&[Verb::Get])
        .may_miss()
        .examples(&[r#"{"user_id": 1001}"#]),
}
