import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { Client, NodeWebSocket, StreamGap } from "fullon-cache-api";

import { Redis, Server, freePort, sleep, take, takeUntil, ticker, trade } from "./server.js";

let redis: Redis;
let server: Server;
let client: Client;

before(async () => {
  redis = await Redis.start();
  // A server that remembers little.
  server = await Server.start({ redis, set: ["streams.log_entries=20"] });
  client = new Client(server.url);
});

after(async () => {
  client.close();
  await Promise.all([server.stop(), redis.stop()]);
});

function trades(from: number, to: number): string[][] {
  const ids = Array.from({ length: to - from + 1 }, (_, at) => from + at);
  return ids.map((id) => ["RPUSH", "trades:x:AB", trade(id)]);
}

/** Fulfilled when the server has told a trade. */
async function happened(id: number): Promise<void> {
  const witness = client.streamTradeUpdates("x", "A/B");
  await takeUntil(witness, (update) => update.trade_id === id);
  await witness.close();
  await sleep(100);
}

test("of a state a slow consumer gets the newest form of each item, and removals", async () => {
  await redis.run(["HSET", "tickers:x", "A/B", ticker("A/B", 0), "C/D", ticker("C/D", 0)]);
  const [stream, witness] = [client.streamTickers("x"), client.streamTickers("x")];
  await Promise.all([take(stream, 2), take(witness, 2)]);
  for (let price = 1; price <= 30; price++) {
    await redis.run(
      ["HSET", "tickers:x", "A/B", ticker("A/B", price)],
      ["PUBLISH", "ticker_updates:x:A/B", ticker("A/B", price)],
    );
  }
  await redis.run(["HDEL", "tickers:x", "C/D"]);
  await takeUntil(witness, ({ removed }) => removed === true);
  await witness.close();
  await sleep(100);
  const [newest, removed] = await take(stream, 2);
  assert.ok(newest && !newest.removed && newest.price === 30);
  assert.ok(removed?.removed && removed.symbol === "C/D");
  await stream.close();
});

test("more removals than may wait are told all the same", async () => {
  const symbols = ["G/A", "G/B", "G/C", "G/D", "G/E"];
  await redis.run(...symbols.map((symbol) => ["HSET", "tickers:x", symbol, ticker(symbol, 1)]));
  const stream = client.streamTickers("x", symbols, { maxQueue: 2 });
  const witness = client.streamTickers("x", symbols);
  await Promise.all([take(stream, 5), take(witness, 5)]);
  for (const symbol of symbols) {
    await redis.run(["HDEL", "tickers:x", symbol]);
    await takeUntil(witness, (update) => update.symbol === symbol);
  }
  const removed = await take(stream, 5);
  assert.deepEqual(
    removed.map((update) => update.removed && update.symbol),
    symbols,
  );
  await Promise.all([stream.close(), witness.close()]);
});

test("of a log a slow consumer gets every entry that the server remembers", async () => {
  await redis.run(["DEL", "trades:x:AB"], ...trades(1, 2));
  const stream = client.streamTradeUpdates("x", "A/B", { maxQueue: 4 });
  const first = await take(stream, 1);
  for (let id = 3; id <= 15; id++) {
    await redis.run(...trades(id, id));
  }
  await happened(15);
  const rest = await take(stream, 14);
  assert.deepEqual(
    [...first, ...rest].map((update) => update.trade_id),
    Array.from({ length: 15 }, (_, at) => at + 1),
  );
  await stream.close();
});

test("what the server forgot is told as a gap, or thrown", async () => {
  await redis.run(["DEL", "trades:x:AB"], ...trades(1, 1));
  const telling = client.streamTradeUpdates("x", "A/B", { maxQueue: 4, events: true });
  const throwing = client.streamTradeUpdates("x", "A/B", { maxQueue: 4 });
  await Promise.all([telling.next(), throwing.next()]);
  for (let id = 2; id <= 60; id++) {
    await redis.run(...trades(id, id));
  }
  await happened(60);
  const items = await takeUntil(
    telling,
    (item) => item.type === "trade_update" && item.trade_id === 60,
  );
  const seen = items.map((item) => (item.type === "trade_update" ? item.trade_id : item.type));
  assert.deepEqual(seen.slice(0, 5), [2, 3, 4, 5, "gap"]);
  assert.ok(seen.filter((one) => one === "gap").length === 1);
  const numbers = seen.slice(5).map(Number);
  assert.deepEqual(
    numbers,
    numbers.map((_, at) => (numbers[0] ?? 0) + at),
  );
  await telling.close();
  assert.deepEqual(
    (await take(throwing, 4)).map((update) => update.trade_id),
    [2, 3, 4, 5],
  );
  await assert.rejects(throwing.next(), StreamGap);
  assert.deepEqual(await throwing.next(), { done: true, value: undefined });
  assert.deepEqual(await client.listStreams(), []);
});

