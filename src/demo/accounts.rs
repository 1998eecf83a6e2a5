//! Users: what they hold, and how fills change it.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{
    orders::Fill,
    pair::{PAIRS, Pair},
    tick::{Tick, tidy},
    trades::fee,
};

/// The users' account ids.
pub(super) const USERS: [u32; 6] = [1001, 1002, 1003, 1004, 1005, 1006];

/// All accounts.
pub(super) struct Accounts(Vec<Account>);

struct Account {
    user: u32,
    positions: BTreeMap<&'static str, Position>,
    balances: BTreeMap<&'static str, Balance>,
}

#[derive(Debug, Default)]
struct Position {
    /// Below zero: short.
    volume: f64,
    price: f64,
    fee: f64,
    count: u64,
    timestamp: f64,
}

#[derive(Debug, Default)]
struct Balance {
    total: f64,
    /// What open orders hold.
    reserved: f64,
}

impl Accounts {
    pub(super) fn new(tick: &mut Tick<'_>) -> Self {
        let accounts = Self((0..).zip(USERS).map(|(index, user)| Account::new(index, user, tick)).collect());
        for account in &accounts.0 {
            account.write_positions(tick);
            account.write_balances(tick);
        }
        accounts
    }

    /// What no order holds.
    pub(super) fn available(&self, user: u32, currency: &str) -> f64 {
        let account = self.0.iter().find(|account| account.user == user);
        account.and_then(|account| account.balances.get(currency)).map_or(0.0, Balance::available)
    }

    /// Sets an amount aside for an order; one below zero is set free again.
    pub(super) fn reserve(&mut self, user: u32, currency: &'static str, amount: f64, tick: &mut Tick<'_>) {
        if let Some(account) = self.of(user) {
            account.reserve(currency, amount);
            account.write_balances(tick);
        }
    }

    /// Settles what was traded.
    pub(super) fn settle(&mut self, fill: &Fill<'_>, tick: &mut Tick<'_>) {
        if let Some(account) = self.of(fill.order.user) {
            account.settle(fill, tick.seconds());
            account.write_positions(tick);
            account.write_balances(tick);
        }
    }

    fn of(&mut self, user: u32) -> Option<&mut Account> {
        self.0.iter_mut().find(|account| account.user == user)
    }
}

impl Account {
    /// The user begins with some money, and with a third of the pairs.
    fn new(index: usize, user: u32, tick: &mut Tick<'_>) -> Self {
        let mut account = Self { user, positions: BTreeMap::new(), balances: BTreeMap::new() };
        for (currency, least) in [("USDT", 40_000.0), ("USD", 10_000.0)] {
            let total = tidy(tick.random.between(least, 2.0 * least).round());
            account.balances.insert(currency, Balance { total, reserved: 0.0 });
        }
        let held = PAIRS.iter().enumerate().filter(|(place, _)| (place + index).is_multiple_of(3));
        for (_, pair) in held {
            let total = tidy(tick.random.between(2_000.0, 9_000.0) / pair.usual);
            account.balances.insert(pair.base(), Balance { total, reserved: 0.0 });
            account.positions.insert(pair.symbol, Position::some(pair, tick));
        }
        account
    }

    fn reserve(&mut self, currency: &'static str, amount: f64) {
        let balance = self.balances.entry(currency).or_default();
        balance.reserved = tidy(balance.reserved + amount).max(0.0);
    }

    fn settle(&mut self, fill: &Fill<'_>, now: f64) {
        let (order, volume) = (fill.order, fill.volume);
        let (currency, amount) = order.held(volume);
        self.reserve(currency, -amount);
        let fee = fee(volume, order.price);
        let signed = volume * order.side.sign();
        self.add(order.pair.base(), signed);
        self.add(order.pair.quote(), -signed * order.price - fee);

        let position = self.positions.entry(order.pair.symbol).or_default();
        position.trade(signed, order.price, fee, now);
        if position.volume == 0.0 {
            self.positions.remove(order.pair.symbol);
        }
    }

    fn add(&mut self, currency: &'static str, amount: f64) {
        let balance = self.balances.entry(currency).or_default();
        balance.total = tidy(balance.total + amount);
    }

    fn write_positions(&self, tick: &mut Tick<'_>) {
        let positions = self.positions.iter().map(|(symbol, position)| (symbol.to_string(), position.json()));
        let mut object: Map<String, Value> = positions.collect();
        object.insert("timestamp".to_owned(), json!(tick.iso()));
        tick.hset("account_positions", &self.user.to_string(), &Value::Object(object).to_string());
    }

    fn write_balances(&self, tick: &mut Tick<'_>) {
        // Writers differ in what they call all of it.
        let name = if self.user.is_multiple_of(2) { "total" } else { "balance" };
        let balances = self.balances.iter().map(|(currency, balance)| {
            (currency.to_string(), json!({ name: balance.total, "available": balance.available() }))
        });
        let mut object: Map<String, Value> = balances.collect();
        object.insert("date".to_owned(), json!(tick.iso()));
        tick.hset("accounts", &self.user.to_string(), &Value::Object(object).to_string());
    }
}

impl Balance {
    fn available(&self) -> f64 {
        tidy(self.total - self.reserved).max(0.0)
    }
}

impl Position {
    fn some(pair: &Pair, tick: &mut Tick<'_>) -> Self {
        let sign = if tick.random.chance(0.7) { 1.0 } else { -1.0 };
        let price = pair.nearest(pair.usual * tick.random.between(0.97, 1.03));
        let volume = tidy(tick.random.between(500.0, 5_000.0) / price);
        let count = tick.random.whole(1, 9);
        Self { volume: sign * volume, price, fee: fee(volume, price), count, timestamp: tick.seconds() }
    }

    fn trade(&mut self, signed: f64, price: f64, fee: f64, now: f64) {
        let (before, after) = (self.volume, tidy(self.volume + signed));
        let grows = before * signed >= 0.0;
        let turns = before * after < 0.0;
        if grows && after != 0.0 {
            self.price = tidy((self.price * before.abs() + price * signed.abs()) / after.abs());
        } else if turns {
            self.price = price;
        }
        self.volume = after;
        self.fee = tidy(self.fee + fee);
        self.count += 1;
        self.timestamp = now;
    }

    fn json(&self) -> Value {
        json!({
            "cost": tidy(self.volume.abs() * self.price),
            "volume": self.volume,
            "fee": self.fee,
            "count": self.count,
            "price": self.price,
            "timestamp": self.timestamp,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Position;

    #[test]
    fn a_position_grows_shrinks_turns_and_closes() {
        let mut position = Position::default();
        let mut after = |signed, price| {
            position.trade(signed, price, 0.5, 7.0);
            (position.volume, position.price)
        };
        assert_eq!(after(2.0, 10.0), (2.0, 10.0));
        assert_eq!(after(2.0, 20.0), (4.0, 15.0));
        assert_eq!(after(-1.0, 99.0), (3.0, 15.0));
        assert_eq!(after(-5.0, 30.0), (-2.0, 30.0));
        assert_eq!(after(2.0, 40.0), (0.0, 30.0));
        assert_eq!((position.count, position.fee), (5, 2.5));
    }
}
