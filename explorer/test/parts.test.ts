import assert from "node:assert/strict";
import { test } from "node:test";
import { partText } from "../src/operations/parts";
import type { Done } from "../src/operations/run";

function done(part: number, truncated: boolean, cursor?: string): Done {
  const answer = { result: [], warnings: [], elapsedMs: 1, truncated, ...(cursor !== undefined && { cursor }) };
  return { status: "done", answer, params: {}, part };
}

test("an answer that is whole says nothing of parts", () => {
  assert.equal(partText(done(1, false)), undefined);
});

test("a part says which it is, and whether there is more", () => {
  assert.equal(partText(done(1, true, "c")), "Part 1. There is more.");
  assert.equal(partText(done(2, true, "c")), "Part 2. There is more.");
  assert.equal(partText(done(3, false)), "Part 3, the last.");
});

test("what is cut off for good says so", () => {
  assert.match(partText(done(1, true)) ?? "", /^There may be more/);
});
