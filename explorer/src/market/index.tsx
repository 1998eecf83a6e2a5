import type { JSX } from "preact";
import { useEffect, useMemo } from "preact/hooks";
import { EXCHANGES_EVERY_MS } from "../bounds";
import { route, setQuery } from "../route";
import { operations } from "../server";
import { setClock, useClock } from "../streams/clock";
import { useFollowing } from "../streams/use-following";
import { Segments } from "../ui/segments";
import { Blocks, Bots } from "./bots";
import { MarketChart } from "./chart";
import { exampleOf, exchanges, findExchanges } from "./choice";
import { Health, Queues } from "./health";
import { Positions } from "./positions";
import { Tickers } from "./tickers";
import { Trades } from "./trades";

const TICKERS = { line: "price" } as const;

/** The market at a glance: nothing need be asked for. */
export default function Market(): JSX.Element {
  const known = operations.value;
  useEffect(useClock, []);
  useEffect(() => {
    if (known.size === 0) {
      return undefined;
    }
    void setClock();
    void findExchanges();
    const timer = setInterval(() => void findExchanges(), EXCHANGES_EVERY_MS);
    return () => clearInterval(timer);
  }, [known]);
  const { query } = route.value;
  const exchange = query["exchange"] ?? usualExchange();
  const params = useMemo(() => (exchange ? { exchange } : undefined), [exchange]);
  const tickers = useFollowing("stream_tickers", params, TICKERS);
  const symbol = query["symbol"] ?? exampleOf("get_ticker", "symbol");
  return (
    <div class="market">
      <div class="market-top">
        <h1>Market</h1>
        <Segments
          label="Exchange"
          values={exchanges.value}
          chosen={exchange}
          onChoose={(next) => setQuery({ exchange: next })}
        />
      </div>
      <div class="market-main">
        <Tickers exchange={exchange ?? ""} following={tickers} chosen={symbol} />
        <MarketChart exchange={exchange ?? ""} symbol={symbol} tickers={tickers} />
        <Trades exchange={exchange ?? ""} symbol={symbol} />
      </div>
      <div class="market-rest">
        <Positions />
        <Bots />
        <div class="market-side">
          <Health />
          <Queues />
        </div>
        <Blocks />
      </div>
    </div>
  );
}

function usualExchange(): string | undefined {
  const example = exampleOf("get_ticker", "exchange");
  const all = exchanges.value;
  return example !== undefined && all.includes(example) ? example : (all[0] ?? undefined);
}
