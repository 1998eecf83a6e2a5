//! Orders: the bots give them, the exchanges fill them or the bots cancel them.

use std::collections::{BTreeMap, VecDeque};

use serde_json::json;

use super::{
    accounts::{Accounts, USERS},
    bots::BOTS,
    pair::{EXCHANGES, Pair},
    quotes::{Quote, Quotes},
    random::Random,
    tick::{Tick, tidy},
    trades::Trades,
};

/// How many orders are under way.
pub(super) const MOST_ACTIVE: usize = 20;
/// How many of those that are done stay in an exchange's hash.
pub(super) const MOST_DONE: usize = 25;
/// How often a step brings a new order.
const NEW_ORDER: f64 = 0.12;
/// What an order must leave free of a balance, for the fee.
const MARGIN: f64 = 1.01;

/// All orders.
#[derive(Default)]
pub(super) struct Orders {
    active: Vec<Order>,
    /// By exchange, the ids of those that are done, oldest first.
    done: BTreeMap<&'static str, VecDeque<String>>,
    given: u64,
    steps: u64,
}

/// One order.
pub(super) struct Order {
    pub(super) id: String,
    local_id: String,
    pub(super) exchange: &'static str,
    pub(super) pair: &'static Pair,
    pub(super) kind: &'static str,
    pub(super) side: Side,
    volume: f64,
    filled: f64,
    pub(super) price: f64,
    status: Status,
    bot: usize,
    pub(super) user: u32,
    /// The step at which something happens to it; None: it rests.
    due: Option<u64>,
}

/// A part of an order that was traded.
pub(super) struct Fill<'a> {
    pub(super) order: &'a Order,
    pub(super) volume: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Buy,
    Sell,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Status {
    Pending,
    Open,
    PartiallyFilled,
    Filled,
    Canceled,
}

impl Orders {
    /// One order an exchange, far below the market: whatever else comes and goes, these can be found.
    pub(super) fn new(quotes: &Quotes, accounts: &mut Accounts, tick: &mut Tick<'_>) -> Self {
        let mut orders = Self::default();
        for (bot, exchange) in EXCHANGES.into_iter().enumerate() {
            let Some(quote) = quotes.find(exchange, "LTC/USDT") else { continue };
            let mut order = orders.draft(quote, bot, Side::Buy, tick.random);
            order.kind = "limit";
            order.price = quote.pair.nearest(0.6 * quote.price);
            order.status = Status::Open;
            order.due = None;
            orders.give(order, accounts, tick);
        }
        orders
    }

    pub(super) fn step(
        &mut self,
        quotes: &Quotes,
        accounts: &mut Accounts,
        trades: &mut Trades,
        tick: &mut Tick<'_>,
    ) {
        self.steps += 1;
        if self.active.len() < MOST_ACTIVE
            && tick.random.chance(NEW_ORDER)
            && let Some(order) = self.think_up(quotes, accounts, tick.random)
        {
            self.give(order, accounts, tick);
        }
        for order in self.active.iter_mut().filter(|order| order.due == Some(self.steps)) {
            order.advance(accounts, trades, tick);
            order.due = Some(self.steps + tick.random.whole(5, 60));
        }
        for order in self.active.extract_if(.., |order| order.status.is_done()) {
            let done = self.done.entry(order.exchange).or_default();
            done.push_back(order.id);
            if done.len() > MOST_DONE
                && let Some(oldest) = done.pop_front()
            {
                tick.send(&["HDEL", &format!("order_status:{}", order.exchange), &oldest]);
            }
        }
    }

    /// An order that its user can pay for, of a pair that no bot blocks.
    fn think_up(&mut self, quotes: &Quotes, accounts: &Accounts, random: &mut Random) -> Option<Order> {
        let quote = quotes.pick(random)?;
        let blocked = |order: &Order| order.exchange == quote.exchange && order.pair == quote.pair;
        if self.active.iter().any(blocked) {
            return None;
        }
        let side = if random.chance(0.5) { Side::Buy } else { Side::Sell };
        let bot = random.below(BOTS);
        let mut order = self.draft(quote, bot, side, random);
        for side in [side, side.other()] {
            order.side = side;
            let (currency, amount) = order.held(order.volume);
            if accounts.available(order.user, currency) > amount * MARGIN {
                return Some(order);
            }
        }
        None
    }

    fn draft(&self, quote: &Quote, bot: usize, side: Side, random: &mut Random) -> Order {
        let worth = 50.0 + 1_500.0 * random.unit().powi(2);
        let kind = if random.chance(0.25) { "market" } else { "limit" };
        // A little better than the price, which is why it waits.
        let patience = if kind == "limit" { random.between(0.0, 5e-4) } else { 0.0 };
        Order {
            id: String::new(),
            local_id: String::new(),
            exchange: quote.exchange,
            pair: quote.pair,
            kind,
            side,
            volume: (worth / quote.price * 1e6).round() / 1e6,
            filled: 0.0,
            price: quote.pair.nearest(quote.price * (1.0 - side.sign() * patience)),
            status: Status::Pending,
            bot,
            user: USERS[bot % USERS.len()],
            due: Some(self.steps + random.whole(5, 30)),
        }
    }

