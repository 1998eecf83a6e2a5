import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useMemo } from "preact/hooks";
import { MAX_BARS } from "../bounds";
import { barWords, candleOptions } from "../chart/candles";
import { lineOptions } from "../chart/lines";
import { Plot } from "../chart/plot";
import { Readout } from "../chart/readout";
import { join } from "../chart/series";
import { route, setQuery } from "../route";
import { operations } from "../server";
import type { Following } from "../streams/following";
import type { Row } from "../streams/rows";
import { useFollowing } from "../streams/use-following";
import { amount, arrow, change, enoughDecimals, ratioOf, time } from "./format";
import { Segments } from "./segments";
import { wayOf } from "./tickers";

const TIMEFRAMES = ["1m", "5m", "15m", "1h", "4h", "1d"] as const;
const KINDS = ["candles", "line"] as const;
type Kind = (typeof KINDS)[number];

interface Props {
  exchange: string;
  symbol: string | undefined;
  tickers: Following | undefined;
}

/** The chosen symbol, large: its price since the page was opened, or its bars. */
export function MarketChart({ exchange, symbol, tickers }: Props): JSX.Element {
  const { chart, timeframe = "1m" } = route.value.query;
  const params = useMemo(
    () => (symbol === undefined ? undefined : { symbol, timeframe }),
    [symbol, timeframe],
  );
  const bars = useFollowing("stream_ohlcv", params, { rows: 1 });
  void bars?.tick.value;
  void tickers?.tick.value;
  const row = tickers?.rows.get(`${exchange} ${symbol ?? ""}`);
  const hasBars = (bars?.bars?.size ?? 0) > 0;
  const kind: Kind = chart === "line" || (chart !== "candles" && !hasBars) ? "line" : "candles";
  return (
    <section class="panel market-panel market-chart" aria-labelledby="chart-title">
      <header class="panel-head">
        <h2 id="chart-title">{symbol ?? "…"}</h2>
        <Price row={row} />
        <div class="tools">
          {kind === "candles" && (
            <Segments
              label="Timeframe"
              values={TIMEFRAMES}
              chosen={TIMEFRAMES.find((one) => one === timeframe)}
              onChoose={(next) => setQuery({ timeframe: next === "1m" ? undefined : next })}
            />
          )}
          <Segments
            label="Chart"
            values={KINDS}
            chosen={kind}
            onChoose={(next) => setQuery({ chart: next })}
            name={(one) => (one === "line" ? "Since opened" : "Candles")}
          />
        </div>
      </header>
      {kind === "candles" && bars ? (
        <Candles key={`${symbol} ${timeframe}`} following={bars} label={`${symbol} ${timeframe}`} />
      ) : kind === "candles" ? (
        <p class="quiet">{barsMissing()}</p>
      ) : tickers && row ? (
        <PriceLine key={row.key} tickers={tickers} row={row} />
      ) : (
        <p class="quiet">No price so far.</p>
      )}
    </section>
  );
}

function barsMissing(): string {
  return operations.value.has("stream_ohlcv")
    ? "No symbol is chosen."
    : "Not for this login, or not at this server: stream_ohlcv";
}

function Price({ row }: { row: Row | undefined }): JSX.Element | null {
  const price = row?.values["price"];
  if (!row || typeof price !== "number") {
    return null;
  }
  const from = row.first.get("price");
  const ratio = ratioOf(from, price);
  return (
    <p class="price-now">
      <strong>{amount(price, row.decimals.get("price"))}</strong>
      <span class={wayOf(ratio ?? 0)} title="since this page was opened">
        <span aria-hidden="true">{arrow(ratio)}</span> {change(from, price)}
      </span>
    </p>
  );
}

/** Candles of a stream that brings bars. */
export function Candles({ following, label }: { following: Following; label: string }): JSX.Element {
  void following.tick.value;
  const at = useSignal<number | undefined>(undefined);
  const bars = following.bars;
  const status = following.status.value;
  if (!bars || bars.size === 0) {
    const reason = status.name === "ended" ? status.reason : `No bars of ${label} so far.`;
    return <p class="quiet">{reason}</p>;
  }
  const columns = bars.columns();
  const place = Math.min(at.value ?? bars.size - 1, bars.size - 1);
  const decimals = enoughDecimals(bars.last?.[4] ?? 0, bars.decimals);
  const begin = columns[0][place] ?? 0;
  return (
    <figure class="chart">
      <figcaption class="readout" aria-live={at.value === undefined ? "off" : "polite"}>
        <span class="faint">{time(begin, Date.now() / 1000)}</span>
        {barWords(columns, place, decimals).map((word, part) => (
          <span key={part}>{word}</span>
        ))}
      </figcaption>
      <Plot
        options={candleOptions}
        look={label}
        read={() => bars.columns()}
        tick={following.tick}
        label={`Candles of ${label}, at most ${MAX_BARS}. The last: ${barWords(columns, bars.size - 1, decimals).join(", ")}`}
        onPoint={(point) => (at.value = point)}
      />
    </figure>
  );
}

function PriceLine({ tickers, row }: { tickers: Following; row: Row }): JSX.Element {
  void tickers.tick.value;
  const at = useSignal<number | undefined>(undefined);
  const name = String(row.values["symbol"]);
  const read = () => join([tickers.lines.get(row.key)?.line() ?? [[], []]]);
  return (
    <figure class="chart">
      <Readout columns={read()} place={at.value} names={[name]} />
      <Plot
        options={(colors) => lineOptions(colors, [name])}
        look={name}
        read={read}
        tick={tickers.tick}
        label={`The price of ${name} since this page was opened`}
        onPoint={(point) => (at.value = point)}
      />
    </figure>
  );
}
