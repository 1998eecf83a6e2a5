import type { JSX } from "preact";
import { MAX_SPARK_POINTS } from "../bounds";
import type { Series } from "./series";

const WIDTH = 72;
const HEIGHT = 18;

/** A line as small as a word: how a number went since the page was opened. */
export function Spark({ series }: { series: Series | undefined }): JSX.Element {
  const points = series ? pathOf(series) : "";
  return (
    <svg class="spark" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} width={WIDTH} height={HEIGHT} aria-hidden="true">
      {points && <path d={points} />}
    </svg>
  );
}

function pathOf(series: Series): string {
  const [times, values] = series.line(MAX_SPARK_POINTS);
  const first = times[0] ?? 0;
  const span = (times.at(-1) ?? 0) - first;
  if (span <= 0) {
    return "";
  }
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const room = high - low || 1;
  return values
    .map((value, place) => {
      const x = (((times[place] ?? 0) - first) / span) * WIDTH;
      const y = 1 + (1 - (value - low) / room) * (HEIGHT - 2);
      return `${place === 0 ? "M" : "L"}${x.toFixed(1)} ${y.toFixed(1)}`;
    })
    .join("");
}
