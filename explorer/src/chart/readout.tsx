import type { JSX } from "preact";
import type uPlot from "uplot";
import { amount, time } from "../format";

interface Props {
  columns: uPlot.AlignedData;
  /** The point that is pointed at; else the last is told. */
  place: number | undefined;
  names: readonly string[];
  /** How a value is written. */
  write?: (value: number) => string;
}

/** What the lines of a chart are at one time. */
export function Readout({ columns, place, names, write = amount }: Props): JSX.Element {
  const [times] = columns;
  const at = Math.min(place ?? Infinity, times.length - 1);
  const seconds = times[at];
  return (
    // Only who points at something wants to hear it.
    <figcaption class="readout" aria-live={place === undefined ? "off" : "polite"}>
      {seconds !== undefined && <span class="faint">{time(seconds, Date.now() / 1000)}</span>}
      {names.map((name, line) => {
        const value = lastUpTo(columns[line + 1], at);
        const text = value === undefined ? "–" : write(value);
        return (
          <span key={name} class={names.length > 1 ? `readout-line line-${line + 1}` : undefined}>
            {names.length > 1 ? `${name} ${text}` : text}
          </span>
        );
      })}
    </figcaption>
  );
}

/** The last value of a column at a place or before. */
function lastUpTo(column: uPlot.AlignedData[number] | undefined, at: number): number | undefined {
  for (let place = at; place >= 0; place -= 1) {
    const value = column?.[place];
    if (typeof value === "number") {
      return value;
    }
  }
  return undefined;
}
