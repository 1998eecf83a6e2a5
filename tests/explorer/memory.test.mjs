// At 500 updates a second the page keeps up, and its memory stays as it is while items come and go, more of them than it
// keeps, and its user goes from page to page. EXPLORER_LONG=1 looks for ten minutes.
import assert from "node:assert/strict";
import { test } from "node:test";

import { freePort, openPage, RedisWriter, startBrowser, startRedis, startServer, ticker } from "./world.mjs";

const RATE = 500;
/** The symbols that are traded. */
const SYMBOLS = 100;
/** Beside them there are more symbols than the page keeps; they come and go. */
const OTHERS = 2500;
/** One in so many updates is a symbol that comes, in place of one that goes. */
const NEW_EVERY = 10;
const WARM_MS = 5000;
const STEPS = process.env.EXPLORER_LONG === "1" ? 60 : 4;
const STEP_MS = process.env.EXPLORER_LONG === "1" ? 10_000 : 1500;
/** How much larger it may be at the end; what is collected late, and code that is compiled meanwhile. */
const MAX_GROWTH_BYTES = 1_500_000;

/** Writes and publishes tickers at the rate, until what it gives is called. */
async function trade(port) {
  const writer = await RedisWriter.connect(port);
  const set = (symbol, text) => ["HSET", "tickers:binance", symbol, text];
  const other = (at) => `T${at}/USDT`;
  await writer.send(
    ...Array.from({ length: OTHERS }, (_, at) => set(other(at), ticker(other(at), "binance", at + 1))),
  );
  let others = OTHERS;
  let isOver = false;
  const run = async () => {
    const begin = performance.now();
    for (let sent = 0; !isOver; ) {
      const due = Math.floor(((performance.now() - begin) / 1000) * RATE);
      const commands = [];
      for (; sent < due; sent += 1) {
        const isNew = sent % NEW_EVERY === 0;
        const symbol = isNew ? other(others) : `S${sent % SYMBOLS}/USDT`;
        if (isNew) {
          commands.push(["HDEL", "tickers:binance", other(others - OTHERS)]);
          others += 1;
        }
        const text = ticker(symbol, "binance", 100 + Math.round(Math.sin(sent) * 1000) / 100);
        commands.push(set(symbol, text));
        commands.push(["PUBLISH", `ticker_updates:binance:${symbol}`, text]);
      }
      await writer.send(...commands);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    writer.close();
  };
  const running = run();
  return async () => {
    isOver = true;
    await running;
  };
}

test(`memory is flat at ${RATE} updates a second`, { timeout: 900_000 }, async (t) => {
  const port = await freePort();
  const redis = await startRedis(port);
  const stop = await trade(port);
  const [server, browser] = await Promise.all([startServer({ redisPort: port }), startBrowser()]);
  t.after(async () => {
    await browser.close();
    await server.stop();
    await stop();
    await redis.stop();
  });
  const streams = [
    ["stream_tickers", { exchange: "binance" }],
    ["stream_tickers", { exchange: "binance", snapshot: false }, "chart", "price"],
  ];
  const query = new URLSearchParams({ s: JSON.stringify(streams) });
  const page = await openPage(browser, `${server.page}/#/streams?${query}`);
  const devtools = await page.context().newCDPSession(page);
  await devtools.send("HeapProfiler.enable");
  const look = async () => {
    // Twice: what the first lets go of may hold more.
    await devtools.send("HeapProfiler.collectGarbage");
    await devtools.send("HeapProfiler.collectGarbage");
    const { usedSize } = await devtools.send("Runtime.getHeapUsage");
    const { nodes, jsEventListeners } = await devtools.send("Memory.getDOMCounters");
    return { usedSize, nodes, jsEventListeners };
  };
  const factsOf = () =>
    page.evaluate(() => document.querySelector(".stream-facts dd:nth-of-type(1)")?.textContent ?? "");
  await page.locator(".stream-panel tbody tr").nth(50).waitFor();
  await page.waitForTimeout(WARM_MS);
  const frames = page.evaluate(
    (ms) =>
      new Promise((resolve) => {
        const times = [];
        const note = (now) => {
          times.push(now);
          if (now - times[0] < ms) {
            requestAnimationFrame(note);
          } else {
            resolve(times.slice(1).map((time, place) => time - times[place]));
          }
        };
        requestAnimationFrame(note);
      }),
    STEP_MS,
  );
  const gaps = (await frames).sort((a, b) => a - b);
  const rate = Number.parseFloat(await factsOf());
  /** To the other pages and back. */
  const tour = async () => {
    for (const [hash, shown] of [
      ["#/", ".market-tickers tbody tr"],
      ["#/op/stream_tickers", ".operation h1"],
      [`#/streams?${query}`, ".stream-panel tbody tr"],
    ]) {
      await page.evaluate((hash) => (location.hash = hash), hash);
      await page.locator(shown).first().waitFor();
    }
  };
  const seen = [];
  // What the first brings is there once and for all.
  await tour();
  for (let step = 0; step <= STEPS; step += 1) {
    await tour();
    await page.waitForTimeout(STEP_MS);
    seen.push(await look());
  }
  const sizes = seen.map(({ usedSize }) => (usedSize / 1e6).toFixed(2));
  t.diagnostic(`heap in MB: ${sizes.join(" ")}; nodes ${seen.map(({ nodes }) => nodes).join(" ")}`);
  t.diagnostic(`rate ${rate}/s; frames: median ${gaps[gaps.length >> 1].toFixed(0)} ms, longest ${gaps.at(-1).toFixed(0)} ms`);
  const [first, last] = [seen[0], seen.at(-1)];
  assert.ok(rate > RATE / 2, `it takes in ${rate} updates a second`);
  assert.ok(last.usedSize - first.usedSize < MAX_GROWTH_BYTES, sizes.join(" "));
  assert.ok(last.nodes < first.nodes * 1.2 + 500, JSON.stringify(seen));
  assert.ok(last.jsEventListeners <= first.jsEventListeners + 10, JSON.stringify(seen));
  page.assertClean();
});
