//! Positions and balances: one hash each, a field an account, a member a symbol or currency.

use fullon_cache_api::prelude::*;

/// Which way a position goes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// It gains when the price rises.
    Long,
    /// It gains when the price falls; its volume is below zero.
    Short,
}

/// What an account holds of one pair.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Position {
    /// The account.
    pub user_id: Id,
    /// The pair, e.g. `BTC/USDT`.
    pub symbol: String,
    /// Which way it goes.
    pub side: Side,
    /// How much, in the base currency; below zero for a short position.
    pub volume: f64,
    /// The average price that it was opened at, in the quote currency.
    pub price: Option<f64>,
    /// What was paid for it, in the quote currency.
    pub cost: Option<f64>,
    /// The fees so far, in the quote currency.
    pub fee: Option<f64>,
    /// How many trades made it.
    pub count: Option<f64>,
    /// When it last changed.
    pub timestamp: Option<Seconds>,
}

/// What an account holds of one currency, in units of that currency.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Balance {
    /// The account.
    pub user_id: Id,
    /// The currency, e.g. `USDT`.
    pub currency: String,
    /// All of it.
    pub total: Option<f64>,
    /// What no order holds.
    pub available: Option<f64>,
    /// What orders hold: the total less what is available.
    pub reserved: Option<f64>,
    /// When the account was last read.
    pub timestamp: Option<Seconds>,
}

static POSITION: Shape<Position> = Shape::new();
static BALANCE: Shape<Balance> = Shape::new();

/// One member of an account's object: a symbol's position or a currency's balance.
fn members<'a>(account: &Fields<'a>, beside: &str) -> Vec<(String, &'a str)> {
    let members = account.iter().filter(|(name, _)| *name != beside);
    members.map(|(name, value)| (name.to_owned(), value)).collect()
}

fn position(user_id: &str, symbol: &str, stored: &str) -> Result<Json<Position>> {
    let fields = Fields::parse(stored)?;
    let volume = fields.number("volume").ok_or_else(|| Error::corrupt("has no number as `volume`"))?;
    let side = if is_below_zero(volume) { "short" } else { "long" };
    let added =
        [("user_id", Added::Text(user_id)), ("symbol", Added::Text(symbol)), ("side", Added::Text(side))];
    POSITION.read_with(&fields, &added)
}

/// Whether a number as JSON has it is below zero, which -0.0 is not.
fn is_below_zero(number: &str) -> bool {
    let digits = number.split(['e', 'E']).next().unwrap_or_default();
    number.starts_with('-') && digits.contains(|digit| ('1'..='9').contains(&digit))
}

/// A member that is a number or null, under the first name that it is stored under.
fn amount<'a>(stored: &Fields<'a>, names: &[&str]) -> Result<Option<&'a str>> {
    let found = names.iter().find_map(|name| Some((name, stored.raw(name)?)));
    match found {
        None => Err(Error::corrupt(format!("lacks `{}`", names.join("` or `")))),
        Some((_, "null")) => Ok(None),
        Some((_, raw)) if is_number(raw) => Ok(Some(raw)),
        Some((name, _)) => Err(Error::corrupt(format!("has no number as `{name}`"))),
    }
}

/// When the account was last read, if that is stored.
fn date(account: &Fields<'_>) -> Result<Option<String>> {
    match account.raw("date").is_none_or(|date| date == "null") {
        true => Ok(None),
        false => account.time_text("date").map(Some).ok_or_else(|| Error::corrupt("is no time")),
    }
}

fn balance(user_id: &str, currency: &str, stored: &str, date: Option<&str>) -> Result<Json<Balance>> {
    let fields = Fields::parse(stored)?;
    let total = amount(&fields, &["balance", "total"])?;
    let available = amount(&fields, &["available"])?;
    let reserved = total.zip(available).and_then(|(total, available)| difference(total, available));
    let mut added = vec![
        ("user_id", Added::Text(user_id)),
        ("currency", Added::Text(currency)),
        ("total", Added::Raw(total.unwrap_or("null"))),
        ("available", Added::Raw(available.unwrap_or("null"))),
        ("reserved", Added::Raw(reserved.as_deref().unwrap_or("null"))),
    ];
    if let Some(date) = date {
        added.push(("timestamp", Added::Raw(date)));
    }
    let rest = fields.without(&["balance"]);
    BALANCE.read_with(&rest, &added)
}

/// The positions of one account.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GetPositions {
    pub user_id: UserId,
}

impl Query for GetPositions {
    type Output = Vec<Position>;

    async fn run(&self, view: &View) -> Result<Json<Vec<Position>>> {
        let mut list = JsonList::new();
        if let Some(stored) = view.hash_field("positions", &self.user_id).await? {
            for (symbol, stored) in members(&stored.fields()?, "timestamp") {
                if let Some(position) = view.healthy(&symbol, position(&self.user_id, &symbol, stored)) {
                    list.push(position);
                }
            }
        }
        Ok(list.finish())
    }
}

/// The position of one account in one pair.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GetPosition {
    pub user_id: UserId,
    pub symbol: Symbol,
}

