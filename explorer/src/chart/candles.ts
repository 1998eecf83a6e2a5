import type uPlot from "uplot";
import { number, tellingDecimals } from "../format";
import { axesOf } from "./axes";
import { spanOf } from "./bars";
import type { Colors } from "./colors";
import { lastPrice } from "./last-price";

/** What part of the height the volumes take. */
const VOLUME_PART = 0.18;
/** What part of the room of a bar its body takes. */
const BODY_PART = 0.7;
const MAX_BODY_PX = 18;
/** The column of the closes. */
const CLOSE = 4;

/** A chart of bars: candles, with their volumes below. The columns are those of `Bars`. */
export function candleOptions(colors: Colors): Omit<uPlot.Options, "width" | "height"> {
  const nothing = (): null => null;
  const price = { scale: "y", paths: nothing, points: { show: false } };
  return {
    legend: { show: false },
    cursor: { y: false, points: { show: false }, drag: { x: true, y: false, setScale: true } },
    scales: {
      x: { range: (_plot, min, max) => [min, max + (max - min) * 0.02] },
      y: { range: (_plot, min, max) => padded(min, max) },
      volume: { range: (_plot, _min, max) => [0, max / VOLUME_PART] },
    },
    axes: axesOf(colors, CLOSE),
    series: [
      {},
      price,
      price,
      price,
      price,
      { scale: "volume", paths: nothing, points: { show: false } },
    ],
    hooks: {
      drawAxes: [(plot) => drawBars(plot, colors)],
      draw: [lastPrice(colors, CLOSE)],
    },
  };
}

/** The range of prices: some room above, and below that for the volumes. */
function padded(min: number, max: number): [number, number] {
  const span = max - min || Math.abs(max) * 0.001 || 1;
  return [min - span * 0.24, max + span * 0.06];
}

function drawBars(plot: uPlot, colors: Colors): void {
  const [begins, open = [], high = [], low = [], close = [], volume = []] = plot.data;
  const { ctx } = plot;
  const { left, top, width, height } = plot.bbox;
  const ratio = devicePixelRatio;
  const room = (plot.bbox.width * spanOf(begins)) / Math.max(1, rangeOf(plot));
  const body = Math.max(ratio, Math.min(room * BODY_PART, MAX_BODY_PX * ratio));
  const bottom = plot.valToPos(0, "volume", true);
  const [from, to] = plot.series[0]?.idxs ?? [0, begins.length - 1];
  ctx.save();
  ctx.beginPath();
  ctx.rect(left, top, width, height);
  ctx.clip();
  for (let place = from; place <= to; place += 1) {
    const [o, h, l, c, v] = [open, high, low, close, volume].map((column) => column[place] ?? 0);
    if (o === undefined || h === undefined || l === undefined || c === undefined) {
      continue;
    }
    const at = Math.round(plot.valToPos(begins[place] ?? 0, "x", true));
    const y = (value: number): number => Math.round(plot.valToPos(value, "y", true));
    ctx.fillStyle = c >= o ? colors.up : colors.down;
    ctx.globalAlpha = 0.25;
    const filled = plot.valToPos(v ?? 0, "volume", true);
    ctx.fillRect(at - body / 2, filled, body, bottom - filled);
    ctx.globalAlpha = 1;
    ctx.fillRect(at - ratio / 2, y(h), ratio, Math.max(ratio, y(l) - y(h)));
    const [upper, lower] = [y(Math.max(o, c)), y(Math.min(o, c))];
    ctx.fillRect(at - body / 2, upper, body, Math.max(ratio, lower - upper));
  }
  ctx.restore();
}

function rangeOf(plot: uPlot): number {
  const { min = 0, max = 0 } = plot.scales["x"] ?? {};
  return (max ?? 0) - (min ?? 0);
}

/** A bar in words. */
export function barWords(columns: uPlot.AlignedData, place: number, decimals: number): string[] {
  const value = (column: number, digits: number): string =>
    number(columns[column]?.[place] ?? 0, digits);
  return [
    `O ${value(1, decimals)}`,
    `H ${value(2, decimals)}`,
    `L ${value(3, decimals)}`,
    `C ${value(4, decimals)}`,
    `V ${value(5, tellingDecimals(columns[5]?.[place] ?? 0))}`,
  ];
}
