import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import {
  Client,
  ClientClosed,
  InvalidParams,
  NodeWebSocket,
  type StreamEvent,
  type TickerUpdate,
  type WebSocketLike,
} from "fullon-cache-api";

import { Server, freePort, take, takeUntil } from "./server.js";

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

/** Whether what a stream with events yields is an update. */
function isUpdate(item: TickerUpdate | StreamEvent): item is TickerUpdate {
  return item.type === "ticker_update";
}

test("a stream begins with the present state, then tells changes", async () => {
  const stream = client.streamTickers("binance", ["BTC/USDT", "ETH/USDT"]);
  const updates = await take(stream, 8);
  await stream.close();
  assert.deepEqual(
    updates.slice(0, 3).map(({ snapshot }) => snapshot),
    [true, true, undefined],
  );
  const [first] = updates;
  assert.ok(first && !first.removed);
  // The type knows what is not removed.
  assert.equal(typeof first.price, "number");
  assert.equal(stream.settings?.update_type, "ticker_update");
  assert.equal(stream.position?.update_id, updates.at(-1)?.update_id);
});

test("leaving the loop unsubscribes", async () => {
  for await (const update of client.streamTickers("binance")) {
    assert.equal(update.exchange, "binance");
    assert.equal((await client.listStreams()).length, 1);
    break;
  }
  assert.deepEqual(await client.listStreams(), []);
});

test("what ends a stream ends its loop", async () => {
  const ended = client.streamTickers("binance");
  await ended.next();
  await client.unsubscribeAll();
  await takeAll(ended);
  const own = new Client(server.url);
  const closed = own.streamTickers("binance");
  await closed.next();
  const rest = takeAll(closed);
  own.close();
  await rest;
});

test("a stream is given up by its signal", async () => {
  const controller = new AbortController();
  const stream = client.streamTickers("binance", [], { signal: controller.signal });
  await stream.next();
  const rest = takeAll(stream);
  controller.abort(new Error("enough"));
  await assert.rejects(rest, { message: "enough" });
  assert.deepEqual(await client.listStreams(), []);
  const late = client.streamTickers("binance", [], { signal: controller.signal });
  await assert.rejects(late.next(), { message: "enough" });
});

test("a stream that cannot be opened throws", async () => {
  await assert.rejects(client.streamTickers("a b").next(), InvalidParams);
});

test("many streams share one connection", async () => {
  const streams = ["binance", "kraken", "binance", "kraken"].map((name) =>
    client.streamTickers(name),
  );
  const updates = await Promise.all(streams.map((stream) => stream.next()));
  assert.deepEqual(
    updates.map(({ value }) => value?.exchange),
    ["binance", "kraken", "binance", "kraken"],
  );
  await Promise.all(streams.map((stream) => stream.close()));
  assert.equal((await client.getServerStats()).connections, 1);
});

test("a later stream goes on where an earlier one was left", async () => {
  const earlier = client.streamTickers("binance");
  const [last] = (await take(earlier, 20)).slice(-1);
  const resume = earlier.position;
  await earlier.close();
  assert.ok(resume && last);
  const later = client.streamTickers("binance", [], { resume });
  const { value: first } = await later.next();
  assert.ok(later.settings?.resumed);
  assert.ok(first && first.update_id > last.update_id);
  await later.close();
});

test("streams go on over lost connections, without a gap", async (t) => {
  // Each connection lasts a second; then the server wants it made again.
  const short = await Server.start({ set: ["limits.connection_age=1s"] });
  const steady = new Client(short.url, { backoff: { maxMs: 100 } });
  let connected = 0;
  steady.on("state", ({ status }) => (connected += Number(status === "connected")));
  t.after(async () => {
    steady.close();
    await short.stop();
  });
  const stream = steady.streamTradeUpdates("binance", undefined, { events: true });
  const ids: number[] = [];
  const events = new Set<string>();
  while (connected < 4 || !events.has("reconnecting")) {
    const { value } = await stream.next();
    assert.ok(value);
    if (value.type === "trade_update") {
      ids.push(value.update_id);
    } else {
      events.add(value.type);
    }
  }
  assert.ok(stream.settings?.resumed);
  assert.deepEqual([...events], ["reconnecting", "fresh"]);
  const first = ids[0] ?? 0;
  assert.deepEqual(
    ids,
    ids.map((_, at) => first + at),
  );
});

