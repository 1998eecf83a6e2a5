import assert from "node:assert/strict";
import { test } from "node:test";
import { servedFacts } from "../src/streams/served-facts";

const EXPLAIN = { push: "channel", topic: "fresh", subscribers: 1, updates: 1234, gaps: 0 };

test("how a stream is served is told in words, and what the server does not tell is left out", () => {
  assert.deepEqual(servedFacts(EXPLAIN), [
    ["Change is noticed by", "channel"],
    ["What is watched is", "fresh"],
    ["Watched by", "this stream"],
    ["Sent", "1,234"],
    ["Gaps told", "0"],
  ]);
});

test("why change is noticed in no better way stands beside the way", () => {
  const explain = { ...EXPLAIN, push: "poll", push_reason: "tracking is off", subscribers: 3, items: 1 };
  const facts = new Map(servedFacts({ ...explain, conflated: 2, read_age_us: 1_500_000, update_age_us: null }));
  assert.equal(facts.get("Change is noticed by"), "poll: tracking is off");
  assert.equal(facts.get("Watched by"), "3 streams");
  assert.equal(facts.get("It has"), "1 item");
  assert.equal(facts.get("Left out for newer ones"), "2");
  assert.equal(facts.get("Read"), "1.5 s ago");
  assert.equal(facts.has("Last sent"), false);
});