test("a connection that is lost before anything was told loses no entry", async (t) => {
  await redis.run(["DEL", "trades:y:AB"], ["RPUSH", "trades:y:AB", trade(1)]);
  let last: NodeWebSocket | undefined;
  const watcher = new Client(server.url, {
    backoff: { maxMs: 50 },
    webSocket: (url, protocols) => (last = new NodeWebSocket(url, protocols)),
  });
  t.after(() => watcher.close());
  const whole = watcher.streamTradeUpdates("z", "A/B", { events: true });
  const changes = watcher.streamTradeUpdates("y", "A/B", { events: true, snapshot: false });
  const state = watcher.streamTickers("z", [], { events: true, snapshot: false });
  const first = Promise.all([whole.next(), changes.next(), state.next()]);
  while (![whole, changes, state].every(({ settings }) => settings)) {
    await watcher.listStreams();
  }
  last?.close();
  assert.deepEqual(
    (await first).map(({ value }) => value?.type),
    ["reconnecting", "reconnecting", "reconnecting"],
  );
  // What was told to nobody has no place to go on from.
  for (const stream of [changes, state]) {
    const items = await take<{ type: string }>(stream, 2);
    assert.deepEqual(
      items.map(({ type }) => type),
      ["gap", "fresh"],
    );
  }
  assert.deepEqual(await take(whole, 1), [{ type: "fresh" }]);
});

test("a corrupt value is told", async () => {
  await redis.run(["HSET", "tickers:x", "E/F", ticker("E/F", 1)]);
  const stream = client.streamTickers("x", ["E/F"], { events: true });
  await stream.next();
  await redis.run(["HSET", "tickers:x", "E/F", "{"]);
  const [warning] = (await takeUntil(stream, ({ type }) => type === "warning")).slice(-1);
  assert.ok(warning?.type === "warning" && warning.code === "CACHE_CORRUPT");
  assert.equal(warning.item, "E/F");
  await stream.close();
});

test("a Redis that goes and comes back is told", async (t) => {
  const port = await freePort();
  const first = await Redis.start(port);
  await first.run(["HSET", "tickers:x", "A/B", ticker("A/B", 1)]);
  const api = await Server.start({ redis: first });
  const watcher = new Client(api.url);
  t.after(async () => {
    watcher.close();
    await api.stop();
  });
  const stream = watcher.streamTickers("x", [], { events: true });
  await stream.next();
  await first.stop();
  const [stale] = await take(stream, 1);
  assert.ok(stale?.type === "stale");
  assert.ok(Math.abs(stale.since - Date.now() / 1000) < 5 && stale.reason);
  const second = await Redis.start(port);
  t.after(() => second.stop());
  await second.run(["HSET", "tickers:x", "A/B", ticker("A/B", 2)]);
  const items = await takeUntil(stream, ({ type }) => type === "fresh");
  const last = items.filter((item) => item.type === "ticker_update").at(-1);
  assert.ok(last && !last.removed && last.price === 2);
});

test("the position is beyond what was found to be gone when all of it has been taken", async (t) => {
  const port = await freePort();
  const first = await Server.start({ redis, port });
  const steady = new Client(first.url, { backoff: { maxMs: 50 } });
  t.after(() => steady.close());
  const symbols = ["H/A", "H/B"];
  await redis.run(...symbols.map((symbol) => ["HSET", "tickers:x", symbol, ticker(symbol, 1)]));
  const stream = steady.streamTickers("x", symbols);
  await take(stream, 2);
  const before = stream.position;
  await first.stop();
  await redis.run(["HDEL", "tickers:x", ...symbols]);
  const second = await Server.start({ redis, port });
  t.after(() => second.stop());
  const [one] = await take(stream, 1);
  assert.deepEqual(stream.position, before);
  const [other] = await take(stream, 1);
  assert.ok(one?.removed && other?.removed);
  assert.deepEqual([one.symbol, other.symbol], symbols);
  const epoch = stream.settings?.epoch;
  assert.deepEqual(stream.position, { epoch, update_id: other.update_id });
  await stream.close();
  // From there a later one goes on.
  const later = steady.streamTickers("x", symbols, { resume: stream.position });
  const next = later.next();
  let [open] = await steady.listStreams();
  while (!open) {
    [open] = await steady.listStreams();
  }
  await redis.run(["HSET", "tickers:x", "H/A", ticker("H/A", 2)]);
  const { value: back } = await next;
  assert.ok(later.settings?.resumed);
  assert.ok(back && !back.removed && back.price === 2);
  assert.equal(back.request_id, open.stream, "the chain of updates is whole");
});
