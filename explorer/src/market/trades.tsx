import type { JSX } from "preact";
import { useEffect, useMemo } from "preact/hooks";
import { MAX_TRADES } from "../bounds";
import { amount, fullTime, number, time } from "../format";
import { call, describedFor, operations } from "../server";
import { serverNow } from "../streams/clock";
import type { Column } from "../streams/columns";
import { LiveTable } from "../streams/live-table";
import type { Row, Values } from "../streams/rows";
import { useFollowing } from "../streams/use-following";
import { Panel } from "./panel";

const COLUMNS: readonly Column[] = [
  { name: "time", kind: "time" },
  { name: "side", kind: "text" },
  { name: "price", kind: "number" },
  { name: "volume", kind: "number" },
];
/** What tells one trade from another, for not all writers give each an id. */
const NAMES = ["trade_id", "ex_trade_id", "time", "price", "volume"];
const NEWEST_FIRST = { column: "time", descending: true };

/** The latest trades of a symbol. */
export function Trades({ exchange, symbol }: { exchange: string; symbol: string | undefined }): JSX.Element {
  const params = useMemo(
    // What was traded before is asked for apart: a log's past may be long.
    () => (symbol === undefined ? undefined : { exchange, symbol, snapshot: false }),
    [exchange, symbol],
  );
  const following = useFollowing("stream_trade_updates", params, { rows: MAX_TRADES, namedBy: NAMES });
  const canRead = operations.value.has("get_trades");
  useEffect(() => {
    if (!following || !canRead) {
      return;
    }
    let isOver = false;
    call<Values[]>("get_trades", { symbol, exchange, limit: MAX_TRADES }).then(
      ({ result }) => isOver || following.precede(result),
      () => undefined, // those that follow are shown all the same
    );
    return () => {
      isOver = true;
    };
    // What came before goes too when somebody else logs in.
  }, [following, canRead, describedFor.value]);
  return (
    <Panel
      title="Trades"
      operation="stream_trade_updates"
      following={following}
      none="No trades so far."
      class="market-trades"
    >
      {({ rows }) => (
        <LiveTable
          label={`Trades of ${symbol ?? ""}`}
          columns={COLUMNS}
          rows={rows.sorted(NEWEST_FIRST)}
          limit={MAX_TRADES}
          cell={(row, column) => tradeCell(row, column, rows.decimals.get("price"))}
        />
      )}
    </Panel>
  );
}

function tradeCell(
  { values }: Row,
  { name }: Column,
  decimals: number | undefined,
): JSX.Element | undefined {
  const { side, price, volume, time: at } = values;
  switch (name) {
    case "time": {
      const seconds = typeof at === "number" ? at : undefined;
      return (
        <td key={name} class="number faint" title={seconds === undefined ? undefined : fullTime(seconds)}>
          {seconds === undefined ? "–" : time(seconds, serverNow())}
        </td>
      );
    }
    case "side":
      return <SideCell key={name} side={side} />;
    case "price":
      // All are of one symbol, so all have as many decimals.
      return <AmountCell key={name} value={price} decimals={decimals} />;
    case "volume":
      return <AmountCell key={name} value={volume} />;
    default:
      return undefined;
  }
}

/** A price or an amount, whose title has all its digits. */
function AmountCell({ value, decimals }: { value: unknown; decimals?: number | undefined }): JSX.Element {
  const isNumber = typeof value === "number";
  return (
    <td class="number" title={isNumber ? number(value) : undefined}>
      {isNumber ? amount(value, decimals) : "–"}
    </td>
  );
}

/** Which side: by colour, arrow and word. */
export function SideCell({ side }: { side: unknown }): JSX.Element {
  const text = typeof side === "string" ? side : "–";
  const isUp = text === "buy" || text === "long";
  const isDown = text === "sell" || text === "short";
  return (
    <td class={isUp ? "up" : isDown ? "down" : undefined}>
      <span class="arrow" aria-hidden="true">
        {isUp ? "▲" : isDown ? "▼" : ""}
      </span>
      {text}
    </td>
  );
}
