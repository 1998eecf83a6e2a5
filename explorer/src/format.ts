/** The most decimals that are written. */
const MOST_DECIMALS = 12;

const numbers = new Map<number, Intl.NumberFormat>();
const compact = new Intl.NumberFormat(undefined, { notation: "compact", maximumFractionDigits: 2 });
const percent = new Intl.NumberFormat(undefined, {
  style: "percent",
  minimumFractionDigits: 2,
  maximumFractionDigits: 2,
  signDisplay: "exceptZero",
});
const clock = new Intl.DateTimeFormat(undefined, {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  hourCycle: "h23",
});
const dated = new Intl.DateTimeFormat(undefined, {
  month: "short",
  day: "2-digit",
  hour: "2-digit",
  minute: "2-digit",
  hourCycle: "h23",
});
const full = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "long" });

const DAY_S = 86_400;

/** How many decimals a number has, as it is written shortest. */
export function decimalsOf(value: number): number {
  const [mantissa = "", exponent] = String(value).split("e");
  const decimals = (mantissa.split(".")[1] ?? "").length - Number(exponent ?? 0);
  return Math.min(MOST_DECIMALS, Math.max(0, decimals));
}

/** With digits grouped, and just so many decimals. */
export function number(value: number, decimals: number = decimalsOf(value)): string {
  let format = numbers.get(decimals);
  if (!format) {
    format = new Intl.NumberFormat(undefined, {
      minimumFractionDigits: decimals,
      maximumFractionDigits: decimals,
    });
    numbers.set(decimals, format);
  }
  return format.format(value);
}

/** Short, as `1.25M`. */
export function short(value: number): string {
  return Math.abs(value) < 1000 ? number(value, Math.min(2, decimalsOf(value))) : compact.format(value);
}

/** How many digits tell a price or an amount well enough: a title may have all of them. */
const ENOUGH_DIGITS = 6;

/** As many of the decimals as tell a number of that size well enough. */
export function enoughDecimals(value: number, decimals: number = decimalsOf(value)): number {
  const magnitude = value === 0 ? 0 : Math.floor(Math.log10(Math.abs(value)));
  return Math.min(decimals, Math.max(2, ENOUGH_DIGITS - 1 - magnitude));
}

/** How many decimals sums and volumes are written with: small ones with those that tell something of them. */
export function tellingDecimals(value: number): number {
  const magnitude = value === 0 ? 0 : Math.floor(Math.log10(Math.abs(value)));
  return Math.max(2, Math.min(decimalsOf(value), 2 - magnitude));
}

/** With as many digits as tell it well enough. */
export function amount(value: number, decimals?: number): string {
  return number(value, enoughDecimals(value, decimals));
}

/** The change from one price to another, with its sign; a dash where there is none to compare with. */
export function change(from: number | undefined, to: number | null | undefined): string {
  const ratio = ratioOf(from, to);
  return ratio === undefined ? "–" : percent.format(ratio);
}

/** By what part of the first a price changed. */
export function ratioOf(
  from: number | undefined,
  to: number | null | undefined,
): number | undefined {
  if (from === undefined || from === 0 || typeof to !== "number") {
    return undefined;
  }
  // A change that is written as 0.00 % is none.
  const ratio = to / from - 1;
  return Math.abs(ratio) < 0.00005 ? 0 : ratio;
}

/** A change's arrow, so that colour is not all that tells it. */
export function arrow(direction: number | undefined): string {
  return !direction ? "" : direction > 0 ? "▲" : "▼";
}

/** A time of seconds since the epoch: the time of day, or the day too if that is not today. */
export function time(seconds: number, now: number): string {
  return (dayOf(seconds) === dayOf(now) ? clock : dated).format(seconds * 1000);
}

/** The day of a time, where the user is. */
export function dayOf(seconds: number): string {
  return new Date(seconds * 1000).toDateString();
}

/** The whole of a time, for a title. */
export function fullTime(seconds: number): string {
  return full.format(seconds * 1000);
}

/** How old what is of a time is. */
export function age(seconds: number | null | undefined, now: number): string {
  return typeof seconds === "number" ? duration(Math.max(0, now - seconds)) : "–";
}

/** A span of seconds: `0.4 s`, `12 s`, `5 min`, `3 h`, `2 d`. */
export function duration(seconds: number): string {
  if (seconds < 9.95) {
    return `${number(seconds, 1)} s`;
  }
  if (seconds < 60) {
    return `${Math.round(seconds)} s`;
  }
  if (seconds < 3600) {
    return `${Math.floor(seconds / 60)} min`;
  }
  return seconds < 2 * DAY_S ? `${Math.floor(seconds / 3600)} h` : `${Math.floor(seconds / DAY_S)} d`;
}
