import type uPlot from "uplot";
import { axesOf } from "./axes";
import type { Colors } from "./colors";
import { lastPrice } from "./last-price";

/** How many seconds a chart shows that has one moment alone. */
const FIRST_STRETCH_S = 30;

/** A chart of lines over time. One alone is filled below, and its last value is marked. */
export function lineOptions(colors: Colors, names: readonly string[]): Omit<uPlot.Options, "width" | "height"> {
  const isAlone = names.length === 1;
  return {
    legend: { show: false },
    cursor: { y: false, drag: { x: true, y: false, setScale: true } },
    scales: {
      // One moment alone is no stretch.
      x: {
        range: ({ data: [times] }, min, max) => {
          const [first] = times;
          return times.length === 1 && first !== undefined ? [first - FIRST_STRETCH_S, first] : [min, max];
        },
      },
      y: {
        range: (_plot, min, max) => {
          const span = max - min || Math.abs(max) * 0.001 || 1;
          return [min - span * 0.12, max + span * 0.12];
        },
      },
    },
    axes: axesOf(colors, 1),
    series: [
      {},
      ...names.map((label, place): uPlot.Series => {
        const stroke = isAlone ? colors.accent : (colors.lines[place] ?? colors.text);
        const fill = isAlone ? { fill: faint(stroke) } : {};
        return { label, stroke, width: 1.5, spanGaps: true, points: { show: false }, ...fill };
      }),
    ],
    ...(isAlone && { hooks: { draw: [lastPrice(colors, 1)] } }),
  };
}

function faint(color: string): string {
  return /^#[0-9a-f]{6}$/i.test(color) ? `${color}1f` : "transparent";
}
