import type { JSX } from "preact";
import { number, tellingDecimals } from "../format";
import type { Column } from "../streams/columns";
import { LiveTable } from "../streams/live-table";
import type { Row } from "../streams/rows";
import { useFollowing } from "../streams/use-following";
import { Panel } from "./panel";
import { wayOf } from "./tickers";

const NO_PARAMS = {};
const COLUMNS: readonly Column[] = [
  { name: "bot_id", kind: "text", label: "Bot" },
  { name: "status", kind: "text" },
  { name: "trades", kind: "text", description: "The exchanges and pairs of its feeds." },
  {
    name: "pnl",
    kind: "number",
    label: "P/L",
    description: "The profit or loss that its feeds tell, summed.",
  },
];

/** The bots: how they are, and what they trade. */
export function Bots(): JSX.Element {
  const following = useFollowing("stream_bot_status", NO_PARAMS);
  return (
    <Panel
      title="Bots"
      operation="stream_bot_status"
      following={following}
      none="No bots so far."
      class="market-bots"
    >
      {({ rows }) => (
        <LiveTable label="Bots" columns={COLUMNS} rows={rows.sorted()} cell={botCell} />
      )}
    </Panel>
  );
}

/** The pairs that bots block. */
export function Blocks(): JSX.Element {
  const following = useFollowing("stream_blocks", NO_PARAMS);
  return (
    <Panel
      title="Blocked pairs"
      operation="stream_blocks"
      following={following}
      none="No pair is blocked."
      class="market-blocks"
    >
      {({ rows, columns }) => (
        <LiveTable label="Blocked pairs" columns={columns} rows={rows.sorted()} />
      )}
    </Panel>
  );
}

function botCell({ values }: Row, { name }: Column): JSX.Element | undefined {
  const feeds = feedsOf(values["feeds"]);
  switch (name) {
    case "status":
      return (
        <td key={name}>
          <State status={String(values["status"])} />
        </td>
      );
    case "trades": {
      const text = feeds.map(({ exchange, symbols }) => `${exchange} ${symbols.join(", ")}`).join("; ");
      return (
        <td key={name} class="clipped" title={text}>
          {text || "–"}
        </td>
      );
    }
    case "pnl": {
      const sums = feeds.map(({ pnl }) => pnl).filter((pnl) => pnl !== undefined);
      const sum = sums.reduce((all, one) => all + one, 0);
      return (
        <td key={name} class={`number ${wayOf(sum)}`} title={sums.length === 0 ? undefined : number(sum)}>
          {sums.length === 0 ? "–" : `${sum > 0 ? "+" : ""}${number(sum, tellingDecimals(sum))}`}
        </td>
      );
    }
    default:
      return undefined;
  }
}

/** A state in a word, with a mark of its kind. */
export function State({ status }: { status: string }): JSX.Element {
  return <span class={`state ${kindOf(status)}`}>{status}</span>;
}

function kindOf(status: string): string {
  if (/^(running|processing|ok|healthy|active)$/i.test(status)) {
    return "is-good";
  }
  return /error|fail|dead|stale/i.test(status) ? "is-bad" : "";
}

interface Feed {
  exchange: string;
  symbols: string[];
  pnl: number | undefined;
}

/** What is known of a bot's feeds: each may be of any form. */
export function feedsOf(feeds: unknown): Feed[] {
  const all = isObject(feeds) ? Object.values(feeds).filter(isObject) : [];
  return all.map((feed) => {
    const { exchange, symbols, symbol, performance } = feed;
    const names = Array.isArray(symbols) ? symbols : symbol === undefined ? [] : [symbol];
    const pnl = isObject(performance) ? performance["pnl"] : undefined;
    return {
      exchange: typeof exchange === "string" ? exchange : "",
      symbols: names.map(String),
      pnl: typeof pnl === "number" ? pnl : undefined,
    };
  });
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
