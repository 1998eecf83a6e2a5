// Any streams side by side: as tables, charts, candles.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { openPage, startBrowser, startServer } from "./world.mjs";

let server, browser;
before(async () => {
  [server, browser] = await Promise.all([startServer(), startBrowser()]);
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

const addressOf = (...streams) =>
  `${server.page}/#/streams?${new URLSearchParams({ s: JSON.stringify(streams) })}`;

/** How many pixels of a chart are drawn in a colour, not only in shades of its axes. */
const colored = (page, place) =>
  page.waitForFunction((place) => {
    const canvas = document.querySelectorAll(".plot canvas")[place];
    if (!canvas || canvas.width === 0) {
      return 0;
    }
    // Of a copy: who reads a canvas again and again is warned by the browser.
    const copy = document.createElement("canvas");
    Object.assign(copy, { width: canvas.width, height: canvas.height });
    const pixels = copy.getContext("2d", { willReadFrequently: true });
    pixels.drawImage(canvas, 0, 0);
    const { data } = pixels.getImageData(0, 0, copy.width, copy.height);
    let count = 0;
    for (let at = 0; at < data.length; at += 4) {
      const [r, g, b, a] = data.subarray(at, at + 4);
      count += a > 200 && Math.max(r, g, b) - Math.min(r, g, b) > 60;
    }
    return count > 100 ? count : 0;
  }, place);

test("a stream is added by its form, charted, paused and closed", async () => {
  const page = await openPage(browser, `${server.page}/#/streams`);
  await page.getByText("Add a stream").click();
  await page.getByLabel("Stream", { exact: true }).selectOption("stream_tickers");
  await page.getByRole("button", { name: "Follow" }).click();
  const panel = page.getByRole("region", { name: "stream_tickers" }).first();
  await panel.getByText("live", { exact: true }).waitFor();
  await panel.locator("td.flash").first().waitFor();

  await panel.getByRole("radio", { name: "Chart" }).check();
  await colored(page, 0);
  // The address follows in its own time.
  await page.waitForURL((url) => /"stream_tickers".*"chart"/.test(decodeURIComponent(url.href)));

  await panel.getByRole("radio", { name: "Table" }).check();
  await panel.getByRole("button", { name: "Pause" }).click();
  await panel.getByRole("button", { name: "Go on" }).waitFor();
  const body = panel.locator("tbody");
  const paused = await body.textContent();
  const updates = () => panel.locator(".stream-facts div", { hasText: "Updates" }).locator("dd").textContent();
  const before = await updates();
  // It is followed all the same.
  await page.waitForFunction(
    (before) => [...document.querySelectorAll(".stream-facts dd")][1].textContent !== before,
    before,
  );
  assert.equal(await body.textContent(), paused);
  await panel.getByRole("button", { name: "Go on" }).click();
  await page.waitForFunction((paused) => document.querySelector(".stream-panel tbody").textContent !== paused, paused);

  await panel.getByRole("button", { name: "Close stream_tickers" }).click();
  await page.getByText("Follow one of these, or several").waitFor();
  await page.waitForURL(({ hash }) => hash === "#/streams");
  page.assertClean();
  await page.context().close();
});

test("an address shows several side by side", async () => {
  const address = addressOf(
    ["stream_ohlcv", { symbol: "BTC/USDT", timeframe: "1m" }, "candles"],
    ["stream_tickers", { exchange: "kraken" }, "chart", "bid"],
    ["stream_trade_updates", { exchange: "binance" }],
    ["stream_orders", { exchange: "binance" }],
    ["stream_process_health", {}],
  );
  const page = await openPage(browser, address);
  await page.locator(".stream-status.is-live").nth(4).waitFor();
  await colored(page, 0);
  await colored(page, 1);
  await page.locator(".readout-line").nth(3).waitFor();
  for (const table of ["stream_trade_updates", "stream_orders", "stream_process_health"]) {
    await page.locator(`.table-place[aria-label=${table}] tbody tr`).first().waitFor();
  }
  page.assertClean();
  await page.context().close();
});

test("what cannot be followed says why", async () => {
  const page = await openPage(browser, addressOf(["stream_tickers", { exchange: "../" }], ["stream_nothing", {}]));
  await page.getByRole("alert").filter({ hasText: "exchange" }).waitFor();
  await page.getByText("Not for this login, or not at this server").waitFor();
  page.assertClean();
  await page.context().close();
});

test("how the server serves a stream is told where that is unfolded", async () => {
  const page = await openPage(browser, addressOf(["stream_tickers", { exchange: "kraken" }]));
  const panel = page.getByRole("region", { name: "stream_tickers" }).first();
  await panel.getByText("How the server serves it").click();
  const sent = panel.locator(".served div", { hasText: /^Sent/ }).locator("dd");
  await sent.filter({ hasText: /^[1-9]/ }).waitFor();
  await panel.locator(".served div", { hasText: "Change is noticed by" }).filter({ hasText: "channel" }).waitFor();
  // It is told anew.
  const before = await sent.textContent();
  await sent.filter({ hasNotText: new RegExp(`^${before}$`) }).waitFor();
  page.assertClean();
  await page.context().close();
});

test("two streams of one topic have numbers of their own", async () => {
  const page = await openPage(
    browser,
    addressOf(
      ["stream_tickers", { exchange: "kraken" }],
      ["stream_tickers", { exchange: "kraken", min_interval_ms: 60_000 }],
    ),
  );
  const [fast, slow] = [0, 1].map((place) => page.locator(".stream-panel").nth(place));
  const sent = (panel) => panel.locator(".served div", { hasText: /^Sent/ }).locator("dd");
  for (const panel of [fast, slow]) {
    await panel.getByText("How the server serves it").click();
    await sent(panel).filter({ hasText: /^[1-9]/ }).waitFor();
  }
  // One goes on, the other rests.
  const before = await sent(slow).textContent();
  const first = await sent(fast).textContent();
  await sent(fast).filter({ hasNotText: new RegExp(`^${first}$`) }).waitFor();
  assert.equal(await sent(slow).textContent(), before);
  page.assertClean();
  await page.context().close();
});

test("a stream that is open but has nothing to tell says so", async () => {
  const params = { exchange: "nowhere" };
  const page = await openPage(browser, addressOf(["stream_tickers", params]));
  const panel = page.getByRole("region", { name: "stream_tickers" }).first();
  await panel.getByText("live", { exact: true }).waitFor();
  await panel.getByText("Nothing so far.").waitFor();

  await panel.getByRole("link", { name: "stream_tickers" }).click();
  await page.getByRole("button", { name: "Follow", exact: true }).click();
  await page.getByText("open, nothing so far").waitFor();
  page.assertClean();
  await page.context().close();
});