impl Query for GetPosition {
    type Output = Position;

    async fn run(&self, view: &View) -> Result<Json<Position>> {
        let none = || miss!("User {} has no position in {}", self.user_id, self.symbol);
        let stored = view.hash_field("positions", &self.user_id).await?.ok_or_else(none)?;
        let account = stored.fields()?;
        let found = account.raw(&self.symbol).filter(|_| &*self.symbol != "timestamp").ok_or_else(none)?;
        position(&self.user_id, &self.symbol, found)
    }
}

/// What one account holds of one currency.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GetBalance {
    pub user_id: UserId,
    pub currency: Currency,
}

impl Query for GetBalance {
    type Output = Balance;

    async fn run(&self, view: &View) -> Result<Json<Balance>> {
        let none = || miss!("User {} has no balance in {}", self.user_id, self.currency);
        let stored = view.hash_field("accounts", &self.user_id).await?.ok_or_else(none)?;
        let account = stored.fields()?;
        let found = account.raw(&self.currency).filter(|_| &*self.currency != "date").ok_or_else(none)?;
        balance(
            &self.user_id,
            &self.currency,
            found,
            view.healthy("date", date(&account)).flatten().as_deref(),
        )
    }
}

/// What one account holds of every currency.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GetBalances {
    pub user_id: UserId,
}

impl Query for GetBalances {
    type Output = Vec<Balance>;

    async fn run(&self, view: &View) -> Result<Json<Vec<Balance>>> {
        let mut list = JsonList::new();
        if let Some(stored) = view.hash_field("accounts", &self.user_id).await? {
            let account = stored.fields()?;
            let date = view.healthy("date", date(&account)).flatten();
            for (currency, stored) in members(&account, "date") {
                let balance = balance(&self.user_id, &currency, stored, date.as_deref());
                if let Some(balance) = view.healthy(&currency, balance) {
                    list.push(balance);
                }
            }
        }
        Ok(list.finish())
    }
}

/// The positions of one account, whenever they change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StreamPositions {
    pub user_id: UserId,
}

impl Watch for StreamPositions {
    type Update = Position;

    async fn read(view: &View, state: &mut State<'_, Position>) -> Result<()> {
        for (user_id, stored) in view.hash_of("positions", state.wanted()).await? {
            let Some(account) = state.fields(view, &user_id, &stored) else { continue };
            for (symbol, stored) in members(&account, "timestamp") {
                let update = || position(&user_id, &symbol, stored);
                state.put(view, (&user_id, &symbol), stored.as_bytes(), update);
            }
        }
        Ok(())
    }
}

/// The balances of one account, whenever they change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StreamBalances {
    pub user_id: UserId,
}

impl Watch for StreamBalances {
    type Update = Balance;

    async fn read(view: &View, state: &mut State<'_, Balance>) -> Result<()> {
        for (user_id, stored) in view.hash_of("accounts", state.wanted()).await? {
            let Some(account) = state.fields(view, &user_id, &stored) else { continue };
            let date = date(&account).unwrap_or_else(|error| {
                // It does no harm to the balances.
                state.put(view, (&user_id, ""), stored.bytes(), || Err(error));
                None
            });
            for (currency, stored) in members(&account, "date") {
                let update = || balance(&user_id, &currency, stored, date.as_deref());
                // The account's date is part of every balance.
                let stored = format!("{stored}{}", date.as_deref().unwrap_or_default());
                state.put(view, (&user_id, &currency), stored.as_bytes(), update);
            }
        }
        Ok(())
    }
}

submit! {
    Operation::stream::<StreamPositions>("stream_positions", "The positions of one account.", "position_update")
        .grouped_by("user_id")
        .named_by(&["user_id", "symbol"])
        .sends(&[Verb::HScan, Verb::HMGet])
        .examples(&[r#"{"user_id": 1001}"#]),
    Operation::stream::<StreamBalances>("stream_balances", "The balances of one account.", "balance_update")
        .grouped_by("user_id")
        .named_by(&["user_id", "currency"])
        .sends(&[Verb::HScan, Verb::HMGet])
        .examples(&[r#"{"user_id": 1001}"#]),
    Operation::read::<GetPositions>("get_positions", "All positions of one account.")
        .sends(&[Verb::HGet])
        .examples(&[r#"{"user_id": 1001}"#, r#"{"user_id": "1001"}"#]),
    Operation::read::<GetPosition>("get_position", "The position of one account in one pair.")
        .sends(&[Verb::HGet])
        .may_miss()
        .examples(&[r#"{"user_id": 1001, "symbol": "OP/USDT"}"#]),
    Operation::read::<GetBalance>("get_balance", "What one account holds of one currency.")
        .sends(&[Verb::HGet])
        .may_miss()
        .examples(&[r#"{"user_id": 1001, "currency": "USDT"}"#]),
    Operation::read::<GetBalances>("get_balances", "What one account holds of every currency.")
        .sends(&[Verb::HGet])
        .examples(&[r#"{"user_id": 1001}"#]),
}
