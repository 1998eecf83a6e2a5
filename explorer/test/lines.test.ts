import assert from "node:assert/strict";
import { test } from "node:test";
import { LINE_REST_S } from "../src/bounds";
import { Lines } from "../src/streams/lines";

test("where there are too many lines the one that rests longest gives way", () => {
  const lines = new Lines(2);
  lines.push("a", [0, 1], 0);
  lines.push("b", [1, 1], 1);
  lines.push("a", [2, 2], 2);
  lines.push("c", [LINE_REST_S, 1], LINE_REST_S);
  assert.deepEqual([...lines.keys()], ["b", "a"]);
  lines.push("c", [LINE_REST_S + 1, 1], LINE_REST_S + 1);
  assert.deepEqual([...lines.keys()], ["a", "c"]);
  assert.equal(lines.get("a")?.size, 2);
});
