import assert from "node:assert/strict";
import { test } from "node:test";
import { Rate } from "../src/streams/rate";

test("a steady rate is told, also at the begin", () => {
  const rate = new Rate();
  for (let at = 0; at < 1000; at += 1) {
    rate.count(100 + at / 50);
    if (at === 100) {
      assert.ok(Math.abs(rate.perSecond(102) - 50) < 2, String(rate.perSecond(102)));
    }
  }
  assert.ok(Math.abs(rate.perSecond(119.98) - 50) < 2, String(rate.perSecond(119.98)));
  assert.equal(rate.total, 1000);
});

test("it falls to nothing when nothing happens", () => {
  const rate = new Rate();
  assert.equal(rate.perSecond(5), 0);
  rate.count(10);
  assert.ok(rate.perSecond(11) > 0);
  assert.equal(rate.perSecond(100), 0);
});
