// A result that is a part of what there is says so, and the rest is a button away.
import assert from "node:assert/strict";
import { test } from "node:test";

import { openPage, run, startBrowser, startServer } from "./world.mjs";

/** The page of an operation with these params, after it was run. */
async function ran(browser, server, name, params) {
  const page = await openPage(browser, `${server.page}/#/op/${name}?params=${encodeURIComponent(JSON.stringify(params))}`);
  await page.getByRole("heading", { level: 1, name, exact: true }).waitFor();
  await page.getByRole("button", { name: "Run", exact: true }).click();
  return page;
}

test("a result that is a part says so, and is paged to its end by the keyboard", async (t) => {
  const [server, browser] = await Promise.all([startServer(), startBrowser()]);
  t.after(async () => {
    await browser.close();
    await server.stop();
  });
  const { out } = await run("call", "get_all_tickers", "exchange=binance", "--url", server.url);
  const symbols = JSON.parse(out).map(({ symbol }) => symbol);
  const limit = 3;
  const count = Math.ceil(symbols.length / limit);
  assert.ok(count > 2);

  const page = await ran(browser, server, "get_all_tickers", { exchange: "binance", limit });
  const line = page.locator(".part");
  const next = page.getByRole("button", { name: "Next part" });
  const address = await page.evaluate(() => location.href);
  const seen = [];
  for (let part = 1; part <= count; part += 1) {
    const text = part < count ? `Part ${part}. There is more.` : `Part ${part}, the last.`;
    await line.filter({ hasText: text }).waitFor();
    await page.getByRole("status").filter({ hasText: text }).waitFor();
    seen.push(...(await page.locator(".result tbody tr td:first-child").allTextContents()));
    if (part === 1) {
      await next.focus();
    }
    if (part < count) {
      // It keeps the focus, so the same key goes on.
      await page.keyboard.press("Enter");
    }
  }
  assert.deepEqual(seen, symbols);
  assert.equal(await next.count(), 0);
  await page.waitForFunction(() => document.activeElement?.classList.contains("part"));

  // The form is as it was, and begins at the beginning.
  assert.equal(await page.evaluate(() => location.href), address);
  assert.equal(await page.getByLabel("cursor", { exact: true }).inputValue(), "");
  await page.getByRole("button", { name: "Run", exact: true }).click();
  await line.filter({ hasText: "Part 1. There is more." }).waitFor();
  assert.equal(await page.locator(".result tbody tr td:first-child").first().textContent(), symbols[0]);

  // So it says however the result is shown, and goes on by what was asked, whatever stands in the form now.
  await page.getByRole("tab", { name: "Raw" }).click();
  await page.getByLabel("limit", { exact: true }).fill("1");
  await next.click();
  await line.filter({ hasText: "Part 2. There is more." }).waitFor();
  const raw = await page.getByRole("region", { name: "Raw result" }).textContent();
  assert.deepEqual(
    JSON.parse(raw).map(({ symbol }) => symbol),
    symbols.slice(limit, 2 * limit),
  );

  // What is whole says nothing of it.
  await page.getByLabel("limit", { exact: true }).fill("");
  await page.getByRole("button", { name: "Run", exact: true }).click();
  await page.getByRole("status").filter({ hasText: "Answered" }).waitFor();
  assert.equal(await line.count(), 0);
  page.assertClean();
});
