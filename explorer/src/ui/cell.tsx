import type { JSX } from "preact";
import { MAX_CELL_CHARS, MAX_TITLE_CHARS } from "../bounds";

const DAY = new Intl.DateTimeFormat(undefined, { dateStyle: "medium" });
const CLOCK_PARTS = {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  hourCycle: "h23",
} as const;
const CLOCK = new Intl.DateTimeFormat(undefined, CLOCK_PARTS);
const FINE_CLOCK = new Intl.DateTimeFormat(undefined, { ...CLOCK_PARTS, fractionalSecondDigits: 3 });
/** The latest time that a date can be, in milliseconds. */
const MAX_DATE = 8.64e15;

/** A value as it stands in a table: short, and whole in its title. */
export function Cell(props: { value: unknown; kind?: "number" | "time" | "text" }): JSX.Element {
  const { value, kind = "text" } = props;
  if (value === null || value === undefined) {
    return <span class="faint">{value === null ? "null" : "–"}</span>;
  }
  if (kind === "time" && typeof value === "number" && Math.abs(value * 1000) <= MAX_DATE) {
    const date = new Date(value * 1000);
    const clock = value % 1 === 0 ? CLOCK : FINE_CLOCK;
    return (
      <time dateTime={date.toISOString()} title={String(value)}>
        {`${DAY.format(date)}, ${clock.format(date)}`}
      </time>
    );
  }
  const text = typeof value === "string" ? value : JSON.stringify(value);
  if (text.length <= MAX_CELL_CHARS) {
    return <>{text}</>;
  }
  return <span title={text.slice(0, MAX_TITLE_CHARS)}>{`${text.slice(0, MAX_CELL_CHARS)}…`}</span>;
}
