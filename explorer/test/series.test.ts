import assert from "node:assert/strict";
import { test } from "node:test";
import { join, Series } from "../src/chart/series";

function filled(series: Series, count: number, value = (at: number) => at): Series {
  for (let at = 1; at <= count; at += 1) {
    series.push(at, value(at));
  }
  return series;
}

test("of points of one time the last counts, and time does not go back", () => {
  const series = new Series(4);
  [1, 2, 2, 1].forEach((time, place) => series.push(time, place));
  assert.deepEqual(series.line(), [
    [1, 2],
    [0, 3],
  ]);
});

test("a full line keeps its begin and its end, and stays within its bound", () => {
  const series = filled(new Series(16), 10_000);
  const [times] = series.line();
  assert.ok(series.size <= 16);
  assert.equal(times[0], 1);
  assert.equal(times.at(-1), 10_000);
  assert.equal(series.last, 10_000);
  assert.deepEqual([...times].sort((a, b) => a - b), times);
  const gaps = times.slice(2).map((time, place) => time - (times[place + 1] ?? 0));
  assert.ok(Math.max(...gaps) < 2500, String(gaps));
});

test("what is drawn of a long line has its extremes", () => {
  const series = filled(new Series(1000), 1000, (at) => (at === 617 ? 5000 : at === 331 ? -5000 : at));
  const [times, values] = series.line(50);
  assert.ok(times.length <= 50);
  assert.equal(Math.max(...values), 5000);
  assert.equal(Math.min(...values), -5000);
  assert.equal(times[0], 1);
  assert.equal(times.at(-1), 1000);
});

test("lines of different times share an axis", () => {
  assert.deepEqual(
    join([
      [
        [1, 3],
        [10, 30],
      ],
      [
        [2, 3],
        [200, 300],
      ],
    ]),
    [
      [1, 2, 3],
      [10, null, 30],
      [null, 200, 300],
    ],
  );
});
