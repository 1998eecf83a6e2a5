// Every page, light, dark and on a phone: whether all can read and use it. With EXPLORER_IMAGES=1 it also writes the
// pictures in docs/images.
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";

import axe from "axe-core";
import { openPage, run, startBrowser, startServer } from "./world.mjs";

const IMAGES = fileURLToPath(new URL("../../docs/images/", import.meta.url));
const WRITES = process.env.EXPLORER_IMAGES === "1";
const STREAMS = [
  ["stream_tickers", { exchange: "kraken" }, "chart", "price"],
  ["stream_ohlcv", { symbol: "BTC/USDT", timeframe: "1m" }, "candles"],
  ["stream_tickers", { exchange: "binance" }],
  ["stream_orders", { exchange: "binance" }],
];
const PAGES = {
  market: { hash: "#/", ready: ".market-blocks tbody tr" },
  operations: { hash: "#/operations", ready: ".operation-link" },
  operation: { hash: "#/op/get_all_tickers", ready: ".workbench", run: true },
  streams: { hash: `#/streams?${new URLSearchParams({ s: JSON.stringify(STREAMS) })}`, ready: ".stream-panel tbody tr" },
  "streams-none": { hash: "#/streams", ready: ".suggestions li" },
};
const PICTURED = ["market", "operation", "streams"];
const LOOKS = {
  light: {},
  dark: { theme: "dark" },
  phone: { width: 360, height: 740 },
  "phone-dark": { width: 360, height: 740, theme: "dark" },
};

let server, locked, browser;
before(async () => {
  const { err } = await run("token", "new", "desk", "--scope", "market");
  const config = err.slice(err.indexOf("[["));
  [server, locked, browser] = await Promise.all([startServer(), startServer({ config }), startBrowser()]);
});
after(async () => {
  await browser?.close();
  await server?.stop();
  await locked?.stop();
});

/** Fails if there is a serious or critical fault. */
async function assertUsable(page, what) {
  // Said to the browser, not written into the page, whose policy would not have it.
  await page.evaluate(axe.source);
  const violations = await page.evaluate(async () => {
    const { violations } = await window.axe.run(document, {
      runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    });
    return violations.map(({ id, impact, nodes }) => ({
      id,
      impact,
      nodes: nodes.slice(0, 3).map(({ html, failureSummary }) => `${html}\n${failureSummary}`),
    }));
  });
  const bad = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
  assert.deepEqual(bad, [], what);
}

for (const [look, options] of Object.entries(LOOKS)) {
  test(`all pages are usable: ${look}`, async () => {
    const page = await openPage(browser, server.page, options);
    for (const [name, { hash, ready, run: runs }] of Object.entries(PAGES)) {
      await page.evaluate((hash) => (location.hash = hash), hash);
      await page.locator(ready).first().waitFor();
      if (runs) {
        await page.getByRole("button", { name: "Run", exact: true }).click();
        await page.locator(".result tbody tr").first().waitFor();
      }
      if (WRITES && look !== "phone-dark" && PICTURED.includes(name)) {
        // Long enough for the lines of charts to be some.
        await page.waitForTimeout(20_000);
        mkdirSync(IMAGES, { recursive: true });
        await page.screenshot({ path: `${IMAGES}/explorer-${name}-${look}.png` });
      }
      await assertUsable(page, `${name} ${look}`);
      const [width, room] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
      assert.ok(width <= room, `${name} ${look} is ${width} wide, of ${room}`);
    }
    page.assertClean();
    await page.context().close();
  });

  test(`the login is usable: ${look}`, async () => {
    const page = await openPage(browser, locked.page, options);
    await page.getByRole("heading", { name: "Log in" }).waitFor();
    await assertUsable(page, `login ${look}`);
    page.assertClean();
    await page.context().close();
  });
}

/** The contrast of two colours, `[r, g, b]`. */
function contrast(a, b) {
  const light = (color) => {
    const [r, g, b] = color.map((part) => {
      const share = part / 255;
      return share <= 0.03928 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const [high, low] = [light(a), light(b)].sort((x, y) => y - x);
  return (high + 0.05) / (low + 0.05);
}

for (const theme of ["light", "dark"]) {
  test(`texts can be read on what flashes: ${theme}`, async () => {
    const page = await openPage(browser, server.page, { theme });
    await page.locator(".market-tickers").waitFor();
    const colors = await page.evaluate(() => {
      const probe = document.createElement("span");
      document.body.append(probe);
      const read = (name) => {
        probe.style.color = `var(${name})`;
        return getComputedStyle(probe).color.match(/\d+/g).slice(0, 3).map(Number);
      };
      const all = (...names) => Object.fromEntries(names.map((name) => [name, read(name)]));
      return {
        texts: all("--text", "--up", "--down"),
        grounds: all("--surface", "--flash-up", "--flash-down", "--flash", "--accent-soft", "--hover"),
      };
    });
    for (const [text, color] of Object.entries(colors.texts)) {
      for (const [ground, under] of Object.entries(colors.grounds)) {
        const ratio = contrast(color, under);
        assert.ok(ratio >= 4.5, `${text} on ${ground}: ${ratio.toFixed(2)}`);
      }
    }
    await page.context().close();
  });
}

test("who wants less motion sees none", async () => {
  const page = await openPage(browser, server.page, { reducedMotion: "reduce" });
  await page.locator(".market-tickers td.flash").first().waitFor();
  const longest = await page.evaluate(() =>
    Math.max(...document.getAnimations().map((one) => Number(one.effect.getComputedTiming().duration)), 0),
  );
  assert.ok(longest < 1, `${longest} ms`);
  await page.context().close();
});
