import type uPlot from "uplot";
import { number } from "../format";
import type { Colors } from "./colors";
import { lastText } from "./last-price";

const DAY_S = 86_400;
const FONT = '11px system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif';

const CHARACTER_PX = 6.6;

const part = (options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat =>
  new Intl.DateTimeFormat(undefined, { hourCycle: "h23", ...options });
const day = part({ day: "numeric", month: "short" });
const minute = part({ hour: "2-digit", minute: "2-digit" });
const second = part({ hour: "2-digit", minute: "2-digit", second: "2-digit" });

/** The axes: times below, values on the right, with room for the last value of a column. */
export function axesOf(colors: Colors, column: number): uPlot.Axis[] {
  const common = {
    stroke: colors.text,
    font: FONT,
    grid: { stroke: colors.grid, width: 1 },
    ticks: { show: false },
  };
  return [
    {
      ...common,
      size: 28,
      space: 72,
      values: (_plot, splits, _axis, _space, step) => splits.map((at) => timeLabel(at, step)),
    },
    {
      ...common,
      side: 1,
      size: (plot, values) => {
        // It is asked for before there are data, too.
        const data = plot.data as uPlot.AlignedData | undefined;
        const texts = [...(values ?? []), lastText(data?.[column])];
        return 14 + CHARACTER_PX * Math.max(5, ...texts.map((text) => text.length));
      },
      values: (_plot, splits, _axis, _space, step) =>
        splits.map((value) => (value === null ? "" : number(value, decimalsOfStep(step)))),
    },
  ];
}

/** How a time stands at the axis, whose labels are so many seconds apart: midnight is told by its day. */
export function timeLabel(at: number, step: number): string {
  const date = new Date(at * 1000);
  const isMidnight = date.getHours() === 0 && date.getMinutes() === 0 && date.getSeconds() === 0;
  if (step >= DAY_S || isMidnight) {
    return day.format(date);
  }
  return (step < 60 ? second : minute).format(date);
}

/** How many decimals tell labels apart that are so far apart. */
export function decimalsOfStep(step: number): number {
  return Math.min(12, Math.max(0, -Math.floor(Math.log10(step) + 1e-9)));
}
