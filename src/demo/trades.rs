//! Trades: those of every market, and those of the simulation's own users.

use serde_json::{Value, json};

use super::{
    orders::{Fill, Side},
    pair::Pair,
    quotes::Quote,
    tick::{Tick, tidy},
};

/// How many trades of one market are kept.
pub(super) const MOST_OF_MARKET: usize = 1000;
/// How many trades wait for one user on one exchange.
pub(super) const MOST_OF_USER: usize = 200;
/// What an exchange takes, as a part of the cost.
const FEE: f64 = 0.001;

/// Numbers the trades.
#[derive(Default)]
pub(super) struct Trades {
    last_id: u64,
}

impl Trades {
    /// Someone trades at the price of a quote.
    pub(super) fn on_market(&mut self, quote: &Quote, volume: f64, tick: &mut Tick<'_>) {
        let Quote { exchange, pair, price, .. } = quote;
        let side = if tick.random.chance(0.5) { Side::Buy } else { Side::Sell };
        let mut trade = self.trade(pair, side, volume, *price);
        // Writers differ in how they put a time.
        trade["time"] = if *exchange == "binance" { json!(tick.seconds()) } else { json!(tick.iso()) };
        let key = format!("trades:{exchange}:{}", pair.compact());
        tick.append(&key, &[&trade.to_string()], MOST_OF_MARKET);
        tick.send(&["SET", &format!("TRADE:STATUS:{exchange}"), &tick.iso()]);
    }

    /// A user's order is filled, in part or in full.
    pub(super) fn of_user(&mut self, fill: &Fill<'_>, tick: &mut Tick<'_>) {
        let order = fill.order;
        let mut trade = self.trade(order.pair, order.side, fill.volume, order.price);
        trade["ex_order_id"] = json!(order.id);
        trade["uid"] = json!(order.user);
        trade["order_type"] = json!(order.kind);
        trade["time"] = json!(tick.iso());
        let key = format!("user_trades:{}:{}", order.user, order.exchange);
        tick.append(&key, &[&trade.to_string()], MOST_OF_USER);
        tick.send(&["SET", &format!("USER_TRADE:STATUS:{}", order.user), &tick.iso()]);
    }

    /// All that the real writer writes; it leaves most of it empty.
    fn trade(&mut self, pair: &Pair, side: Side, volume: f64, price: f64) -> Value {
        self.last_id += 1;
        json!({
            "trade_id": self.last_id,
            "ex_trade_id": format!("TRD_{:07}", self.last_id),
            "ex_order_id": null,
            "ex_id": null,
            "uid": null,
            "symbol": pair.symbol,
            "order_type": null,
            "side": side.name(),
            "volume": volume,
            "price": price,
            "cost": tidy(volume * price),
            "fee": fee(volume, price),
            "cur_volume": null,
            "cur_avg_price": null,
            "cur_avg_cost": null,
            "cur_fee": null,
            "roi": null,
            "roi_pct": null,
            "total_fee": null,
            "leverage": null,
            "time": null,
            "limit": null,
        })
    }
}

/// What an exchange takes, in the quote currency.
pub(super) fn fee(volume: f64, price: f64) -> f64 {
    tidy(volume * price * FEE)
}
