//! Bots, what they block, and what they are about to open.

use fullon_cache_api::prelude::*;

/// What a bot says of one of its feeds, in its own words.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Feed {
    /// `running`, `stopped`, `error`, …
    pub status: Option<serde_json::Value>,
    /// When the bot last said so.
    pub timestamp: Option<Seconds>,
}

static FEED: Shape<Feed> = Shape::new();

/// A bot's state.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BotStatus {
    /// The bot.
    pub bot_id: Id,
    /// The state of its first feed that has one, else `unknown`.
    pub status: String,
    /// Its feeds by name.
    pub feeds: BTreeMap<String, Feed>,
}

/// A bot's feeds; a corrupt one is reported as `bot_id/feed` and left out.
fn feeds(view: &View, bot_id: &str, stored: &Fields<'_>) -> Json<BTreeMap<String, Feed>> {
    let mut feeds = JsonObject::new();
    for (name, feed) in stored.iter() {
        let feed = Fields::parse(feed).and_then(|feed| FEED.read_with(&feed, &[]));
        if let Some(feed) = view.healthy(&format!("{bot_id}/{name}"), feed) {
            feeds.insert(name, feed);
        }
    }
    feeds.finish()
}

fn status(stored: &Fields<'_>) -> String {
    let feeds = stored.iter().filter_map(|(_, feed)| Fields::parse(feed).ok());
    let mut states = feeds.filter_map(|feed| feed.text("status").map(|status| status.into_owned()));
    states.next().unwrap_or_else(|| "unknown".to_owned())
}

/// All bots.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GetBots {}

impl Query for GetBots {
    type Output = BTreeMap<String, BTreeMap<String, Feed>>;

    async fn run(&self, view: &View) -> Result<Json<Self::Output>> {
        let mut bots = JsonObject::new();
        for (bot_id, stored) in &view.hash("bots").await? {
            if let Some(stored) = view.healthy(bot_id, stored.fields()) {
                bots.insert(bot_id, feeds(view, bot_id, &stored));
            }
        }
        Ok(bots.finish())
    }
}

/// One bot.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GetBotStatus {
    pub bot_id: BotId,
}

impl Query for GetBotStatus {
    type Output = BotStatus;

    async fn run(&self, view: &View) -> Result<Json<BotStatus>> {
        let stored = view.hash_field("bots", &self.bot_id).await?;
        let stored = stored.ok_or_else(|| miss!("Bot {} not found in cache", self.bot_id))?;
        bot(view, &self.bot_id, &stored)
    }
}

fn bot(view: &View, bot_id: &str, stored: &Stored) -> Result<Json<BotStatus>> {
    let fields = stored.fields()?;
    let mut object = JsonObject::new();
    object.insert("bot_id", Json::of(bot_id)?);
    object.insert("status", Json::of(&status(&fields))?);
    object.insert("feeds", feeds(view, bot_id, &fields));
    Ok(object.finish())
}

/// The bots, whenever their state changes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StreamBotStatus {
    /// Only this one.
    pub bot_id: Option<BotId>,
}

impl Watch for StreamBotStatus {
    type Update = BotStatus;

    async fn read(view: &View, state: &mut State<'_, BotStatus>) -> Result<()> {
        for (bot_id, stored) in view.hash_of("bots", state.wanted()).await? {
            state.put(view, (&bot_id, ""), stored.bytes(), || bot(view, &bot_id, &stored));
        }
        Ok(())
    }
}

/// Whether one pair is blocked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IsBlocked {
    pub exchange: Exchange,
    pub symbol: Symbol,
}

impl Query for IsBlocked {
    type Output = Option<Id>;

    async fn run(&self, view: &View) -> Result<Json<Option<Id>>> {
        let stored = view.hash_field("blocks", &format!("{}:{}", self.exchange, self.symbol)).await?;
        let bot_id = stored.as_ref().map(Stored::text).transpose()?;
        Json::of(&bot_id.map(|bot_id| Id(bot_id.to_owned())))
    }
}

/// A pair that a bot keeps others from trading.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Block {
    /// The exchange, e.g. `binance`.
    pub exchange: String,
    /// The pair, e.g. `BTC/USDT`.
    pub symbol: String,
    /// The bot that blocks it.
    pub bot_id: Id,
}

/// All pairs that are blocked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GetBlocks {}

