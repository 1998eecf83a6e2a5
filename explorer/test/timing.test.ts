import assert from "node:assert/strict";
import { test } from "node:test";
import { factsOf, partsOf, placed } from "../src/operations/timing-model";

test("without the server's word all time is one", () => {
  assert.deepEqual(partsOf(5, undefined), [{ name: "all in all", ms: 5, kind: "network" }]);
});

test("the time is split into what was under way, the server's own, its turn and Redis", () => {
  const explain = { server_us: 3000, waited_us: 500, redis_us: 1500, source: "redis" };
  assert.deepEqual(
    partsOf(5, explain).map(({ kind, ms }) => `${kind} ${ms}`),
    ["network 2", "server 1", "waiting 0.5", "redis 1.5"],
  );
});

test("what took no time is no part, and nothing is below none", () => {
  const parts = partsOf(1, { server_us: 2000, redis_us: 0, source: "redis" });
  assert.deepEqual(
    parts.map(({ kind, ms }) => `${kind} ${ms}`),
    ["network 0", "server 2"],
  );
});

test("parts stand side by side in a bar, and never beyond it", () => {
  assert.deepEqual(placed(partsOf(4, { server_us: 1000, source: "server" }), 4), [
    { kind: "network", from: 0, width: 75 },
    { kind: "server", from: 75, width: 25 },
  ]);
  for (const { from, width } of placed(partsOf(0, { server_us: 9, source: "server" }), 0)) {
    assert.ok(from + width <= 100);
  }
});

test("what else is told is told in words", () => {
  const explain = { server_us: 9, source: "redis", commands: { HGET: 2 }, shared_by: 3 };
  assert.deepEqual(factsOf(explain), ["from Redis", "2 × HGET", "one read for 3 requests"]);
  const kept = { server_us: 9, source: "near_cache", age_us: 41_600 };
  assert.deepEqual(factsOf(kept), ["from the near cache", "read 42 ms before"]);
  assert.deepEqual(factsOf({ server_us: 9, source: "elsewhere" }), ["from elsewhere"]);
});