test("a server that is killed and started again is followed anew", async (t) => {
  const port = await freePort();
  const first = await Server.start({ port });
  const steady = new Client(first.url, { backoff: { maxMs: 200 } });
  t.after(() => steady.close());
  const withEvents = steady.streamTickers("binance", ["BTC/USDT"], { events: true });
  const without = steady.streamTickers("binance", ["BTC/USDT"]);
  await Promise.all([withEvents.next(), without.next()]);
  await first.stop();
  const second = await Server.start({ port });
  t.after(() => second.stop());
  let hasGap = false;
  const items = await takeUntil(withEvents, (item) => {
    hasGap ||= item.type === "gap";
    return hasGap && isUpdate(item);
  });
  const kinds = items.filter((item) => !isUpdate(item)).map(({ type }) => type);
  assert.deepEqual(kinds, ["reconnecting", "gap", "fresh"]);
  const anew = items.at(-1);
  assert.ok(anew && isUpdate(anew) && anew.snapshot);
  await takeUntil(without, ({ snapshot }) => snapshot === true);
});

test("an update that is lost on the way is asked for again", async (t) => {
  let lost = 0;
  const lossy = new Client(server.url, {
    webSocket: (url, protocols) => {
      const socket = new NodeWebSocket(url, protocols);
      const proxy: WebSocketLike = {
        onopen: null,
        onmessage: null,
        onerror: null,
        onclose: null,
        send: (text) => socket.send(text),
        close: (code, reason) => socket.close(code, reason),
      };
      socket.onopen = (event) => proxy.onopen?.(event as never);
      socket.onclose = (event) => proxy.onclose?.(event as never);
      let count = 0;
      socket.onmessage = (event) => {
        count += Number(String(event.data).includes("trade_update"));
        if (count === 50) {
          lost += 1;
        } else {
          proxy.onmessage?.(event as never);
        }
      };
      return proxy;
    },
  });
  t.after(() => lossy.close());
  const stream = lossy.streamTradeUpdates("binance");
  const ids = (await take(stream, 200)).map(({ update_id }) => update_id);
  assert.equal(lost, 1);
  const first = ids[0] ?? 0;
  assert.deepEqual(
    ids,
    ids.map((_, at) => first + at),
  );
  await stream.close();
  assert.deepEqual(await lossy.listStreams(), []);
});

test("a server that gives no sign of life is left", async (t) => {
  const frozen = await Server.start();
  const careful = new Client(frozen.url, { heartbeatMs: 200, backoff: { minMs: 50, maxMs: 50 } });
  t.after(async () => {
    careful.close();
    frozen.signal("SIGCONT");
    await frozen.stop();
  });
  const stream = careful.streamTickers("binance", ["BTC/USDT"], { events: true });
  await stream.next();
  frozen.signal("SIGSTOP");
  const items = await takeUntil(stream, ({ type }) => type === "reconnecting");
  const event = items.at(-1);
  assert.ok(event?.type === "reconnecting" && /sign of life/.test(event.error.message));
  frozen.signal("SIGCONT");
  await takeUntil(stream, isUpdate);
});

async function takeAll(stream: AsyncIterable<unknown>): Promise<void> {
  for await (const item of stream) {
    void item;
  }
}

test("a stream tells how it is served, when it is opened and later", async () => {
  const stream = client.streamTickers("binance", undefined, { explain: true });
  const { result, explain } = await stream.open();
  assert.equal(result.update_type, "ticker_update");
  assert.deepEqual(stream.settings, result);
  assert.equal(explain?.source, "topic");
  assert.ok((explain?.stream?.subscribers ?? 0) >= 1);
  assert.equal(explain?.stream?.updates, 0);
  assert.equal(stream.reply?.explain, explain);
  await take(stream, 3);
  const listed = (await client.listStreams()).find(({ stream: id }) => id === stream.id);
  assert.ok((listed?.explain?.updates ?? 0) >= 3);
  await stream.close();
  assert.equal(stream.id, undefined);
  await assert.rejects(stream.open(), ClientClosed);

  await assert.rejects(client.streamTickers("no exchange").open(), InvalidParams);
});
