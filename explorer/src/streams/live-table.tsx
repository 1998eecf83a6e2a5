import { Component, type ComponentChildren, type JSX } from "preact";
import { MAX_ROWS } from "../bounds";
import { number } from "../format";
import { Cell } from "./cell";
import { today } from "./clock";
import type { Column } from "./columns";
import type { Row, Sort } from "./rows";

interface TableProps {
  label: string;
  columns: readonly Column[];
  /** In their order. */
  rows: readonly Row[];
  sort?: Sort | undefined;
  onSort?: ((sort: Sort | undefined) => void) | undefined;
  limit?: number;
  /** Draws a cell in another way; undefined: as usual. */
  cell?: (row: Row, column: Column) => JSX.Element | undefined;
  /** Tells one way to draw cells from another, so that rows which did not change are drawn anew. */
  look?: string;
  /** The row that is chosen. */
  chosen?: string | undefined;
}

/** A table whose rows are drawn only when they change, and whose cells show what changed. */
export function LiveTable(props: TableProps): JSX.Element {
  const { label, columns, rows, sort, onSort, limit = MAX_ROWS, cell, look = "", chosen } = props;
  const shown = rows.length > limit ? rows.slice(0, limit) : rows;
  return (
    <div class="table-place" tabIndex={0} role="region" aria-label={label}>
      <table class="live-table">
        <caption class="unseen">{label}</caption>
        <thead>
          <tr>
            {columns.map((column) => (
              <Head key={column.name} column={column} sort={sort} onSort={onSort} />
            ))}
          </tr>
        </thead>
        <tbody>
          {shown.map((row) => (
            <LiveRow
              key={row.key}
              row={row}
              version={row.version}
              columns={columns}
              cell={cell}
              look={look}
              day={today.value}
              isChosen={row.key === chosen}
            />
          ))}
        </tbody>
      </table>
      {rows.length > limit && (
        <p class="more">{`${number(rows.length - limit)} more are not shown.`}</p>
      )}
    </div>
  );
}

interface HeadProps {
  column: Column;
  sort: Sort | undefined;
  onSort: ((sort: Sort | undefined) => void) | undefined;
}

function Head({ column, sort, onSort }: HeadProps): JSX.Element {
  const { name, kind, description } = column;
  const classes = kind === "number" || kind === "time" ? "number" : undefined;
  const label = column.label ?? labelOf(name);
  if (!onSort) {
    return (
      <th scope="col" class={classes} title={description}>
        {label}
      </th>
    );
  }
  const isSorted = sort?.column === name;
  const order = !isSorted ? "none" : sort.descending ? "descending" : "ascending";
  return (
    <th scope="col" class={classes} title={description} aria-sort={order}>
      <button type="button" class="sort" onClick={() => onSort(nextSort(name, sort))}>
        {label}
        <span aria-hidden="true">{isSorted ? (sort.descending ? " ↓" : " ↑") : ""}</span>
      </button>
    </th>
  );
}

/** Up, down, and as it was. */
function nextSort(column: string, sort: Sort | undefined): Sort | undefined {
  if (sort?.column !== column) {
    return { column, descending: true };
  }
  return sort.descending ? { column, descending: false } : undefined;
}

/** `queue_length` as it is read: `queue length`. */
export function labelOf(name: string): string {
  return name.replaceAll("_", " ");
}

interface RowProps {
  row: Row;
  version: number;
  columns: readonly Column[];
  cell: TableProps["cell"];
  look: string;
  /** Times are written with their day if it is another. */
  day: string;
  isChosen: boolean;
}

class LiveRow extends Component<RowProps> {
  override shouldComponentUpdate(next: RowProps): boolean {
    const { version, columns, look, day, isChosen, row } = this.props;
    return (
      next.version !== version ||
      next.row !== row ||
      next.columns !== columns ||
      next.look !== look ||
      next.day !== day ||
      next.isChosen !== isChosen
    );
  }

  override render({ row, columns, cell, isChosen }: RowProps): ComponentChildren {
    return (
      <tr class={isChosen ? "is-chosen" : undefined}>
        {columns.map(
          (column) => cell?.(row, column) ?? <Cell key={column.name} row={row} column={column} />,
        )}
      </tr>
    );
  }
}
