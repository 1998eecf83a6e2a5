import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";

import { Server } from "./server.js";

const CHROMIUM = process.env["CHROMIUM"] ?? "/usr/bin/chromium";
const TOKEN = "fca_a_static_token";

const OPTIONS = { skip: !existsSync(CHROMIUM) && "there is no Chromium" };

/** Begins a page's script: what it tells becomes what the page's visit gives. */
const TELL = `
  const server = new URLSearchParams(location.search).get("server");
  const tell = (result) => fetch("/result", { method: "POST", body: JSON.stringify(result) });
`;

const CALLS = `
  import { Client } from "/dist/fullon-cache-api.js";

  async function run() {
    const client = new Client(server, { token: "${TOKEN}" });
    const ticker = await client.getTicker("binance", "BTC/USDT");
    const updates = [];
    for await (const update of client.streamTickers("binance", ["BTC/USDT"], { events: true })) {
      updates.push(update.type);
      if (updates.length === 3) {
        break;
      }
    }
    const streams = await client.listStreams();
    client.close();
    const stranger = new Client(server, { token: "fca_wrong" });
    const refused = await stranger.ping().catch((error) => error.name);
    const lost = new Client("ws://127.0.0.1:1", { timeoutMs: 300 });
    const unreachable = await lost.ping().catch((error) => error.name);
    lost.close();
    return { symbol: ticker.symbol, updates, streams, refused, unreachable };
  }
  run().catch(String).then(tell);
`;

/** Looks at the example's table until it has all prices, and one of them has changed. */
const LOOK = `
  const table = document.querySelector("table");
  let first;
  const look = () => {
    const text = table.innerText;
    if (table.rows.length === 12 && text !== (first ??= text)) {
      observer.disconnect();
      const [symbol, price] = [...table.rows].find(({ cells }) => cells[0].innerText === "BTC/USDT").cells;
      const state = document.querySelector("#state").innerText;
      tell({ state, symbol: symbol.innerText, isPrice: Number(price.innerText) > 0 });
    }
  };
  const observer = new MutationObserver(look);
  observer.observe(table, { childList: true, subtree: true, characterData: true });
`;

test("a page loads the client", OPTIONS, async (t) => {
  const sha256 = createHash("sha256").update(TOKEN).digest("hex");
  const tokens = `auth.tokens = [{ name = "page", sha256 = "${sha256}", scopes = ["market"] }]`;
  assert.deepEqual(await visit(t, "", CALLS, tokens), {
    symbol: "BTC/USDT",
    updates: ["ticker_update", "ticker_update", "ticker_update"],
    streams: [],
    refused: "Unauthenticated",
    unreachable: "ConnectionLost",
  });
});

test("the example's page shows prices and follows them", OPTIONS, async (t) => {
  const page = readFileSync("examples/browser.html", "utf8");
  assert.deepEqual(await visit(t, page, LOOK), {
    state: "connected",
    symbol: "BTC/USDT",
    isPrice: true,
  });
});

/** Opens a page, with a script in it, beside a server that lets it in, and gives what the script tells. */
async function visit(t: TestContext, page: string, script: string, config = ""): Promise<unknown> {
  let hear: (result: string) => void = () => undefined;
  const heard = new Promise<string>((resolve) => {
    hear = resolve;
  });
  const pages = createServer((request, response) => {
    if (request.url === "/dist/fullon-cache-api.js") {
      response.setHeader("content-type", "text/javascript");
      response.end(readFileSync("dist/fullon-cache-api.js"));
    } else if (request.url === "/result") {
      let body = "";
      request.on("data", (part) => (body += String(part)));
      request.on("end", () => {
        response.end();
        hear(body);
      });
    } else {
      response.setHeader("content-type", "text/html");
      response.end(`${page || "<!doctype html>"}<script type="module">${TELL}${script}</script>`);
    }
  });
  pages.listen(0, "127.0.0.1");
  await once(pages, "listening");
  const origin = `http://127.0.0.1:${(pages.address() as AddressInfo).port}`;
  const server = await Server.start({ config: `listen.origins = ["${origin}"]\n${config}` });
  const profile = mkdtempSync(join(tmpdir(), "chromium-"));
  const flags = ["--headless=new", "--no-sandbox", "--disable-gpu", `--user-data-dir=${profile}`];
  const address = `${origin}/examples/browser.html?server=${server.url}`;
  const browser = spawn(CHROMIUM, [...flags, address], { stdio: "ignore" });
  t.after(async () => {
    browser.kill("SIGKILL");
    pages.close();
    pages.closeAllConnections();
    await server.stop();
  });
  return JSON.parse(await heard);
}
