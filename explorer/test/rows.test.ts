import assert from "node:assert/strict";
import { test } from "node:test";
import { FLASH_MS, MAX_COLUMNS } from "../src/bounds";
import { compare, keyOf, keyText, Rows } from "../src/streams/rows";

const keysOf = (rows: Rows, ...sort: Parameters<Rows["sorted"]>): string[] =>
  rows.sorted(...sort).map(({ key }) => key);

test("an item of a state is one row, whose changes are told", () => {
  const rows = new Rows(["symbol"], ["symbol", "price"]);
  rows.apply({ symbol: "B", price: 1 }, 0);
  rows.apply({ symbol: "A", price: 5 }, 0);
  const row = rows.apply({ symbol: "B", price: 2.25 }, 1000);
  assert.deepEqual(keysOf(rows), ["A", "B"]);
  assert.deepEqual(row?.moves.get("price"), { direction: 1, count: 1, at: 1000 });
  assert.equal(row?.moves.has("symbol"), false);
  assert.equal(row?.version, 2);
  assert.equal(row?.first.get("price"), 1);
  assert.equal(row?.decimals.get("price"), 2);
});

test("a mark begins anew when it is over, or the other way", () => {
  const rows = new Rows(["symbol"], ["symbol", "price"]);
  const at = (price: number, now: number) =>
    rows.apply({ symbol: "A", price }, now)?.moves.get("price")?.count;
  at(1, 0);
  assert.deepEqual(
    [at(2, 0), at(3, FLASH_MS - 1), at(4, FLASH_MS), at(3, FLASH_MS + 1)],
    [1, 1, 2, 3],
  );
});

test("an item that is gone is gone", () => {
  const rows = new Rows(["symbol"], ["symbol"]);
  rows.apply({ symbol: "A" }, 0);
  rows.apply({ symbol: "B" }, 0);
  assert.deepEqual(keysOf(rows), ["A", "B"]);
  assert.equal(rows.apply({ symbol: "A", removed: true }, 0), undefined);
  assert.deepEqual(keysOf(rows), ["B"]);
});

test("an item that is gone is gone, though nobody looked at the order before", () => {
  const rows = new Rows(["symbol"], ["symbol"]);
  rows.apply({ symbol: "A" }, 0);
  rows.apply({ symbol: "B" }, 0);
  rows.apply({ symbol: "A", removed: true }, 0);
  assert.equal(rows.size, 1);
  assert.deepEqual(keysOf(rows), ["B"]);
});

test("a log has its newest first, and no more than its bound", () => {
  const rows = new Rows(undefined, ["price"], 3);
  [1, 2, 3, 4, 5].forEach((price) => rows.apply({ price }, 0));
  assert.deepEqual(
    rows.sorted().map(({ values }) => values["price"]),
    [5, 4, 3],
  );
});

test("of too many items the one that was told longest ago gives way", () => {
  const rows = new Rows(["symbol"], ["symbol"], 2);
  ["A", "B", "A", "C"].forEach((symbol) => rows.apply({ symbol }, 0));
  assert.deepEqual(keysOf(rows), ["A", "C"]);
});

test("items whose names run into each other are two", () => {
  const rows = new Rows(["exchange", "symbol"], ["exchange", "symbol"]);
  rows.apply({ exchange: "a b", symbol: "c" }, 0);
  rows.apply({ exchange: "a", symbol: "b c" }, 0);
  assert.equal(rows.size, 2);
  assert.equal(rows.get(keyOf(["a", "b c"]))?.values["exchange"], "a");
  assert.deepEqual(keysOf(rows).map(keyText), ["a b c", "a b c"]);
  assert.equal(keyText("[odd"), "[odd");
});

test("rows stay sorted while they change", () => {
  const rows = new Rows(["symbol"], ["symbol", "price"]);
  const sort = { column: "price", descending: true };
  ["A", "B", "C"].forEach((symbol, price) => rows.apply({ symbol, price }, 0));
  assert.deepEqual(keysOf(rows, sort), ["C", "B", "A"]);
  rows.apply({ symbol: "A", price: 9 }, 0);
  assert.deepEqual(keysOf(rows, sort), ["A", "C", "B"]);
  assert.deepEqual(keysOf(rows, { column: "price", descending: false }), ["B", "C", "A"]);
  assert.deepEqual(keysOf(rows), ["A", "B", "C"]);
});

test("what is not there comes last, whichever way", () => {
  const values = [null, 2, undefined, 1];
  assert.deepEqual([...values].sort((a, b) => compare(a, b)).slice(0, 2), [1, 2]);
  assert.deepEqual([...values].sort((a, b) => compare(a, b, true)).slice(0, 2), [2, 1]);
  assert.ok(compare("bot_2", "bot_10") < 0);
});

test("members that no schema names become columns, up to a bound", () => {
  const rows = new Rows(["id"], ["id"]);
  const many = Object.fromEntries(Array.from({ length: 100 }, (_, at) => [`m${at}`, at]));
  rows.apply({ id: 1, type: "x_update", update_id: 4, prev_id: null, request_id: "s", ...many }, 0);
  assert.equal(rows.columns.length, MAX_COLUMNS);
  assert.deepEqual(rows.columns.slice(0, 3), ["id", "m0", "m1"]);
});

test("nested values are the same if they say the same", () => {
  const rows = new Rows(["id"], ["id", "feeds"]);
  rows.apply({ id: 1, feeds: { a: [1] } }, 0);
  assert.equal(rows.apply({ id: 1, feeds: { a: [1] } }, 0)?.moves.has("feeds"), false);
  assert.equal(rows.apply({ id: 1, feeds: { a: [2] } }, 0)?.moves.get("feeds")?.direction, 0);
});