    fn give(&mut self, mut order: Order, accounts: &mut Accounts, tick: &mut Tick<'_>) {
        self.given += 1;
        let short: String = order.exchange.chars().take(3).collect();
        order.id = format!("EX_{}_{:06}", short.to_uppercase(), self.given);
        order.local_id = format!("LOCAL_{:04}", self.given);
        order.write(tick);
        tick.send(&["RPUSH", &order.queue(), &order.id]);
        let bot = format!("bot_{}", order.bot);
        tick.hset("block_exchange", &order.place(), &bot);
        if order.status == Status::Pending {
            tick.hset("opening_position", &order.place(), &format!("{bot}:{}", tick.iso()));
        }
        let (currency, amount) = order.held(order.volume);
        accounts.reserve(order.user, currency, amount, tick);
        self.active.push(order);
    }
}

impl Order {
    /// What holds a volume of it until it is traded: the currency and how much of it.
    pub(super) fn held(&self, volume: f64) -> (&'static str, f64) {
        match self.side {
            Side::Buy => (self.pair.quote(), tidy(volume * self.price)),
            Side::Sell => (self.pair.base(), volume),
        }
    }

    /// pending, then open, then filled bit by bit, unless it is canceled.
    fn advance(&mut self, accounts: &mut Accounts, trades: &mut Trades, tick: &mut Tick<'_>) {
        if self.status == Status::Pending {
            tick.send(&["HDEL", "opening_position", &self.place()]);
        }
        match (self.status, self.kind) {
            (Status::Pending, "limit") => self.status = Status::Open,
            (Status::Open | Status::PartiallyFilled, _) if tick.random.chance(0.15) => {
                let (currency, amount) = self.held(tidy(self.volume - self.filled));
                accounts.reserve(self.user, currency, -amount, tick);
                self.status = Status::Canceled;
            }
            _ => self.fill(accounts, trades, tick),
        }
        self.write(tick);
        if self.status.is_done() {
            tick.send(&["DEL", &self.queue()]);
            tick.send(&["HDEL", "block_exchange", &self.place()]);
        }
    }

    fn fill(&mut self, accounts: &mut Accounts, trades: &mut Trades, tick: &mut Tick<'_>) {
        let rest = tidy(self.volume - self.filled);
        let part = (rest * tick.random.between(0.2, 0.8) * 1e6).round() / 1e6;
        let in_full = self.kind == "market" || part <= 0.0 || tick.random.chance(0.4);
        let volume = if in_full { rest } else { part };
        self.filled = tidy(self.filled + volume);
        self.status = if self.filled < self.volume { Status::PartiallyFilled } else { Status::Filled };
        let fill = Fill { order: self, volume };
        accounts.settle(&fill, tick);
        trades.of_user(&fill, tick);
    }

    fn write(&self, tick: &mut Tick<'_>) {
        let order = json!({
            "order_id": self.id,
            "ex_order_id": self.id,
            "exchange": self.exchange,
            "ex_id": null,
            "cat_ex_id": null,
            "symbol": self.pair.symbol,
            "order_type": self.kind,
            "side": self.side.name(),
            "volume": self.volume,
            "final_volume": self.filled,
            "price": self.price,
            "plimit": null,
            "status": self.status.name(),
            "bot_id": self.bot,
            "uid": self.user,
            "timestamp": tick.iso(),
            "command": null,
            "reason": null,
            "futures": null,
            "leverage": null,
            "tick": null,
        });
        tick.hset(&format!("order_status:{}", self.exchange), &self.id, &order.to_string());
    }

    fn queue(&self) -> String {
        format!("new_orders:{}", self.local_id)
    }

    /// What a block and an opening position are kept under.
    fn place(&self) -> String {
        format!("{}:{}", self.exchange, self.pair.symbol)
    }
}

impl Side {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Buy => "buy",
            Self::Sell => "sell",
        }
    }

    /// Which way it moves the base currency.
    pub(super) const fn sign(self) -> f64 {
        match self {
            Self::Buy => 1.0,
            Self::Sell => -1.0,
        }
    }

    const fn other(self) -> Self {
        match self {
            Self::Buy => Self::Sell,
            Self::Sell => Self::Buy,
        }
    }
}

impl Status {
    const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Open => "open",
            Self::PartiallyFilled => "partially_filled",
            Self::Filled => "filled",
            Self::Canceled => "canceled",
        }
    }

    const fn is_done(self) -> bool {
        matches!(self, Self::Filled | Self::Canceled)
    }
}
