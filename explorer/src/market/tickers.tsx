import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useMemo } from "preact/hooks";
import { Spark } from "../chart/spark";
import { age, amount, arrow, change, fullTime, number, ratioOf, short } from "../format";
import { setQuery } from "../route";
import { flash } from "../streams/cell";
import { clock } from "../streams/clock";
import type { Column } from "../streams/columns";
import type { Following } from "../streams/following";
import { LiveTable } from "../streams/live-table";
import { compare, keyOf, type Row, type Sort } from "../streams/rows";
import { Panel } from "./panel";

const COLUMNS: readonly Column[] = [
  { name: "symbol", kind: "text" },
  { name: "price", kind: "number" },
  { name: "change", kind: "number", description: "The change since this page was opened." },
  { name: "trend", kind: "text", description: "The price since this page was opened." },
  { name: "volume", kind: "number" },
  { name: "age", kind: "number", description: "How long ago the exchange said so." },
];

interface Props {
  exchange: string;
  following: Following | undefined;
  chosen: string | undefined;
}

/** All tickers of an exchange; one of them is chosen. */
export function Tickers({ exchange, following, chosen }: Props): JSX.Element {
  const filter = useSignal("");
  const sort = useSignal<Sort | undefined>(undefined);
  const cell = useMemo(() => tickerCell(following), [following]);
  const find = (
    <input
      type="search"
      class="find"
      aria-label="Find a symbol"
      placeholder="Find a symbol"
      value={filter.value}
      onInput={({ currentTarget }) => (filter.value = currentTarget.value)}
    />
  );
  return (
    <Panel
      title={`Tickers of ${exchange || "…"}`}
      operation="stream_tickers"
      following={following}
      none="No tickers so far."
      class="market-tickers"
      tools={find}
    >
      {({ rows }) => (
        <LiveTable
          label={`Tickers of ${exchange}`}
          columns={COLUMNS}
          rows={inOrder(rows.sorted(), filter.value, sort.value)}
          sort={sort.value}
          onSort={(next) => (sort.value = next)}
          cell={cell}
          look={exchange}
          chosen={chosen === undefined ? undefined : keyOf([exchange, chosen])}
        />
      )}
    </Panel>
  );
}

function inOrder(rows: readonly Row[], filter: string, sort: Sort | undefined): readonly Row[] {
  const text = filter.trim().toUpperCase();
  const found = text
    ? rows.filter(({ values }) => String(values["symbol"]).toUpperCase().includes(text))
    : rows;
  if (!sort) {
    return found;
  }
  return [...found].sort((a, b) => compare(rank(a, sort), rank(b, sort), sort.descending));
}

function rank(row: Row, { column }: Sort): unknown {
  const { values, first } = row;
  switch (column) {
    case "change":
    case "trend":
      return ratioOf(first.get("price"), priceOf(row));
    case "age":
      return typeof values["timestamp"] === "number" ? -values["timestamp"] : undefined;
    default:
      return values[column];
  }
}

function priceOf({ values }: Row): number | undefined {
  const { price } = values;
  return typeof price === "number" ? price : undefined;
}

function tickerCell(
  following: Following | undefined,
): (row: Row, column: Column) => JSX.Element | undefined {
  return (row, { name }) => {
    const { values, moves, decimals, first } = row;
    switch (name) {
      case "symbol":
        return <SymbolCell key={name} symbol={String(values["symbol"])} />;
      case "price": {
        const price = priceOf(row);
        return (
          <td
            key={name}
            class={`number strong ${flash(moves.get("price"))}`}
            title={price === undefined ? undefined : number(price)}
          >
            {price === undefined ? "–" : amount(price, decimals.get("price"))}
          </td>
        );
      }
      case "change":
        return <ChangeCell key={name} from={first.get("price")} to={priceOf(row)} />;
      case "trend": {
        const ratio = ratioOf(first.get("price"), priceOf(row)) ?? 0;
        return (
          <td key={name} class={`trend ${wayOf(ratio)}`}>
            <Spark series={following?.lines.get(row.key)} />
          </td>
        );
      }
      case "volume": {
        const { volume } = values;
        return (
          <td key={name} class="number" title={typeof volume === "number" ? number(volume) : undefined}>
            {typeof volume === "number" ? short(volume) : "–"}
          </td>
        );
      }
      default:
        return <AgeCell key={name} at={values["timestamp"]} />;
    }
  };
}

function SymbolCell({ symbol }: { symbol: string }): JSX.Element {
  return (
    <th scope="row" class="symbol">
      <button type="button" class="choose" onClick={() => setQuery({ symbol })}>
        {symbol}
      </button>
    </th>
  );
}

/** A change with its sign and arrow, so that colour is not all that tells it. */
export function ChangeCell({ from, to }: { from: number | undefined; to: number | undefined }): JSX.Element {
  const ratio = ratioOf(from, to);
  return (
    <td class={`number ${wayOf(ratio ?? 0)}`}>
      <span class="arrow" aria-hidden="true">
        {arrow(ratio)}
      </span>
      {change(from, to)}
    </td>
  );
}

/** How old a time is; it grows by itself. */
export function AgeCell({ at }: { at: unknown }): JSX.Element {
  const seconds = typeof at === "number" ? at : undefined;
  return (
    <td class="number faint" title={seconds === undefined ? undefined : fullTime(seconds)}>
      {age(seconds, clock.value)}
    </td>
  );
}

/** The class of what went up or down. */
export function wayOf(ratio: number): string {
  return ratio > 0 ? "up" : ratio < 0 ? "down" : "";
}
