//! Orders: one hash an exchange, and the short lists of those that wait to be sent.

use fullon_cache_api::prelude::*;

/// One order, as its exchange last reported it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Order {
    /// The id that it is stored under.
    pub order_id: Id,
    /// The exchange's own id.
    pub ex_order_id: Option<Id>,
    /// The exchange, e.g. `binance`.
    pub exchange: String,
    /// The pair, e.g. `BTC/USDT`.
    pub symbol: OrNull<String>,
    /// Which way it goes: `buy` or `sell`.
    pub side: Option<String>,
    /// `limit`, `market`, …
    pub order_type: Option<String>,
    /// How much was ordered, in the base currency.
    pub volume: Option<f64>,
    /// How much of it was traded.
    pub filled: Option<f64>,
    /// How much of it was not: the volume less what was filled.
    pub remaining: Option<f64>,
    /// The price that was asked or offered, in the quote currency.
    pub price: Option<f64>,
    /// `pending`, `open`, `closed`, `canceled`, …
    pub status: OrNull<String>,
    /// The bot that gave the order.
    pub bot_id: Option<Id>,
    /// The user whose order it is.
    pub uid: Option<Id>,
    /// When it last changed.
    pub timestamp: Option<Seconds>,
}

static ORDER: Shape<Order> = Shape::renaming(&[("final_volume", "filled")]);

/// What is read from one exchange's hash: the fields, and what is worked out from them.
fn order(exchange: &str, order_id: &str, fields: &Fields<'_>) -> Result<Json<Order>> {
    let parts = fields.number("volume").zip(fields.number("final_volume"));
    let remaining = parts.and_then(|(volume, filled)| difference(volume, filled));
    let added = [
        ("order_id", Added::Text(order_id)),
        ("exchange", Added::Text(exchange)),
        ("remaining", Added::Raw(remaining.as_deref().unwrap_or("null"))),
    ];
    ORDER.read_with(fields, &added)
}

/// The user whose order it is.
fn owner(fields: &Fields<'_>) -> Option<String> {
    fields.text("uid").map(Into::into).or_else(|| fields.number("uid").map(str::to_owned))
}

/// The fields of an order, if the caller may see it. One that is corrupt is for those who may see everybody's:
/// it does not tell whose it is.
fn seen<'s>(view: &View, stored: &'s Stored) -> Result<Option<Fields<'s>>> {
    match stored.fields() {
        Ok(fields) => Ok(view.may_see(owner(&fields).as_deref()).then_some(fields)),
        Err(error) if view.may_see(None) => Err(error),
        Err(_) => Ok(None),
    }
}

/// One order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GetOrderStatus {
    pub order_id: OrderId,
    /// Where it was placed; if it is omitted, all exchanges are searched.
    pub exchange: Option<Exchange>,
}

impl Query for GetOrderStatus {
    type Output = Order;

    async fn run(&self, view: &View) -> Result<Json<Order>> {
        if let Some(exchange) = &self.exchange {
            let miss = || miss!("Order {} not found in {exchange} cache", self.order_id);
            let stored = view.hash_field("orders", &self.order_id).await?.ok_or_else(miss)?;
            // That of another user is not there.
            return order(exchange, &self.order_id, &seen(view, &stored)?.ok_or_else(miss)?);
        }
        let exchanges = view.keys("orders").await?;
        let stored = view.each_hash_field(&exchanges, &self.order_id).await?;
        let mut found = exchanges.iter().zip(&stored).filter_map(|(found, stored)| {
            let exchange = found.name();
            let fields = view.healthy(exchange, seen(view, stored.as_ref()?))??;
            view.healthy(exchange, order(exchange, &self.order_id, &fields))
        });
        found.next().ok_or_else(|| miss!("Order {} not found in any cache", self.order_id))
    }
}

/// The orders of one exchange.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GetOrders {
    pub exchange: Exchange,
    /// Only those in this state, e.g. `open`.
    #[schemars(length(min = 1, max = 32), regex(pattern = "^[A-Za-z0-9_. -]+$"))]
    pub status: Option<String>,
    /// Only those of this pair.
    pub symbol: Option<Symbol>,
}

impl Query for GetOrders {
    type Output = Vec<Order>;

    async fn run(&self, view: &View) -> Result<Json<Vec<Order>>> {
        let mut list = JsonList::new();
        let wants_all = self.status.is_none() && self.symbol.is_none() && view.may_see(None);
        // What is corrupt is told of, below, to who may know of it.
        let is_wanted = |_: &str, stored: &Stored| {
            wants_all
                || seen(view, stored)
                    .map_or(true, |fields| fields.is_some_and(|fields| self.asks_for(&fields)))
        };
        for (order_id, stored) in &view.hash_where("orders", is_wanted).await? {
            let Some(fields) = view.healthy(order_id, seen(view, stored)).flatten() else { continue };
            list.extend(view.healthy(order_id, order(&self.exchange, order_id, &fields)));
        }
        Ok(list.finish())
    }
}

