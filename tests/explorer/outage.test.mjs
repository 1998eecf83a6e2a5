// What is seen when the Redis goes away, and when the server does.
import assert from "node:assert/strict";
import { test } from "node:test";

import { freePort, openPage, RedisWriter, startBrowser, startRedis, startServer, ticker } from "./world.mjs";

async function write(port, price) {
  const writer = await RedisWriter.connect(port);
  await writer.send(["HSET", "tickers:binance", "BTC/USDT", ticker("BTC/USDT", "binance", price)]);
  writer.close();
}

/** A Redis with one ticker, a server that reads it, and a browser; all end with the test. */
async function besideRedis(t) {
  const port = await freePort();
  const world = { port, redis: await startRedis(port) };
  await write(port, 101.25);
  const [server, browser] = await Promise.all([startServer({ redisPort: port }), startBrowser()]);
  t.after(async () => {
    await browser.close();
    await server.stop();
    await world.redis.stop();
  });
  return Object.assign(world, { server, browser });
}

test("Redis goes and comes: stale and fresh are seen", async (t) => {
  const world = await besideRedis(t);
  const { port, server, browser } = world;
  const page = await openPage(browser, server.page);
  const price = (text) => page.locator(".market-tickers td.strong").filter({ hasText: text });
  await price("101.25").waitFor();
  await world.redis.stop();
  await page.locator(".stale").waitFor();
  await page.locator(".market-tickers .is-stale").waitFor();
  await page.locator(".market-chart .is-stale").waitFor();
  // The last known state stands.
  assert.equal(await price("101.25").count(), 1);
  world.redis = await startRedis(port);
  await write(port, 102.5);
  await price("102.50").or(price("102.5")).first().waitFor();
  await page.locator(".stale").waitFor({ state: "detached" });
  await page.locator(".market-tickers .is-stale").waitFor({ state: "detached" });
  page.assertClean();
});

test("items that are gone leave the table", async (t) => {
  const port = await freePort();
  const redis = await startRedis(port);
  const symbols = ["A/B", "C/D", "E/F", "G/H"];
  const writer = await RedisWriter.connect(port);
  await writer.send(...symbols.map((symbol) => ["HSET", "tickers:binance", symbol, ticker(symbol, "binance", 1)]));
  const [server, browser] = await Promise.all([startServer({ redisPort: port }), startBrowser()]);
  t.after(async () => {
    await browser.close();
    await server.stop();
    writer.close();
    await redis.stop();
  });
  const s = JSON.stringify([["stream_tickers", { exchange: "binance" }]]);
  const page = await openPage(browser, `${server.page}/#/streams?${new URLSearchParams({ s })}`);
  const rows = page.locator(".stream-panel tbody tr");
  await rows.nth(3).waitFor();
  await writer.send(["HDEL", "tickers:binance", "A/B", "C/D", "G/H"]);
  await rows.nth(1).waitFor({ state: "detached" });
  assert.match(await rows.first().textContent(), /E\/F/);
  page.assertClean();
});

test("what turns corrupt is told, and its last healthy form stands", async (t) => {
  const { port, server, browser } = await besideRedis(t);
  const s = JSON.stringify([["stream_tickers", { exchange: "binance" }]]);
  const page = await openPage(browser, `${server.page}/#/streams?${new URLSearchParams({ s })}`);
  await page.locator(".stream-panel td", { hasText: "101.25" }).waitFor();
  const writer = await RedisWriter.connect(port);
  await writer.send(["HSET", "tickers:binance", "BTC/USDT", '{"price": NaN']);
  writer.close();
  await page.locator(".stream-facts .down", { hasText: /Warnings[1-9]/ }).waitFor();
  await page.getByText("What it said beside updates").click();
  await page.locator(".notes li", { hasText: "warning" }).first().waitFor();
  assert.equal(await page.locator(".stream-panel td", { hasText: "101.25" }).count(), 1);
  page.assertClean();
});

test("a server that does not tell what it can do is asked again, and the page says so", async (t) => {
  const [server, browser] = await Promise.all([startServer(), startBrowser()]);
  t.after(async () => {
    await browser.close();
    await server.stop();
  });
  const page = await openPage(browser, server.page);
  let refused = 0;
  await page.routeWebSocket(/^ws:/, (socket) => {
    const real = socket.connectToServer();
    socket.onMessage((text) => {
      const { operation, request_id } = JSON.parse(text);
      if (operation === "describe" && refused === 0) {
        refused += 1;
        socket.send(JSON.stringify({ request_id, success: false, error_code: "INTERNAL_ERROR", error: "not now" }));
      } else {
        real.send(text);
      }
    });
  });
  await page.reload();
  await page.locator(".stale").getByText("not now").waitFor();
  await page.locator(".market-tickers tbody tr").nth(3).waitFor();
  await page.locator(".stale").waitFor({ state: "detached" });
  assert.equal(refused, 1);
  page.assertClean();
});

test("the connection is lost and made again: the page says so and goes on", async (t) => {
  const [server, browser] = await Promise.all([startServer(), startBrowser()]);
  t.after(async () => {
    await browser.close();
    await server.stop();
  });
  const page = await openPage(browser, server.front.origin);
  const connection = page.locator(".connection");
  await connection.getByText("Live").waitFor();
  await page.locator(".market-tickers tbody tr").nth(3).waitFor();
  server.front.cut();
  await connection.getByText("Lost").waitFor();
  await page.locator(".market-queues .is-reconnecting").first().waitFor();
  await connection.getByText(/again in \d+ s|trying/).waitFor();
  server.front.mend();
  await connection.getByText("Live").waitFor();
  await connection.getByText("↻1").waitFor();
  const body = () => page.locator(".market-tickers tbody").textContent();
  const before = await body();
  await page.waitForFunction(
    (before) => document.querySelector(".market-tickers tbody").textContent !== before,
    before,
  );
  page.assertClean(/WebSocket connection to/);
});
