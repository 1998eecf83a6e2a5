//! A cache as large as wanted, in the layout's keys and values, for tests and benchmarks.

/// How large.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    /// Keys in all; what the others leave is filled with short lists.
    pub keys: usize,
    pub exchanges: usize,
    /// Symbols of each exchange.
    pub symbols: usize,
    /// Orders of [`LARGE_EXCHANGE`] and of the one after it; each other exchange has a hundred.
    pub orders: usize,
    /// Trades of the first symbol of [`LARGE_EXCHANGE`]; each other list has three.
    pub trades: usize,
    /// Times of last trades, each a key.
    pub statuses: usize,
}

/// The exchange that has the most.
pub const LARGE_EXCHANGE: &str = "ex00";

/// The name of an exchange.
pub fn exchange(number: usize) -> String {
    format!("ex{number:02}")
}

/// The name of a pair.
pub fn symbol(number: usize) -> String {
    format!("S{number:04}/USDT")
}

/// The id of an order.
pub fn order_id(number: usize) -> String {
    format!("EX_{number:06}")
}

/// An order as it is stored: every fourth is open, those of ten users.
pub fn order(number: usize, exchange: &str) -> String {
    let (id, symbol) = (order_id(number), symbol(number % 100));
    let status = if number.is_multiple_of(4) { "open" } else { "closed" };
    format!(
        "{{\"order_id\": \"{id}\", \"ex_order_id\": \"{id}\", \"exchange\": \"{exchange}\", \"ex_id\": 1, \
         \"cat_ex_id\": 1, \"symbol\": \"{symbol}\", \"order_type\": \"limit\", \"side\": \"buy\", \
         \"volume\": 1.25, \"final_volume\": 0.5, \"price\": 47000.5, \"plimit\": null, \"status\": \"{status}\", \
         \"bot_id\": {}, \"uid\": {}, \"timestamp\": \"2026-11-22T20:28:40.239250+00:00\", \"command\": null, \
         \"reason\": null, \"futures\": false, \"leverage\": null, \"tick\": null}}",
        number % 50,
        number % 10,
    )
}

fn ticker(number: usize, exchange: &str) -> String {
    let symbol = symbol(number);
    format!(
        "{{\"symbol\": \"{symbol}\", \"exchange\": \"{exchange}\", \"price\": 176.82803384668821, \
         \"volume\": 2738.722328547789, \"time\": 1795380452.2698894, \"bid\": 176.81035104330354, \
         \"ask\": 176.8457166500729, \"last\": 176.82803384668821}}"
    )
}

fn trade(number: usize, symbol: &str) -> String {
    format!(
        "{{\"trade_id\": {number}, \"ex_trade_id\": \"{number}\", \"ex_order_id\": null, \"uid\": null, \
         \"symbol\": \"{symbol}\", \"order_type\": \"limit\", \"side\": \"sell\", \"volume\": 0.25, \
         \"price\": 47000.5, \"cost\": 11750.125, \"fee\": 1.5, \"time\": 1795380452.5}}"
    )
}

/// The commands that fill it, name first.
pub fn commands(size: Size) -> impl Iterator<Item = Vec<String>> {
    let exchanges = (0..size.exchanges).map(exchange);
    let of_exchanges = exchanges.enumerate().flat_map(move |(number, name)| of_exchange(size, number, &name));
    let status = |number| vec!["SET".into(), format!("TRADE:STATUS:key{number:06}"), "1795380452.5".into()];
    let statuses = (0..size.statuses).map(status);
    let so_far = size.exchanges * (2 + 2 * size.symbols) + size.statuses + 3;
    let rest = (0..size.keys.saturating_sub(so_far)).map(|number| {
        vec!["RPUSH".into(), format!("new_orders:LOCAL_{number:07}"), format!("LOCAL_{number:07}")]
    });
    let times = "2026-11-22T20:28:40.239250+00:00";
    let accounts = words("HSET", "accounts".into(), 0..1000, |number| {
        vec![
            number.to_string(),
            format!("{{\"USDT\": {{\"balance\": 1.5, \"available\": 1}}, \"date\": \"{times}\"}}"),
        ]
    });
    let bots = words("HSET", "bot_status".into(), 0..1000, |number| {
        vec![
            format!("bot_{number}"),
            format!("{{\"0\": {{\"status\": \"running\", \"timestamp\": \"{times}\"}}}}"),
        ]
    });
    let blocks = words("HSET", "block_exchange".into(), 0..size.symbols, |number| {
        vec![format!("{LARGE_EXCHANGE}:{}", symbol(number)), "bot_1".into()]
    });
    of_exchanges.chain(statuses).chain(accounts).chain(bots).chain(blocks).chain(rest)
}

fn of_exchange(size: Size, number: usize, exchange: &str) -> Vec<Vec<String>> {
    let orders = if number < 2 { size.orders } else { 100 };
    let mut all = words("HSET", format!("tickers:{exchange}"), 0..size.symbols, |number| {
        vec![symbol(number), ticker(number, exchange)]
    });
    all.extend(words("HSET", format!("order_status:{exchange}"), 0..orders, |number| {
        vec![order_id(number), order(number, exchange)]
    }));
    for symbol in (0..size.symbols).map(symbol) {
        let is_large = exchange == LARGE_EXCHANGE && symbol == self::symbol(0);
        let trades = if is_large { size.trades } else { 3 };
        let list = format!("trades:{exchange}:{}", symbol.replace('/', ""));
        all.extend(words("RPUSH", list, 0..trades, |number| vec![trade(number, &symbol)]));
        all.push(vec!["SET".into(), format!("ticker_time:{exchange}:{symbol}"), "1795380452.2698894".into()]);
    }
    all
}

/// Commands that each put some of many things at a key.
fn words(
    command: &str,
    key: String,
    numbers: std::ops::Range<usize>,
    thing: impl Fn(usize) -> Vec<String>,
) -> Vec<Vec<String>> {
    let numbers: Vec<usize> = numbers.collect();
    let begin = || vec![command.to_owned(), key.clone()];
    let some = |numbers: &[usize]| {
        let mut words = begin();
        words.extend(numbers.iter().flat_map(|number| thing(*number)));
        words
    };
    numbers.chunks(100).map(some).collect()
}
