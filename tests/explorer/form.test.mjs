// The page of one operation: its form, the same as JSON, what the server says of it, and the programs that it writes.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { openPage, startBrowser, startServer } from "./world.mjs";

let server;
let browser;

before(async () => {
  [server, browser] = await Promise.all([startServer(), startBrowser()]);
});

after(async () => {
  await browser.close();
  await server.stop();
});

/** The page of an operation, with these params. */
async function open(name, params) {
  const query = params === undefined ? "" : `?params=${encodeURIComponent(JSON.stringify(params))}`;
  const page = await openPage(browser, `${server.page}/#/op/${name}${query}`);
  await page.getByRole("heading", { level: 1, name, exact: true }).waitFor();
  return page;
}

/** The params in the page's address, once they are these. */
async function addressHas(page, params) {
  const wanted = JSON.stringify(params);
  await page.waitForFunction(
    (text) => new URLSearchParams(location.hash.split("?")[1]).get("params") === text,
    wanted,
  );
}

test("what breaks the schema is told as it is typed, and is not sent", async () => {
  const page = await open("get_trades", { symbol: "BTC/USDT", exchange: "binance" });
  const run = page.getByRole("button", { name: "Run" });
  await page.getByLabel("limit", { exact: true }).fill("0");
  await page.getByText("must be 1 or more").waitFor();
  assert.equal(await run.isDisabled(), true);
  await page.getByLabel("limit", { exact: true }).fill("7x");
  await page.getByText("must be a number").waitFor();
  await page.getByLabel("limit", { exact: true }).fill("3");
  await page.getByLabel("symbol", { exact: true }).fill("");
  await page.getByText("is required").waitFor();
  await page.getByLabel("symbol", { exact: true }).fill("ETH/USDT");
  await addressHas(page, { exchange: "binance", limit: 3, symbol: "ETH/USDT" });
  await run.click();
  await page.locator(".result").getByText("3 rows").waitFor();
  page.assertClean();
});

test("the form and its JSON are the same params, either way round", async () => {
  const page = await open("stream_tickers", { exchange: "binance" });
  const editor = page.getByRole("textbox", { name: "Params as JSON" });
  await page.getByLabel("symbols: add one").pressSequentially("ETH/USDT");
  await page.getByLabel("snapshot", { exact: true }).selectOption("false");
  await page.getByRole("tab", { name: "JSON" }).click();
  assert.deepEqual(JSON.parse(await editor.inputValue()), {
    exchange: "binance",
    symbols: ["ETH/USDT"],
    snapshot: false,
  });
  await editor.fill('{"exchange": "kraken", "symbols": [');
  await page.getByText("is not a JSON object").waitFor();
  await editor.fill('{"exchange": "kraken", "symbols": ["A/B", "C/D"], "more": 1}');
  await page.getByText("is not known; known are exchange, symbols").waitFor();
  await editor.fill('{"exchange": "kraken", "symbols": ["A/B", "C/D"]}');
  await page.getByRole("tab", { name: "Form" }).click();
  assert.equal(await page.getByLabel("exchange", { exact: true }).inputValue(), "kraken");
  assert.equal(await page.getByRole("textbox", { name: "symbols 2" }).inputValue(), "C/D");
  await page.getByRole("button", { name: "Remove symbols 1" }).click();
  await addressHas(page, { exchange: "kraken", symbols: ["C/D"] });
  page.assertClean();
});

test("an error is shown with its code, and where time went", async () => {
  const page = await open("get_ticker", { exchange: "binance", symbol: "NO/NE" });
  await page.getByRole("button", { name: "Run" }).click();
  const failure = page.getByRole("alert").filter({ hasText: "CACHE_MISS" });
  await failure.getByText("NO/NE not found").waitFor();
  assert.match(await page.locator(".timing").textContent(), /\d ms/);
  page.assertClean();
});

test("a step back in the history brings the params of then", async () => {
  const page = await open("get_ticker", { exchange: "binance", symbol: "BTC/USDT" });
  await page.evaluate(() => {
    location.hash = `#/op/get_ticker?params=${encodeURIComponent('{"exchange":"kraken","symbol":"X/Y"}')}`;
  });
  const symbol = page.getByLabel("symbol", { exact: true });
  await page.waitForFunction(() => [...document.querySelectorAll("input")].some(({ value }) => value === "X/Y"));
  await page.goBack();
  await page.waitForFunction(() => [...document.querySelectorAll("input")].some(({ value }) => value === "BTC/USDT"));
  assert.equal(await symbol.inputValue(), "BTC/USDT");
  page.assertClean();
});

test("the same call is written in every language, and no token with it", async () => {
  const page = await open("get_ticker", { exchange: "kraken", symbol: "BTC/USD" });
  const program = page.locator(".snippet");
  for (const [language, text] of [
    ["Python", 'exchange="kraken"'],
    ["TypeScript", 'client.getTicker("kraken", "BTC/USD")'],
    ["Rust", 'call_by_name("get_ticker", &params)'],
    ["Command line", "call get_ticker exchange=kraken symbol=BTC/USD"],
    ["websocat", '"operation":"get_ticker"'],
  ]) {
    await page.getByRole("tab", { name: language }).click();
    await program.filter({ hasText: text }).waitFor();
  }
  await page.evaluate(() => (location.hash = "#/op/authenticate"));
  await page.getByRole("heading", { level: 1, name: "authenticate" }).waitFor();
  await page.getByLabel("token", { exact: true }).fill("fca_5ecret");
  await program.filter({ hasText: "FULLON_CACHE_API_TOKEN" }).waitFor();
  assert.doesNotMatch(await program.textContent(), /5ecret/);
  // Not under another name either.
  await page.getByRole("tab", { name: "JSON" }).click();
  await page.getByRole("textbox", { name: "Params as JSON" }).fill('{"tokn": "fca_5ecret", "params": {"token": "fca_5ecret"}}');
  await page.getByText("is not known; known are token").first().waitFor();
  assert.doesNotMatch(await program.textContent(), /5ecret/);
  assert.doesNotMatch(await page.evaluate(() => location.href), /5ecret/);
  page.assertClean();
});
