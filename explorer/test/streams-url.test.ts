import assert from "node:assert/strict";
import { test } from "node:test";
import { MAX_STREAMS } from "../src/bounds";
import { readShown, streamLink, writeShown, type Shown } from "../src/streams/url";

test("streams come back from the address as they were", () => {
  const shown: Shown[] = [
    { operation: "stream_blocks", params: {}, view: "table" },
    { operation: "stream_tickers", params: { exchange: "a~&é", symbols: ["B/C"] }, view: "chart", field: "price", row: "a B/C" },
    { operation: "stream_ohlcv", params: { symbol: "B" }, view: "candles" },
  ];
  assert.deepEqual(readShown(writeShown(shown)), shown);
  assert.equal(writeShown([]), undefined);
});

test("what is none is left out, and what is too many", () => {
  assert.deepEqual(readShown(undefined), []);
  for (const text of ["", "{", "{}", "3", '[3,"x",[],[1],["a",3],["a",[]],["a",null]]']) {
    assert.deepEqual(readShown(text), []);
  }
  assert.deepEqual(readShown('[["a",{},"odd",4]]'), [{ operation: "a", params: {}, view: "table" }]);
  const many = JSON.stringify(Array.from({ length: 100 }, (_, at) => ["a", { at }]));
  assert.equal(readShown(many).length, MAX_STREAMS);
});

test("a stream that is named twice is shown once", () => {
  const text = '[["a",{"x":1},"chart"],["a",{"x":2}],["a",{"x":1}]]';
  assert.deepEqual(
    readShown(text).map(({ params, view }) => [params["x"], view]),
    [[1, "chart"], [2, "table"]],
  );
});

test("a link leads to one stream", () => {
  const link = streamLink("stream_tickers", { exchange: "binance" });
  const text = new URLSearchParams(link.slice(link.indexOf("?"))).get("s") ?? "";
  assert.deepEqual(readShown(text), [
    { operation: "stream_tickers", params: { exchange: "binance" }, view: "table" },
  ]);
});
