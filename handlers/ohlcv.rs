//! Bars: a list a symbol and timeframe.

use fullon_cache_api::prelude::*;

/// One bar: its begin in seconds since the epoch; open, high, low and close in the quote currency; the
/// volume in the base currency.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Bar(pub Seconds, pub f64, pub f64, pub f64, pub f64, pub f64);

/// The newest bars of one symbol.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GetLatestOhlcvBars {
    /// As its writer spells it, `BTC/USDT` or `BTCUSD`; where there is none with the slash, the one
    /// without is read.
    pub symbol: Symbol,
    pub timeframe: Timeframe,
    /// How many at the most.
    #[serde(default = "hundred")]
    #[schemars(range(min = 1, max = 10000))]
    pub count: u32,
}

const fn hundred() -> u32 {
    100
}

/// How long a list of bars can be.
const MOST_STORED: u32 = 10_000;

impl Query for GetLatestOhlcvBars {
    type Output = Vec<Bar>;

    async fn run(&self, view: &View) -> Result<Json<Vec<Bar>>> {
        let mut stored = self.read(view, "bars").await?;
        if stored.is_empty() && self.symbol.contains('/') {
            stored = self.read(view, "bars_compact").await?;
        }
        let kept = latest(&stored, self.count as usize);
        let mut list = JsonList::new();
        for (place, stored) in kept {
            list.extend(view.healthy(&format!("-{place}"), bar(stored)));
        }
        Ok(list.finish())
    }
}

impl GetLatestOhlcvBars {
    /// Enough of the list's end to hold as many bars as are wanted: one that is still forming is
    /// stored again with every change.
    async fn read(&self, view: &View, key: &str) -> Result<Vec<Stored>> {
        let some = self.count.saturating_add(64).min(MOST_STORED);
        let stored = view.list_last(key, some).await?;
        let is_all = stored.len() < some as usize || some == MOST_STORED;
        if is_all || latest(&stored, self.count as usize).len() == self.count as usize {
            return Ok(stored);
        }
        view.list_last(key, MOST_STORED).await
    }
}

/// The last `count` bars, each in its newest form, with their place from the end.
fn latest(stored: &[Stored], count: usize) -> Vec<(usize, &Stored)> {
    let mut kept: Vec<(usize, &Stored)> = Vec::with_capacity(count.min(stored.len()));
    let mut newer: Option<f64> = None;
    for (place, bar) in (1..).zip(stored.iter().rev()) {
        if kept.len() == count {
            break;
        }
        let time = time_of(bar);
        if time.is_none() || time != newer {
            kept.push((place, bar));
        }
        newer = time.or(newer);
    }
    kept.reverse();
    kept
}

/// A bar's time, which may be written as 60 or as 60.0; the rest of it is left unread.
fn time_of(bar: &Stored) -> Option<f64> {
    let (time, _) = bar.text().ok()?.trim_start().strip_prefix('[')?.split_once(',')?;
    time.trim().parse().ok()
}

/// A bar as it was written, if it is one.
fn bar(stored: &Stored) -> Result<Json<Bar>> {
    let mut list = JsonList::new();
    let elements = stored.elements()?;
    if elements.len() < 6 {
        return Err(Error::corrupt("has fewer than the six numbers of a bar"));
    }
    for number in &elements[..6] {
        list.push_number(number.get())?;
    }
    Ok(list.finish_tuple())
}

/// The bars of one symbol, as they form.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StreamOhlcv {
    /// As its writer spells it, `BTC/USDT` or `BTCUSD`; where there is none with the slash, the one
    /// without is watched.
    pub symbol: Symbol,
    pub timeframe: Timeframe,
}

/// A bar, new or changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BarUpdate {
    /// The symbol as it was asked for.
    pub symbol: String,
    /// The time that a bar spans, e.g. `1m`.
    pub timeframe: String,
    /// The bar.
    pub bar: Bar,
    /// Whether a later one has begun, so that it changes no more.
    pub closed: bool,
}

impl Watch for StreamOhlcv {
    type Update = BarUpdate;

    async fn read(view: &View, state: &mut State<'_, BarUpdate>) -> Result<()> {
        let (symbol, timeframe) = (view.text_param("symbol")?, view.text_param("timeframe")?);
        let update = |stored: &Stored, closed: bool| {
            let mut object = JsonObject::new();
            object.insert("symbol", Json::of(&*symbol)?);
            object.insert("timeframe", Json::of(&*timeframe)?);
            object.insert("bar", bar(stored)?);
            object.insert("closed", Json::of(&closed)?);
            Ok(object.finish())
        };
        let spellings = if symbol.contains('/') { &["bars", "bars_compact"][..] } else { &["bars"] };
        for spelling in spellings {
            let list = view.found_with(spelling, &[])?;
            let appended = state.follow(view, &list, "").await?;
            let bars: Vec<&Stored> = appended.previous.iter().chain(&appended.elements).collect();
            for (place, stored) in bars.iter().enumerate() {
                let next = bars.get(place + 1);
                let is_told = place == 0 && appended.previous.is_some();
                // A form that is replaced already says nothing; the last one may still change.
                let is_replaced =
                    next.is_some_and(|next| time_of(next).is_some() && time_of(next) == time_of(stored));
                let is_news = next.is_some() || !is_told;
                if is_news && !is_replaced {
                    state.append(view, list.name(), "", update(stored, next.is_some()));
                }
            }
            if !bars.is_empty() {
                break;
            }
        }
        Ok(())
    }
}

submit! {
    Operation::stream::<StreamOhlcv>("stream_ohlcv", "The bars of one symbol, as they form.", "ohlcv_update")
        .log()
        .sends(&[Verb::LRange])
        .examples(&[r#"{"symbol": "BTCUSD", "timeframe": "1h"}"#]),
    Operation::read::<GetLatestOhlcvBars>("get_latest_ohlcv_bars", "The newest bars of one symbol, oldest first.")
        .sends(&[Verb::LRange])
        .examples(&[
            r#"{"symbol": "BTCUSD", "timeframe": "1h"}"#,
            r#"{"symbol": "BTC/USDT", "timeframe": "1m", "count": 5}"#,
        ]),
}
