import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import { Server } from "./server.js";

const CHROMIUM = process.env["CHROMIUM"] ?? "/usr/bin/chromium";
const TOKEN = "fca_a_static_token";

/** Runs in the page. What it gives is sent back as JSON. */
const SCRIPT = `
  import { Client } from "/fullon-cache-api.js";

  async function run(url, token) {
    const client = new Client(url, { token });
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
    const stranger = new Client(url, { token: "fca_wrong" });
    const refused = await stranger.ping().catch((error) => error.name);
    const lost = new Client("ws://127.0.0.1:1", { timeoutMs: 300 });
    const unreachable = await lost.ping().catch((error) => error.name);
    lost.close();
    return { symbol: ticker.symbol, updates, streams, refused, unreachable };
  }
`;

test(
  "a page loads the client",
  { skip: !existsSync(CHROMIUM) && "there is no Chromium" },
  async (t) => {
    let tell: (result: string) => void = () => undefined;
    const told = new Promise<string>((resolve) => {
      tell = resolve;
    });
    let address = "";
    const pages = createServer((request, response) => {
      if (request.url === "/fullon-cache-api.js") {
        response.setHeader("content-type", "text/javascript");
        response.end(readFileSync("dist/fullon-cache-api.js"));
      } else if (request.url === "/result") {
        let body = "";
        request.on("data", (part) => (body += String(part)));
        request.on("end", () => {
          response.end();
          tell(body);
        });
      } else {
        const run = `run("${address}", "${TOKEN}").catch((error) => String(error))`;
        const send = `.then((result) => fetch("/result", { method: "POST", body: JSON.stringify(result) }))`;
        response.setHeader("content-type", "text/html");
        response.end(`<!doctype html><script type="module">${SCRIPT}${run}${send}</script>`);
      }
    });
    pages.listen(0, "127.0.0.1");
    await once(pages, "listening");
    const origin = `http://127.0.0.1:${(pages.address() as AddressInfo).port}`;
    const sha256 = createHash("sha256").update(TOKEN).digest("hex");
    const server = await Server.start({
      config: `
      listen.origins = ["${origin}"]
      auth.tokens = [{ name = "page", sha256 = "${sha256}", scopes = ["market"] }]
    `,
    });
    address = server.url;
    const profile = mkdtempSync(join(tmpdir(), "chromium-"));
    const flags = ["--headless=new", "--no-sandbox", "--disable-gpu", `--user-data-dir=${profile}`];
    const browser = spawn(CHROMIUM, [...flags, origin], { stdio: "ignore" });
    t.after(async () => {
      browser.kill("SIGKILL");
      pages.close();
      pages.closeAllConnections();
      await server.stop();
    });
    assert.deepEqual(JSON.parse(await told), {
      symbol: "BTC/USDT",
      updates: ["ticker_update", "ticker_update", "ticker_update"],
      streams: [],
      refused: "Unauthenticated",
      unreachable: "ConnectionLost",
    });
  },
);
