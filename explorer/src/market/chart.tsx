import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useMemo } from "preact/hooks";
import { Candles } from "../chart/candle-figure";
import { lineOptions } from "../chart/lines";
import { Plot } from "../chart/plot";
import { Readout } from "../chart/readout";
import { join } from "../chart/series";
import { amount, arrow, change, ratioOf } from "../format";
import { route, setQuery } from "../route";
import { operations } from "../server";
import type { Following } from "../streams/following";
import { keyOf, type Row } from "../streams/rows";
import { Trouble } from "../streams/status";
import { useFollowing } from "../streams/use-following";
import { Segments } from "../ui/segments";
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
  const row = tickers?.rows.get(keyOf([exchange, symbol]));
  const hasBars = (bars?.bars?.size ?? 0) > 0;
  const kind: Kind = chart === "line" || (chart !== "candles" && !hasBars) ? "line" : "candles";
  return (
    <section class="panel market-panel market-chart" aria-labelledby="chart-title">
      <header class="panel-head">
        <h2 id="chart-title">{symbol ?? "…"}</h2>
        <Price row={row} />
        <Trouble status={(kind === "candles" ? bars : tickers)?.status.value} />
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
