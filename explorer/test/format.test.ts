import assert from "node:assert/strict";
import { test } from "node:test";
import { decimalsOfStep } from "../src/chart/axes";
import { barWords } from "../src/chart/candles";
import { amount, arrow, change, decimalsOf, duration, enoughDecimals, number, ratioOf, tellingDecimals, time } from "../src/format";

test("a number has the decimals that it is written with", () => {
  const decimals = [1, 1.5, 0.00002433, 1e-7, 1.25e-7, 1e21].map(decimalsOf);
  assert.deepEqual(decimals, [0, 1, 8, 7, 9, 0]);
});

test("numbers keep their digits", () => {
  const plain = (text: string): string => text.replace(/[^\d]/g, "");
  assert.equal(plain(number(64389.1, 2)), "6438910");
  assert.equal(plain(number(0.00002433)), "000002433");
  assert.equal(number(0), "0");
});

test("what has more digits than tell anybody anything is cut", () => {
  const cut = [38510496.34239401, 177.655180980316, 0.412868716912, 0.00002433, 64389.1, 27.743, 0];
  assert.deepEqual(
    cut.map((value) => enoughDecimals(value)),
    [2, 3, 6, 8, 1, 3, 0],
  );
  assert.ok(amount(0.412868716912).endsWith("412869"));
});

test("a small volume is told by digits that tell something", () => {
  assert.deepEqual([1234.5678, 0.0034, 0.00123456, 0.1 + 0.2, 5, 0].map(tellingDecimals), [2, 4, 5, 3, 2, 2]);
  assert.deepEqual(barWords([[0], [1], [2], [1], [2], [0.0034]], 0, 0).at(-1), `V ${number(0.0034)}`);
});

test("a change tells its way, and none where there is none", () => {
  assert.ok(change(100, 101).startsWith("+1"));
  assert.ok(/^[-−]1/.test(change(100, 99)));
  assert.equal(change(undefined, 99), "–");
  assert.equal(change(0, 99), "–");
  assert.equal(ratioOf(100, 100.001), 0);
  assert.deepEqual([arrow(0.1), arrow(-0.1), arrow(0), arrow(undefined)], ["▲", "▼", "", ""]);
});

test("a time of another day is told with its day, however near it is", () => {
  const at = (day: number, hour: number): number => new Date(2026, 4, day, hour, 30).getTime() / 1000;
  const now = at(7, 1);
  assert.match(time(at(7, 0), now), /^\d\d:\d\d:\d\d$/);
  assert.match(time(at(7, 23), now), /^\d\d:\d\d:\d\d$/);
  assert.doesNotMatch(time(at(6, 23), now), /^\d\d:\d\d:\d\d$/);
});

test("spans are told in the unit that fits", () => {
  const units = [0.4, 12, 61, 7200, 200_000].map((seconds) => duration(seconds).split(" ")[1]);
  assert.deepEqual(units, ["s", "s", "min", "h", "d"]);
});

test("an axis has the decimals that tell its labels apart", () => {
  assert.deepEqual([500, 1, 0.5, 0.025, 1e-7].map(decimalsOfStep), [0, 0, 1, 2, 7]);
});
