import assert from "node:assert/strict";
import { test } from "node:test";
import { rowsOf, typeText } from "../src/operations/schema-model";
import { search } from "../src/operations/search";
import { tabularOf } from "../src/operations/tabular";
import { operation } from "./operations";

const item = {
  type: "object",
  properties: {
    symbol: { type: "string" },
    price: { type: ["number", "null"] },
    timestamp: { type: "number", format: "unix-time" },
    absent: { type: "string" },
  },
};

test("a list of objects has a column for each member that any has, the schema's first", () => {
  const table = tabularOf([{ more: 1, price: 2 }, { symbol: "A", timestamp: 3 }], {
    type: "array",
    items: item,
  });
  assert.deepEqual(
    table?.columns.map(({ name, kind }) => `${name} ${kind}`),
    ["symbol text", "price number", "timestamp time", "more number"],
  );
  assert.deepEqual(table?.rows, [
    [undefined, 2, undefined, 1],
    ["A", undefined, 3, undefined],
  ]);
});

test("what is null throughout has no column, and is named", () => {
  const table = tabularOf([{ a: 1, b: null }, { a: null, b: null }]);
  assert.deepEqual(table?.columns.map(({ name }) => name), ["a"]);
  assert.deepEqual(table?.empty, ["b"]);
});

test("an object of objects has their names first, a plain one its members as rows", () => {
  const table = tabularOf({ a: { x: 1 }, b: { x: 2 } });
  assert.deepEqual(table?.rows, [
    ["a", 1],
    ["b", 2],
  ]);
  assert.deepEqual(tabularOf({ x: 1, y: "z" })?.rows, [
    ["x", 1],
    ["y", "z"],
  ]);
});

test("lists of lists and of plain values are tables too, a single value is none", () => {
  assert.deepEqual(tabularOf([[1, 2], [3]])?.columns.length, 2);
  const bars = { items: { title: "Bar", prefixItems: Array(6).fill({ type: "number" }) } };
  assert.equal(tabularOf([[1, 2, 3, 4, 5, 6]], bars)?.columns[4]?.name, "close");
  assert.deepEqual(tabularOf(["a"])?.rows, [["a"]]);
  assert.deepEqual(tabularOf([])?.rows, []);
  assert.equal(tabularOf(5), undefined);
});

test("a schema is told as rows, members of members after them", () => {
  const rows = rowsOf({
    type: "object",
    required: ["bot_id"],
    properties: {
      bot_id: { type: "string" },
      feeds: { type: "array", items: { title: "Feed", type: "object", properties: { at: { type: "number", format: "unix-time" } } } },
    },
  });
  assert.deepEqual(
    rows.map(({ name, type, isRequired }) => `${name}: ${type}, ${isRequired}`),
    ["bot_id: string, true", "feeds: list of Feed, false", "feeds[].at: time, false"],
  );
  assert.equal(typeText({ anyOf: [{ const: "a" }, { type: "null" }] }), '"a" | null');
});

test("every word is looked for, names first", () => {
  const all = [
    operation({ name: "get_trades", summary: "Trades." }),
    operation({ name: "stream_tickers", kind: "stream", summary: "Follows all." }),
    operation({ name: "get_bots", domain: "bots", summary: "Bots, by ticker." }),
  ];
  const names = (text: string): string[] =>
    search(all, text).flatMap(({ operations }) => operations.map(({ name }) => name));
  assert.deepEqual(names(""), ["get_bots", "get_trades", "stream_tickers"]);
  assert.deepEqual(names("stream tick"), ["stream_tickers"]);
  assert.deepEqual(names("ticker"), ["get_bots", "stream_tickers", "get_trades"]);
  assert.deepEqual(names("nothing"), []);
});
