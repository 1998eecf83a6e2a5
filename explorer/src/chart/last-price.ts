import type uPlot from "uplot";
import { amount, decimalsOf } from "../format";
import type { Colors } from "./colors";

const FONT_PX = 11;
/** Over how many values the last zeros of the last one are kept. */
const LOOK_BACK = 20;

/** The last value of a column, as it is written at the axis: with as many decimals as those before it. */
export function lastText(column: uPlot.AlignedData[number] | undefined): string {
  const last = column?.at(-1);
  if (!column || typeof last !== "number") {
    return "";
  }
  let decimals = 0;
  for (let back = 1; back <= Math.min(LOOK_BACK, column.length); back += 1) {
    decimals = Math.max(decimals, decimalsOf(column.at(-back) ?? 0));
  }
  return amount(last, decimals);
}

/** Draws where the last value of a column is: a dashed line, and the value on the axis. */
export function lastPrice(colors: Colors, column: number): (plot: uPlot) => void {
  return (plot) => {
    const last = plot.data[column]?.at(-1);
    if (typeof last !== "number") {
      return;
    }
    const { ctx } = plot;
    const ratio = devicePixelRatio;
    const { left, top, width, height } = plot.bbox;
    const y = Math.round(plot.valToPos(last, "y", true));
    if (y < top || y > top + height) {
      return;
    }
    ctx.save();
    ctx.strokeStyle = colors.accent;
    ctx.lineWidth = ratio;
    ctx.setLineDash([3 * ratio, 3 * ratio]);
    ctx.beginPath();
    ctx.moveTo(left, y);
    ctx.lineTo(left + width, y);
    ctx.stroke();
    ctx.font = `${FONT_PX * ratio}px system-ui, sans-serif`;
    const text = lastText(plot.data[column]);
    // It covers the whole of a label that it stands on.
    const tag = Math.max(
      ctx.measureText(text).width + 8 * ratio,
      ctx.canvas.width - left - width - 4 * ratio,
    );
    ctx.fillStyle = colors.accent;
    ctx.fillRect(left + width + 2 * ratio, y - 9 * ratio, tag, 18 * ratio);
    ctx.fillStyle = colors.onAccent;
    ctx.textAlign = "left";
    ctx.textBaseline = "middle";
    ctx.fillText(text, left + width + 6 * ratio, y + ratio / 2);
    ctx.restore();
  };
}
