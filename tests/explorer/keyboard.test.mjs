// All of it without a pointer.
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

/** What has the focus, in words, and whether it is seen that it has. */
const focus = (page) =>
  page.evaluate(() => {
    const element = document.activeElement;
    const name = element.getAttribute("aria-label") ?? element.closest("label")?.innerText ?? element.textContent;
    // Of a radio button its label shows it.
    const seen = element.type === "radio" ? element.nextElementSibling : element;
    const { outlineStyle, outlineWidth } = getComputedStyle(seen);
    return { name: name.trim(), isSeen: outlineStyle !== "none" && parseFloat(outlineWidth) > 0 };
  });

/** Goes on by the Tab key to what has that name; each stop on the way is to be seen. */
async function tabTo(page, name, most = 60) {
  for (let step = 0; step < most; step += 1) {
    await page.keyboard.press("Tab");
    const at = await focus(page);
    assert.ok(at.isSeen, `the focus is not seen at ${at.name}`);
    if (name.test(at.name)) {
      return;
    }
  }
  assert.fail(`no way by the Tab key to ${name}`);
}

test("the market: skip, choose an exchange, a symbol and a chart, sort", async () => {
  const page = await openPage(browser, server.page);
  await page.locator(".market-tickers tbody tr").nth(3).waitFor();
  await page.keyboard.press("Tab");
  assert.match((await focus(page)).name, /^Skip/);
  await page.keyboard.press("Enter");
  await tabTo(page, /^binance$/);
  await page.keyboard.press("ArrowRight");
  await page.waitForFunction(() => location.hash.includes("exchange=bitmex"));
  await page.locator(".market-tickers tbody tr").nth(3).waitFor();
  await tabTo(page, /^price$/i);
  await page.keyboard.press("Enter");
  await page.locator(".market-tickers th[aria-sort=descending]").waitFor();
  await tabTo(page, /^[A-Z]+\/USDT$/);
  await page.keyboard.press("Space");
  await page.waitForFunction(() => location.hash.includes("symbol="));
  await tabTo(page, /^Candles$/);
  await page.keyboard.press("ArrowRight");
  await page.waitForFunction(() => location.hash.includes("chart=line"));
  await page.keyboard.press("ArrowLeft");
  await tabTo(page, /^Candles of/);
  const readout = page.locator(".market-chart .readout");
  const last = await readout.textContent();
  await page.keyboard.press("Home");
  await page.waitForFunction(
    (last) => document.querySelector(".market-chart .readout[aria-live=polite]")?.textContent.slice(0, 8) !== last.slice(0, 8),
    last,
  );
  page.assertClean();
  await page.context().close();
});

test("operations: search by /, open one, run it, look at its result in other ways", async () => {
  const page = await openPage(browser, `${server.page}/#/operations`);
  await page.locator(".operation-link").first().waitFor();
  await page.keyboard.press("/");
  await page.keyboard.type("get_ticker");
  await page.waitForFunction(() => document.querySelectorAll(".operation-link").length < 5);
  await tabTo(page, /^get_ticker/);
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { level: 1, name: "get_ticker" }).waitFor();
  await tabTo(page, /^Run$/, 120);
  await page.keyboard.press("Enter");
  await page.locator(".result").waitFor();
  await tabTo(page, /^Table$/);
  await page.keyboard.press("ArrowRight");
  await page.locator(".result .tree").waitFor();
  page.assertClean();
  await page.context().close();
});

test("streams: follow one, chart it, close it", async () => {
  const page = await openPage(browser, `${server.page}/#/streams`);
  await page.getByText("Add a stream").waitFor();
  await tabTo(page, /^stream_tickers$/);
  await page.keyboard.press("Enter");
  await page.locator(".stream-panel tbody tr").first().waitFor();
  await page.locator("main").focus();
  await tabTo(page, /^Table$/);
  await page.keyboard.press("ArrowRight");
  await page.locator(".stream-panel canvas").waitFor();
  await tabTo(page, /^Close stream_tickers$/);
  await page.keyboard.press("Enter");
  await page.getByText("Follow one of these, or several").waitFor();
  page.assertClean();
  await page.context().close();
});