impl GetOrders {
    fn asks_for(&self, order: &Fields<'_>) -> bool {
        let is = |name: &str, wanted: Option<&str>| {
            wanted.is_none_or(|wanted| order.text(name).as_deref() == Some(wanted))
        };
        is("status", self.status.as_deref()) && is("symbol", self.symbol.as_deref())
    }
}

/// How many orders one exchange's hash holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GetQueueLength {
    pub exchange: Exchange,
}

impl Query for GetQueueLength {
    type Output = u64;

    async fn run(&self, view: &View) -> Result<Json<u64>> {
        Json::of(&view.hash_len("orders").await?)
    }
}

/// The order ids that wait under one local id, first in first out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GetOrderQueue {
    /// The id that the order has before an exchange gives it one, e.g. `LOCAL_0001`.
    pub local_order_id: OrderId,
}

impl Query for GetOrderQueue {
    type Output = Vec<Id>;

    async fn run(&self, view: &View) -> Result<Json<Vec<Id>>> {
        let waiting = view.list_first("queue", MOST_WAITING).await?;
        let ids = waiting.iter().filter_map(|id| view.healthy(&self.local_order_id, id.text()));
        Json::of(&ids.map(|id| Id(id.to_owned())).collect())
    }
}

/// How many waiting ids one answer lists.
const MOST_WAITING: u32 = 10_000;

/// How many orders one exchange's hash holds, whenever that changes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StreamOrderQueue {
    pub exchange: Exchange,
}

/// How many orders one exchange's hash holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Queue {
    /// The exchange, e.g. `binance`.
    pub exchange: String,
    /// How many orders there are.
    pub queue_length: u64,
    /// When the server saw it.
    pub timestamp: Seconds,
}

impl Watch for StreamOrderQueue {
    type Update = Queue;

    async fn read(view: &View, state: &mut State<'_, Queue>) -> Result<()> {
        let queue_length = view.hash_len("orders").await?;
        let exchange = view.text_param("exchange")?.into_owned();
        state.put(view, (&exchange, ""), queue_length.to_string().as_bytes(), || {
            Json::of(&Queue { exchange: exchange.clone(), queue_length, timestamp: Seconds::now() })
        });
        Ok(())
    }
}

/// The orders of one exchange, whenever they change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StreamOrders {
    pub exchange: Exchange,
}

impl Watch for StreamOrders {
    type Update = Order;

    async fn read(view: &View, state: &mut State<'_, Order>) -> Result<()> {
        let exchange = view.text_param("exchange")?;
        for (order_id, stored) in view.hash("orders").await? {
            let fields = stored.fields();
            let owner = fields.as_ref().ok().and_then(owner);
            let update = || order(&exchange, &order_id, &fields?);
            state.put_of(owner.as_deref(), view, (&order_id, ""), stored.bytes(), update);
        }
        Ok(())
    }
}

submit! {
    Operation::stream::<StreamOrderQueue>("stream_order_queue", "How many orders an exchange has.", "queue_update")
        .named_by(&["exchange"])
        .sends(&[Verb::HLen])
        .examples(&[r#"{"exchange": "binance"}"#]),
    Operation::stream::<StreamOrders>("stream_orders", "The orders of one exchange.", "order_update")
        .named_by(&["exchange", "order_id"])
        .of_owned_rows()
        .sends(&[Verb::HScan])
        .examples(&[r#"{"exchange": "binance"}"#]),
    Operation::read::<GetOrderStatus>("get_order_status", "One order, on one exchange or wherever it is.")
        .of_owned_rows()
        .sends(&[Verb::HGet, Verb::Scan])
        .may_miss()
        .examples(&[
            r#"{"order_id": "EX_BIN_000001", "exchange": "binance"}"#,
            r#"{"order_id": "EX_BIN_000001"}"#,
        ]),
    Operation::read::<GetOrders>("get_orders", "The orders of one exchange, by id.")
        .paged()
        .of_owned_rows()
        .sends(&[Verb::HScan])
        .examples(&[r#"{"exchange": "binance"}"#, r#"{"exchange": "binance", "status": "pending"}"#]),
    Operation::read::<GetQueueLength>("get_queue_length", "How many orders one exchange's hash holds.")
        .sends(&[Verb::HLen])
        .examples(&[r#"{"exchange": "binance"}"#]),
    Operation::read::<GetOrderQueue>("get_order_queue", "The order ids that wait under one local id.")
        .sends(&[Verb::LRange])
        .examples(&[r#"{"local_order_id": "LOCAL_0001"}"#]),
}