impl Query for GetBlocks {
    type Output = Vec<Block>;

    async fn run(&self, view: &View) -> Result<Json<Vec<Block>>> {
        let hash = view.hash("blocks").await?;
        Json::of(&hash.iter().filter_map(|(pair, stored)| view.healthy(pair, block(pair, stored))).collect())
    }
}

fn block(pair: &str, stored: &Stored) -> Result<Block> {
    let (exchange, symbol) =
        pair.split_once(':').ok_or_else(|| Error::corrupt("stands under no `exchange:symbol`"))?;
    let bot_id = Id(stored.text()?.to_owned());
    Ok(Block { exchange: exchange.to_owned(), symbol: symbol.to_owned(), bot_id })
}

/// The pairs that are blocked, whenever one is or is no more.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StreamBlocks {}

impl Watch for StreamBlocks {
    type Update = Block;

    async fn read(view: &View, state: &mut State<'_, Block>) -> Result<()> {
        for (pair, stored) in view.hash("blocks").await? {
            state.put(view, (&pair, ""), stored.bytes(), || Json::of(&block(&pair, &stored)?));
        }
        Ok(())
    }
}

/// A position that a bot is about to open.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Opening {
    /// The bot.
    pub bot_id: Id,
    /// Since when.
    pub since: Seconds,
}

/// Whether a bot is about to open a position in one pair.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IsOpeningPosition {
    pub exchange: Exchange,
    pub symbol: Symbol,
}

impl Query for IsOpeningPosition {
    type Output = Option<Opening>;

    async fn run(&self, view: &View) -> Result<Json<Option<Opening>>> {
        let field = format!("{}:{}", self.exchange, self.symbol);
        let Some(stored) = view.hash_field("opening", &field).await? else { return Ok(Json::null()) };
        let (bot_id, since) = bot_and_time(stored.text()?)?;
        let mut object = JsonObject::new();
        object.insert("bot_id", Json::of(bot_id)?);
        object.insert("since", since);
        Ok(object.finish())
    }
}

/// `{bot_id}:{time}`, where both may hold colons: the longest end that is a time is the time.
fn bot_and_time(text: &str) -> Result<(&str, Json<Seconds>)> {
    let splits = text.match_indices(':').filter_map(|(at, _)| {
        let (bot_id, time) = (&text[..at], &text[at + 1..]);
        // A bare number is how a bot id may end, not how this writer writes times.
        time.contains('-').then(|| Json::time(time).ok().map(|time| (bot_id, time))).flatten()
    });
    let mut splits = splits.filter(|(bot_id, _)| !bot_id.is_empty());
    splits.next().ok_or_else(|| Error::corrupt("is no `bot_id:time`"))
}

submit! {
    Operation::stream::<StreamBotStatus>("stream_bot_status", "The state of bots.", "bot_update")
        .grouped_by("bot_id")
        .named_by(&["bot_id"])
        .sends(&[Verb::HScan, Verb::HMGet])
        .examples(&["{}", r#"{"bot_id": "bot_0"}"#]),
    Operation::stream::<StreamBlocks>("stream_blocks", "The pairs that bots block.", "block_update")
        .named_by(&["exchange", "symbol"])
        .sends(&[Verb::HScan])
        .examples(&["{}"]),
    Operation::read::<GetBots>("get_bots", "All bots with their feeds.")
        .paged()
        .sends(&[Verb::HScan])
        .examples(&["{}"]),
    Operation::read::<GetBotStatus>("get_bot_status", "The state of one bot and its feeds.")
        .sends(&[Verb::HGet])
        .may_miss()
        .examples(&[r#"{"bot_id": "bot_0"}"#]),
    Operation::read::<IsBlocked>("is_blocked", "The bot that blocks one pair, or null.")
        .sends(&[Verb::HGet])
        .examples(&[r#"{"exchange": "binance", "symbol": "BTC/USDT"}"#]),
    Operation::read::<GetBlocks>("get_blocks", "All pairs that are blocked, and by which bot.")
        .paged()
        .sends(&[Verb::HScan])
        .examples(&["{}"]),
    Operation::read::<IsOpeningPosition>(
        "is_opening_position",
        "The bot that is about to open a position in one pair, or null.",
    )
    .sends(&[Verb::HGet])
    .examples(&[r#"{"exchange": "binance", "symbol": "XRP/USDT"}"#]),
}
