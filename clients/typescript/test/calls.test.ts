import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import {
  CacheMiss,
  CallTimeout,
  Client,
  ClientClosed,
  ConnectionLost,
  InvalidOperation,
  InvalidParams,
  WrongAddress,
  type Explain,
  type Ticker,
  type Warning,
} from "fullon-cache-api";

import { Redis, Server, freePort, sleep, ticker } from "./server.js";

let server: Server;
let client: Client;

before(async () => {
  server = await Server.start();
  client = new Client(server.url);
});

after(async () => {
  client.close();
  await server.stop();
});

test("a call gives its result", async () => {
  const ticker: Ticker = await client.getTicker("binance", "BTC/USDT");
  assert.equal(ticker.symbol, "BTC/USDT");
  assert.equal(typeof ticker.price, "number");
  const bars = await client.getLatestOhlcvBars("BTC/USDT", "1m", 3);
  assert.equal(bars.length, 3);
  assert.equal(bars[0]?.length, 6);
  assert.equal(await client.isBlocked("binance", "NO/SUCH"), null);
});

test("ids may be numbers; optional params may be left out", async () => {
  const [one, other] = await Promise.all([client.getBalances("1001"), client.getBalances(1001)]);
  assert.deepEqual(one, other);
  assert.ok((await client.getOrders("binance", undefined, "BTC/USDT")).length >= 0);
});

test("each error has its class", async () => {
  await assert.rejects(client.getTicker("binance", "NO/SUCH"), (error) => {
    assert.ok(error instanceof CacheMiss);
    assert.equal(error.name, "CacheMiss");
    assert.equal(error.code, "CACHE_MISS");
    assert.equal(error.retryable, false);
    return true;
  });
  await assert.rejects(client.getTicker("a b", "c d"), (error) => {
    assert.ok(error instanceof InvalidParams);
    assert.deepEqual(
      error.details.map(({ path }) => path),
      ["/exchange", "/symbol"],
    );
    return true;
  });
  await assert.rejects(client.call("get_tickr", {}), InvalidOperation);
});

test("many calls share one connection", async () => {
  const answers = await Promise.all(
    Array.from({ length: 200 }, (_, at) =>
      at % 2 ? client.getTicker("binance", "BTC/USDT") : client.getExchanges(),
    ),
  );
  assert.equal(answers.length, 200);
  assert.equal((await client.getServerStats()).connections_total, 1);
});

test("every method of the client is an operation of the server", async () => {
  const { operations } = await client.describe();
  const own = Object.getOwnPropertyNames(Client.prototype).filter((name) => name !== "constructor");
  const camel = (name: string): string =>
    name.replace(/_(.)/g, (_, one: string) => one.toUpperCase());
  assert.deepEqual(own.sort(), operations.map(({ name }) => camel(name)).sort());
});

test("a call is given up by its signal", async () => {
  await assert.rejects(client.getExchanges({ signal: AbortSignal.abort() }), {
    name: "AbortError",
  });
  const controller = new AbortController();
  const call = client.getExchanges({ signal: controller.signal });
  controller.abort(new Error("enough"));
  await assert.rejects(call, { message: "enough" });
  assert.ok((await client.ping()).time > 0, "the connection goes on");
});

test("a bad address is told at once, one where nobody is after the call's time", async (t) => {
  assert.throws(() => new Client("http://127.0.0.1:1"), TypeError);
  assert.throws(() => new Client("no address"), TypeError);
  const nobody = new Client(`ws://127.0.0.1:${await freePort()}`, { timeoutMs: 500 });
  t.after(() => nobody.close());
  await assert.rejects(nobody.ping(), (error) => {
    assert.ok(error instanceof ConnectionLost);
    assert.ok(error.retryable);
    assert.match(error.message, /ECONNREFUSED/);
    return true;
  });
  assert.equal(nobody.state.status, "reconnecting");
});

test("an address where there is something else ends everything", async () => {
  const stranger = new Client(`${server.url}/nowhere`);
  const stream = stranger.streamTickers("binance");
  await assert.rejects(stranger.ping(), WrongAddress);
  await assert.rejects(stream.next(), WrongAddress);
  await assert.rejects(stranger.ping(), WrongAddress);
  assert.equal(stranger.state.status, "closed");
});

test("a closed client answers nothing", async () => {
  const closed = new Client(server.url);
  await closed.connect();
  const call = closed.getTrades("BTC/USDT", "binance");
  closed.close();
  await assert.rejects(call, ClientClosed);
  await assert.rejects(closed.ping(), ClientClosed);
  await assert.rejects(closed.streamTickers("binance").next(), ClientClosed);
});

test("what is asked when the server goes away is asked again when it is back", async (t) => {
  const port = await freePort();
  const first = await Server.start({ port });
  const patient = new Client(first.url, { backoff: { maxMs: 200 } });
  t.after(() => patient.close());
  await patient.connect();
  first.signal("SIGSTOP");
  const call = patient.getTicker("binance", "BTC/USDT");
  const states: string[] = [];
  patient.on("state", ({ status }) => states.push(status));
  await first.stop();
  const second = await Server.start({ port });
  t.after(() => second.stop());
  assert.equal((await call).symbol, "BTC/USDT");
  assert.equal(states[0], "reconnecting");
  assert.equal(states.at(-1), "connected");
});

