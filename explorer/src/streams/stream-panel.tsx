import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useId, useMemo } from "preact/hooks";
import { Candles } from "../chart/candle-figure";
import { link } from "../route";
import { operations } from "../server";
import { Segments } from "../ui/segments";
import { Cell, withMore } from "./cell";
import type { Column } from "./columns";
import type { Following } from "./following";
import { LiveTable } from "./live-table";
import type { Row, Sort } from "./rows";
import { StreamStatus } from "./status";
import { StreamChart } from "./stream-chart";
import { Served } from "./served";
import { StreamFacts, StreamNotes } from "./stream-facts";
import type { Shown, StreamView } from "./url";
import { useFollowing } from "./use-following";

const VIEW_NAMES: Record<StreamView, string> = {
  table: "Table",
  chart: "Chart",
  candles: "Candles",
};

const EXPLAINED = { isExplained: true } as const;

interface Props {
  shown: Shown;
  onChange(shown: Shown): void;
  onClose(): void;
}

/** A stream: what it shows as a table, a chart or candles, and how it fares. */
export function StreamPanel({ shown, onChange, onClose }: Props): JSX.Element {
  const { operation, params } = shown;
  const id = useId();
  const isPaused = useSignal(false);
  const following = useFollowing(operation, params, EXPLAINED);
  const fields = useMemo(() => numbersOf(following), [following]);
  const views = viewsOf(following, fields);
  const view = views.includes(shown.view) ? shown.view : "table";
  const field = fields.find((name) => name === shown.field) ?? usualField(fields);
  useEffect(() => {
    if (following) {
      following.line = view === "chart" ? field : undefined;
    }
  }, [following, view, field]);
  const pause = (next: boolean): void => {
    isPaused.value = next;
    if (following) {
      following.isPaused = next;
    }
  };
  useEffect(() => {
    // It is another after another login.
    if (following && isPaused.peek()) {
      following.isPaused = true;
    }
  }, [following]);
  return (
    <section
      class={`panel stream-panel ${following?.status.value.name === "ended" ? "is-ended" : ""}`}
      aria-labelledby={id}
    >
      <header class="panel-head">
        <h2 id={id}>
          <a href={link(`/op/${operation}`, { params: JSON.stringify(params) })}>{operation}</a>
        </h2>
        <span role="status">{following && <StreamStatus status={following.status.value} />}</span>
        <div class="tools">
          {views.length > 1 && (
            <Segments
              label={`View of ${operation}`}
              values={views}
              chosen={view}
              onChoose={(next) => onChange({ ...shown, view: next })}
              name={(one) => VIEW_NAMES[one]}
            />
          )}
          <button
            type="button"
            aria-pressed={isPaused.value}
            onClick={() => pause(!isPaused.value)}
          >
            {isPaused.value ? "Go on" : "Pause"}
          </button>
          <button type="button" onClick={onClose} aria-label={`Close ${operation}`}>
            Close
          </button>
        </div>
      </header>
      <p class="stream-params mono">{JSON.stringify(params)}</p>
      {following ? (
        <>
          <StreamFacts following={following} />
          <ServedAs following={following} />
          <StreamNotes following={following} />
          <Body
            following={following}
            view={view}
            fields={fields}
            field={field}
            shown={shown}
            onChange={onChange}
          />
        </>
      ) : (
        <p class="quiet">
          {operations.value.size === 0 ? "…" : "Not for this login, or not at this server"}
        </p>
      )}
    </section>
  );
}

function ServedAs({ following }: { following: Following }): JSX.Element {
  void following.status.value; // it has another name on another connection
  return <Served id={following.settings && following.id} />;
}

interface BodyProps {
  following: Following;
  view: StreamView;
  fields: readonly string[];
  field: string | undefined;
  shown: Shown;
  onChange(shown: Shown): void;
}

function Body({ following, view, fields, field, shown, onChange }: BodyProps): JSX.Element {
  const status = following.status.value;
  if (status.name === "ended") {
    return (
      <p class="quiet error-text" role="alert">
        {status.reason}
      </p>
    );
  }
  if (view === "candles") {
    const { symbol, timeframe } = shown.params;
    return <Candles following={following} label={`${String(symbol)} ${String(timeframe)}`} />;
  }
  return view === "chart" && field !== undefined ? (
    <StreamChart
      following={following}
      fields={fields}
      field={field}
      row={shown.row}
      onChoose={(next, row) => onChange({ ...shown, field: next, row })}
    />
  ) : (
    <StreamTable following={following} />
  );
}

function StreamTable({ following }: { following: Following }): JSX.Element {
  void following.tick.value;
  const { rows, bars, operation } = following;
  const sort = useSignal<Sort | undefined>(bars ? { column: "time", descending: true } : undefined);
  const shown = rows.sorted(sort.value);
  const count = rows.columns.length;
  const columns = useMemo(
    () => withMore(following.columns, rows.columns, shown[0]),
    [following, count],
  );
  if (rows.size === 0) {
    return <p class="quiet">Nothing so far.</p>;
  }
  // All bars are of one symbol, so all have as many decimals.
  const barCell = (row: Row, column: Column): JSX.Element => (
    <Cell key={column.name} row={row} column={column} decimals={rows.decimals.get(column.name)} />
  );
  return (
    <LiveTable
      label={operation.name}
      columns={columns}
      rows={shown}
      sort={sort.value}
      onSort={(next) => (sort.value = next)}
      {...(bars && { cell: barCell })}
    />
  );
}

/** The columns that can be charted. */
function numbersOf(following: Following | undefined): string[] {
  const { columns = [], namedBy = [] } = following ?? {};
  return columns
    .filter(({ name, kind }) => kind === "number" && !namedBy.includes(name))
    .map(({ name }) => name);
}

function usualField(fields: readonly string[]): string | undefined {
  return fields.find((name) => name === "price" || name === "close") ?? fields[0];
}

function viewsOf(following: Following | undefined, fields: readonly string[]): StreamView[] {
  const views: StreamView[] = ["table"];
  if (fields.length > 0) {
    views.push("chart");
  }
  if (following?.bars) {
    views.push("candles");
  }
  return views;
}
