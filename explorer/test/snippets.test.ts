import assert from "node:assert/strict";
import { test } from "node:test";
import { isSecret, withoutSecrets } from "../src/operations/secrets";
import type { Params } from "../src/server/types";
import { LANGUAGES, languageOf, writeSnippet } from "../src/snippets";
import type { Operation } from "../src/server/types";
import { operation } from "./operations";

const NO_SECRETS = (): boolean => false;

function write(id: string, params: Params, change: Partial<Operation> = {}, isLoggedIn = false): string {
  const wanted = { operation: operation(change), params, url: "ws://127.0.0.1:8765", isLoggedIn };
  return writeSnippet(languageOf(id), wanted, NO_SECRETS);
}

const stream: Partial<Operation> = {
  name: "stream_tickers",
  kind: "stream",
  update: {
    anyOf: [
      { properties: { price: { type: "number" } } },
      { properties: { removed: { const: true } }, required: ["removed", "exchange", "symbol"] },
    ],
  },
};

test("Python calls by keywords, in the operation's order", () => {
  const text = write("python", { symbol: 'B"T', exchange: "binance", user_id: 1001 });
  assert.match(text, /fullon_cache_api\("ws:\/\/127\.0\.0\.1:8765"\)/);
  assert.match(text, /await handler\.get_ticker\(\n {12}exchange="binance",\n {12}symbol="B\\"T",\n {12}user_id=1001,\n {8}\)/);
});

test("Python has words of its own for what JSON has", () => {
  const text = write("python", { exchange: "a", resume: { a: [true, null] } });
  assert.match(text, /resume=\{"a": \[True, None\]\}/);
});

test("TypeScript calls by place, what is left out in between is undefined", () => {
  assert.match(
    write("typescript", { exchange: "a", limit: 2 }),
    /await client\.getTicker\("a", undefined, 2\);/,
  );
  assert.match(write("typescript", {}), /await client\.getTicker\(\);/);
});

test("what asks for a part stands among the options in TypeScript, and among the params elsewhere", () => {
  const properties = { exchange: {}, symbol: {}, limit: { type: "integer" }, cursor: { type: ["string", "null"] } };
  const orders = { name: "get_orders", params: { properties }, paging: ["limit", "cursor"] };
  const params = { cursor: "it's", exchange: "a", limit: 2 };
  assert.match(write("typescript", { exchange: "a" }, orders), /getOrders\("a"\);/);
  const bots = { ...orders, params: { properties: { limit: {}, cursor: {} } } };
  assert.match(write("typescript", { limit: 2 }, bots), /getOrders\(\{ limit: 2 \}\);/);
  const typescript = write("typescript", { exchange: "a", limit: 2, cursor: null }, orders);
  assert.match(typescript, /getOrders\(\s*"a",\s*undefined,\s*\{ limit: 2 \},\s*\);/);
  assert.match(write("typescript", params, orders), /"a",\s*undefined,\s*\{ limit: 2, cursor: "it's" \},\s*\);/);
  assert.match(write("python", params, orders), /exchange="a",\s*limit=2,\s*cursor="it's"/);
  assert.match(write("rust", params, orders), /json!\(\{"cursor":"it's","exchange":"a","limit":2\}\)/);
  assert.match(write("cli", params, orders), /call get_orders exchange=a limit=2 'cursor=it'\\''s' /);
  const trades = { ...orders, paging: ["cursor"] };
  assert.match(write("typescript", { ...params, cursor: "c" }, trades), /"a",\s*undefined,\s*2,\s*\{ cursor: "c" \},/);
});

test("the options of a stream are told as each language wants them", () => {
  const params = { exchange: "a", symbols: ["B/C"], snapshot: false, min_interval_ms: 250 };
  assert.match(write("python", params, stream), /snapshot=False,\n +min_interval_ms=250/);
  assert.match(write("typescript", params, stream), /\{ snapshot: false, minIntervalMs: 250 \}/);
  const rust = write("rust", params, stream);
  assert.match(rust, /StreamKind::State\(vec!\["exchange"\.into\(\), "symbol"\.into\(\)\]\)/);
  assert.match(rust, /\.without_snapshot\(\)\s*\.min_interval\(Duration::from_millis\(250\)\)/);
  assert.match(
    write("cli", params, stream),
    /watch stream_tickers exchange=a symbols=B\/C --min-interval 250ms --no-snapshot/,
  );
});

test("a log in Rust is one", () => {
  const log = { ...stream, update: { anyOf: [{ properties: {} }] } };
  assert.match(write("rust", { exchange: "a" }, log), /let kind = StreamKind::Log;/);
});

test("the command line takes pairs where it reads the same out of them, else JSON", () => {
  assert.match(write("cli", { exchange: "it's", limit: 2 }), /call get_ticker 'exchange=it'\\''s' limit=2 /);
  assert.match(write("cli", { process_type: "5" }), /call get_ticker -d '\{"process_type":"5"\}'/);
});

test("websocat sends the request as it is", () => {
  const text = write("websocat", { exchange: "it's" });
  assert.match(text, /^echo '\{"request_id":"1","operation":"get_ticker","params":\{"exchange":"it'\\''s"\}\}' \|/);
  assert.match(text, /websocat -n1 ws:\/\/127\.0\.0\.1:8765/);
});

test("a login is named, never shown", () => {
  for (const language of LANGUAGES) {
    assert.match(write(language.id, { exchange: "a" }, {}, true), /FULLON_CACHE_API_TOKEN/);
    const wanted = {
      operation: operation({ name: "authenticate", params: { properties: { token: { type: "string" } } } }),
      params: { token: "fca_secret" },
      url: "ws://127.0.0.1:8765",
      isLoggedIn: false,
    };
    const text = writeSnippet(language, wanted, (name) => name === "token");
    assert.ok(!text.includes("fca_secret"), language.id);
    assert.match(text, /FULLON_CACHE_API_TOKEN/);
  }
});

test("a token under another name stands in no program", () => {
  for (const language of LANGUAGES) {
    const wanted = {
      operation: operation({ name: "authenticate", params: { properties: { token: { type: "string" } } } }),
      params: { tokn: "fca_secret", params: { token: "fca_secret" } },
      url: "ws://127.0.0.1:8765",
      isLoggedIn: false,
    };
    assert.doesNotMatch(writeSnippet(language, wanted, isSecret), /fca_secret/, language.id);
  }
});

test("an address has the params that are known, and none of an operation that takes a secret", () => {
  const params = { exchange: "a", tokn: "fca_secret", params: { token: "fca_secret" } };
  assert.deepEqual(withoutSecrets(operation(), params), { exchange: "a" });
  const login = operation({ params: { properties: { token: { type: "string" }, exchange: { type: "string" } } } });
  assert.deepEqual(withoutSecrets(login, params), {});
});
