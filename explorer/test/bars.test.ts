import assert from "node:assert/strict";
import { test } from "node:test";
import { Bars, isBar, spanOf, type Bar } from "../src/chart/bars";

const bar = (begin: number, close = 1): Bar => [begin, 1, 2, 0.5, close, 10];

test("a bar that changes takes the place of what it was", () => {
  const bars = new Bars();
  [bar(60), bar(120), bar(120, 1.25), bar(60, 3)].forEach((one) => bars.apply(one));
  assert.deepEqual(bars.columns()[0], [60, 120]);
  assert.deepEqual(bars.columns()[4], [3, 1.25]);
  assert.equal(bars.decimals, 2);
});

test("bars stand in the order of their begins, the newest stay", () => {
  const bars = new Bars(3);
  [180, 60, 240, 120, 300].forEach((begin) => bars.apply(bar(begin)));
  assert.deepEqual(bars.columns()[0], [180, 240, 300]);
  assert.equal(bars.last?.[0], 300);
});

test("what is no bar is told", () => {
  assert.ok(isBar(bar(1)));
  for (const other of [null, [1, 2, 3, 4, 5], [1, 2, 3, 4, 5, "6"], { 0: 1 }, [1, 2, 3, 4, 5, NaN]]) {
    assert.ok(!isBar(other));
  }
});

test("the span of bars is the least there is between two", () => {
  assert.equal(spanOf([60, 120, 300, 360]), 60);
  assert.equal(spanOf([5]), 60);
});
