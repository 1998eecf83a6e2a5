import type { JSX } from "preact";
import { MAX_CELL_CHARS, MAX_TITLE_CHARS } from "../bounds";

const DAY = new Intl.DateTimeFormat(undefined, { dateStyle: "medium" });
const CLOCK = new Intl.DateTimeFormat(undefined, {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  fractionalSecondDigits: 3,
  hourCycle: "h23",
});

/** A value as it stands in a table: short, and whole in its title. */
export function Cell(props: { value: unknown; kind?: "number" | "time" | "text" }): JSX.Element {
  const { value, kind = "text" } = props;
  if (value === null || value === undefined) {
    return <span class="faint">{value === null ? "null" : "–"}</span>;
  }
  if (kind === "time" && typeof value === "number") {
    const date = value * 1000;
    return (
      <time dateTime={isoOf(date)} title={String(value)}>
        {Number.isFinite(date) && Math.abs(date) < 8.64e15
          ? `${DAY.format(date)}, ${CLOCK.format(date)}`
          : String(value)}
      </time>
    );
  }
  const text = typeof value === "string" ? value : JSON.stringify(value);
  if (text.length <= MAX_CELL_CHARS) {
    return <>{text}</>;
  }
  return <span title={text.slice(0, MAX_TITLE_CHARS)}>{`${text.slice(0, MAX_CELL_CHARS)}…`}</span>;
}

function isoOf(date: number): string {
  const read = new Date(date);
  return Number.isNaN(read.getTime()) ? "" : read.toISOString();
}
