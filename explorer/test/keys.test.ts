import assert from "node:assert/strict";
import { test } from "node:test";
import { placeAfter } from "../src/chart/keys";

test("keys lead from point to point, and not beyond", () => {
  assert.equal(placeAfter("ArrowLeft", false, undefined, 50), 49);
  assert.equal(placeAfter("ArrowLeft", true, 5, 50), 0);
  assert.equal(placeAfter("ArrowRight", false, 5, 50), 6);
  assert.equal(placeAfter("ArrowRight", true, 45, 50), 49);
  assert.equal(placeAfter("Home", false, 5, 50), 0);
  assert.equal(placeAfter("End", false, 5, 50), 49);
  assert.equal(placeAfter("Escape", false, 5, 50), null);
  assert.equal(placeAfter("a", false, 5, 50), undefined);
});