test("a call that takes too long is told so", async (t) => {
  const redis = await Redis.start();
  const slow = await Server.start({ redis });
  const hasty = new Client(slow.url);
  t.after(async () => {
    hasty.close();
    await Promise.all([slow.stop(), redis.stop()]);
  });
  await redis.run(["HSET", "tickers:x", "A/B", ticker("A/B", 1)]);
  await hasty.getTicker("x", "A/B");
  redis.signal("SIGSTOP");
  await assert.rejects(hasty.getTicker("x", "A/B", { timeoutMs: 100 }), CallTimeout);
  redis.signal("SIGCONT");
  await sleep(100);
  assert.equal((await hasty.getTicker("x", "A/B")).price, 1);
});

test("what is left out of a result is told", async (t) => {
  const redis = await Redis.start();
  const corrupt = await Server.start({ redis });
  const reader = new Client(corrupt.url);
  t.after(async () => {
    reader.close();
    await Promise.all([corrupt.stop(), redis.stop()]);
  });
  await redis.run(["HSET", "tickers:x", "A/B", ticker("A/B", 1), "C/D", "{"]);
  const [told, heard]: [Warning[], string[]] = [[], []];
  reader.on("warning", ({ operation, item }) => heard.push(`${operation} ${item}`));
  const tickers = await reader.getAllTickers("x", { onWarning: (warning) => told.push(warning) });
  assert.equal(tickers.length, 1);
  assert.deepEqual(
    told.map(({ error_code, item }) => [error_code, item]),
    [["CACHE_CORRUPT", "C/D"]],
  );
  assert.deepEqual(heard, ["get_all_tickers C/D"]);
});

test("an answer tells where its time went and its data came from, if that is asked", async () => {
  const params = { exchange: "binance", symbol: "BTC/USDT" };
  const { result, warnings, explain } = await client.request<Ticker>("get_ticker", params, {
    explain: true,
  });
  assert.equal(result.symbol, "BTC/USDT");
  assert.deepEqual(warnings, []);
  assert.equal(explain?.source, "embedded");
  assert.deepEqual(explain?.commands, { HGET: 1 });
  assert.ok((explain?.redis_us ?? Infinity) <= (explain?.server_us ?? 0));
  assert.equal((await client.request("get_ticker", params)).explain, undefined);

  const told: Explain[] = [];
  await client.getAllTickers("binance", { onExplain: (explain) => told.push(explain) });
  assert.deepEqual(
    told.map(({ commands }) => commands),
    [{ HSCAN: 1 }],
  );
  const missing = { exchange: "binance", symbol: "NO/SUCH" };
  await assert.rejects(client.request("get_ticker", missing, { explain: true }), (error) => {
    assert.ok(error instanceof CacheMiss);
    assert.equal(error.explain?.source, "embedded");
    return true;
  });
});

test("a part of an answer is asked for among the options", async () => {
  const all = await client.getAllTickers("binance");
  const symbols = all.map(({ symbol }) => symbol);
  const some = await client.getAllTickers("binance", { limit: 2 });
  assert.deepEqual(
    some.map(({ symbol }) => symbol),
    symbols.slice(0, 2),
  );
  const params = { exchange: "binance", limit: 2 };
  const { truncated, cursor } = await client.request<Ticker[]>("get_all_tickers", params);
  assert.equal(truncated, true);
  const rest = await client.getAllTickers("binance", { cursor });
  assert.deepEqual(
    rest.map(({ symbol }) => symbol),
    symbols.slice(2),
  );
  const last = await client.request("get_all_tickers", { exchange: "binance", cursor });
  assert.deepEqual([last.truncated, last.cursor], [false, undefined]);
  await assert.rejects(client.getAllTickers("binance", { limit: 0 }), InvalidParams);
});

test("pages have all that there is, once and in order, and are told of as calls are", async (t) => {
  const redis = await Redis.start();
  const many = await Server.start({ redis });
  const reader = new Client(many.url);
  t.after(async () => {
    reader.close();
    await Promise.all([many.stop(), redis.stop()]);
  });
  const symbols = Array.from({ length: 25 }, (_, at) => `A${String(at).padStart(2, "0")}/B`);
  const stored = symbols.flatMap((symbol, at) => [symbol, at === 13 ? "{" : ticker(symbol, at)]);
  await redis.run(["HSET", "tickers:x", ...stored]);

  const [warned, explained]: [Warning[], Explain[]] = [[], []];
  const parts: string[][] = [];
  const pages = reader.pages<Ticker[]>(
    "get_all_tickers",
    { exchange: "x" },
    {
      limit: 10,
      onWarning: (warning) => warned.push(warning),
      onExplain: (explain) => explained.push(explain),
    },
  );
  for await (const tickers of pages) {
    parts.push(tickers.map(({ symbol }) => symbol));
  }
  assert.ok(parts.length >= 3 && parts.every(({ length }) => length <= 10));
  assert.deepEqual(
    parts.flat(),
    symbols.filter((_, at) => at !== 13),
  );
  assert.deepEqual(
    warned.map(({ item }) => item),
    [symbols[13]],
  );
  assert.equal(explained.length, parts.length);

  // A limit among the params is as good; the options say from where.
  const from = { cursor: symbols[19] };
  const rest: number[] = [];
  for await (const tickers of reader.pages<Ticker[]>(
    "get_all_tickers",
    { exchange: "x", limit: 4 },
    from,
  )) {
    rest.push(tickers.length);
  }
  assert.deepEqual(rest, [4, 1]);

  const abort = new AbortController();
  const given = reader.pages("get_exchanges", {}, { limit: 1, signal: abort.signal });
  abort.abort(new Error("enough"));
  await assert.rejects(given.next(), /enough/);
});
