import type uPlot from "uplot";

/** How many points a key goes on with Shift. */
const FAR = 10;

/** Which point a key leads to; undefined: none, `null`: none is pointed at any more. */
export function placeAfter(
  key: string,
  isFar: boolean,
  at: number | null | undefined,
  count: number,
): number | null | undefined {
  const step = isFar ? FAR : 1;
  const clamp = (place: number): number => Math.min(count - 1, Math.max(0, place));
  switch (key) {
    case "ArrowLeft":
      return clamp((at ?? count) - step);
    case "ArrowRight":
      return clamp((at ?? count - 1) + step);
    case "Home":
      return 0;
    case "End":
      return count - 1;
    case "Escape":
      return null;
    default:
      return undefined;
  }
}

/** Points at one point of a chart after another, by the arrow keys. */
export function pointByKey(plot: uPlot | undefined, event: KeyboardEvent): void {
  const [times] = plot?.data ?? [[]];
  if (!plot || times.length === 0) {
    return;
  }
  const next = placeAfter(event.key, event.shiftKey, plot.cursor.idx, times.length);
  if (next === undefined) {
    return;
  }
  event.preventDefault();
  const left = next === null ? -1 : plot.valToPos(times[next] ?? 0, "x");
  plot.setCursor({ left, top: next === null ? -1 : 0 });
}
