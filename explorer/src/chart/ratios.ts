import type { Line } from "./series";

/** A line as what its values are more, in percent, than the first. */
export function ratios([times, values]: Line): Line {
  const first = values[0] ?? 0;
  return first === 0 ? [[], []] : [times, values.map((value) => (value / first - 1) * 100)];
}
