import assert from "node:assert/strict";
import { test } from "node:test";
import { jsonOf, link, parse } from "../src/route";

test("an address is read and written alike", () => {
  const query = { params: '{"symbol":"BTC/USDT & more"}', view: "raw" };
  assert.deepEqual(parse(link("/op/get_ticker", query)), { path: "/op/get_ticker", query });
});

test("without anything it is the first page", () => {
  assert.deepEqual(parse(""), { path: "/", query: {} });
  assert.deepEqual(parse("#"), { path: "/", query: {} });
  assert.deepEqual(parse("#?a=1"), { path: "/", query: { a: "1" } });
});

test("what is empty is left out", () => {
  assert.equal(link("/streams", { s: undefined, q: "" }), "#/streams");
});

test("what is not JSON is nothing", () => {
  assert.equal(jsonOf("{"), undefined);
  assert.equal(jsonOf(undefined), undefined);
  assert.deepEqual(jsonOf("[1]"), [1]);
});
