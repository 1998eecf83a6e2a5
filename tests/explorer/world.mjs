// What the tests need: a server, the page that it gives at `/`, a browser that looks at it, and a Redis.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createReadStream, existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { connect, createServer as listen } from "node:net";
import { tmpdir } from "node:os";
import { extname, join, normalize } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

import { chromium } from "playwright-core";

/** The server's program. */
export const BINARY = process.env.FULLON_CACHE_API_BINARY ?? fileURLToPath(new URL("../../target/debug/fullon-cache-api", import.meta.url));
const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";
/** Files to look at in place of those that are in the binary. */
const OTHER_DIST = process.env.EXPLORER_DIST;
const DIST = OTHER_DIST ?? fileURLToPath(new URL("../../explorer/dist", import.meta.url));
const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");
const TYPES = { ".html": "text/html; charset=utf-8", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml" };

/** A port that nobody listens at. */
export async function freePort() {
  const server = listen().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}

/** Waits until a process is gone. */
async function ended(child) {
  if (child.exitCode === null && child.signalCode === null) {
    await once(child, "exit");
  }
}

/** Runs the server's binary for its output. */
export async function run(...args) {
  const child = spawn(BINARY, args, { stdio: ["ignore", "pipe", "pipe"] });
  let [out, err] = ["", ""];
  child.stdout.on("data", (part) => (out += part));
  child.stderr.on("data", (part) => (err += part));
  const [code] = await once(child, "close");
  assert.equal(code, 0, err);
  return { out: out.trim(), err };
}

/**
 * A server, and the address of its page: `demo`, or `serve` of the Redis at that port; with lines of a configuration
 * file.
 */
export async function startServer({ redisPort, config = "" } = {}) {
  const folder = mkdtempSync(join(tmpdir(), "explorer-server-"));
  const front = await Front.listen();
  writeFileSync(join(folder, "fullon-cache-api.toml"), config);
  const command = redisPort === undefined ? ["demo", "--port", "0"] : ["serve"];
  const origins = `listen.origins=["${front.origin}"]`;
  const sets = ["--set", origins];
  if (redisPort !== undefined) {
    sets.push("--set", "listen.port=0", "--set", `redis.port=${redisPort}`);
  }
  const env = { PATH: process.env.PATH };
  const child = spawn(BINARY, [...command, ...sets], { cwd: folder, env, stdio: ["ignore", "pipe", "pipe"] });
  const address = await addressOf(child);
  front.server = address;
  const own = `http://127.0.0.1:${address.port}`;
  const isServed = OTHER_DIST === undefined && (await (await fetch(own)).text()).includes('id="app"');
  return {
    page: isServed ? own : front.origin,
    url: `ws://127.0.0.1:${address.port}`,
    front,
    async stop() {
      child.kill("SIGKILL");
      await ended(child);
      await front.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Reads where a server listens from what it says. */
async function addressOf(child) {
  const said = [];
  const port = new Promise((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on("line", (line) => {
        said.push(line);
        const match = /\bws:\/\/127\.0\.0\.1:(\d+)/.exec(line);
        if (match) {
          resolve(Number(match[1]));
        }
      });
    }
    child.once("exit", () => reject(new Error(`the server ended:\n${said.join("\n")}`)));
  });
  return { port: await port };
}

/**
 * Stands before a server: gives the files of the page, and passes connections on. By it a test can take the server
 * away from the page.
 */
class Front {
  server = undefined;
  #isCut = false;
  #http;
  #sockets = new Set();

  static async listen() {
    const front = new Front();
    front.#http = createServer((request, response) => front.#file(request, response));
    front.#http.on("upgrade", (request, socket, head) => front.#pass(request, socket, head));
    front.#http.listen(0, "127.0.0.1");
    await once(front.#http, "listening");
    front.origin = `http://127.0.0.1:${front.#http.address().port}`;
    return front;
  }

  /** Cuts all connections, and refuses others until `mend`. */
  cut() {
    this.#isCut = true;
    this.#sockets.forEach((socket) => socket.destroy());
  }

  /** Passes on nothing more of what the page says on the connections that it has. */
  hold() {
    this.#sockets.forEach((socket) => socket.pause());
  }

  mend() {
    this.#isCut = false;
  }

  async close() {
    this.cut();
    this.#http.close();
    this.#http.closeAllConnections();
    await once(this.#http, "close");
  }

  #file(request, response) {
    const { pathname } = new URL(request.url, "http://localhost");
    const path = join(DIST, normalize(pathname === "/" ? "/index.html" : pathname));
    if (!path.startsWith(DIST) || !existsSync(path) || !statSync(path).isFile()) {
      response.writeHead(404).end();
      return;
    }
    const type = TYPES[extname(path)] ?? "application/octet-stream";
    response.writeHead(200, { "content-type": type, "content-security-policy": POLICY });
    createReadStream(path).pipe(response);
  }

  #pass(request, socket, head) {
    if (this.#isCut) {
      socket.destroy();
      return;
    }
    const other = connect(this.server.port, "127.0.0.1");
    this.#sockets.add(socket);
    const end = () => {
      this.#sockets.delete(socket);
      socket.destroy();
      other.destroy();
    };
    for (const one of [socket, other]) {
      one.on("error", end).on("close", end);
    }
    const lines = request.rawHeaders.flatMap((name, at, all) => (at % 2 ? [] : [`${name}: ${all[at + 1]}`]));
    other.write(`GET ${request.url} HTTP/1.1\r\n${lines.join("\r\n")}\r\n\r\n`);
    other.write(head);
    socket.pipe(other).pipe(socket);
  }
}

/** A Redis on a port of its own, whose data is lost when it stops. */
export async function startRedis(port) {
  const folder = mkdtempSync(join(tmpdir(), "explorer-redis-"));
  const args = ["--port", String(port), "--save", "", "--appendonly", "no", "--dir", folder];
  const child = spawn("redis-server", args, { stdio: ["ignore", "pipe", "ignore"] });
  const said = [];
  let isReady = false;
  for await (const line of createInterface({ input: child.stdout })) {
    said.push(line);
    if (line.includes("Ready to accept connections")) {
      isReady = true;
      break;
    }
  }
  assert.ok(isReady, `redis-server ended:\n${said.join("\n")}`);
  child.stdout.resume();
  return {
    async stop() {
      child.kill("SIGKILL");
      await ended(child);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Sends commands to a Redis in its own protocol, and gives when they are all answered. */
export class RedisWriter {
  #socket;
  #answers = 0;
  #wanted = 0;
  #tell = () => undefined;

  static async connect(port) {
    const writer = new RedisWriter();
    writer.#socket = connect(port, "127.0.0.1");
    await once(writer.#socket, "connect");
    // Only commands are sent that are answered by one line.
    writer.#socket.on("data", (part) => {
      assert.ok(!part.includes("\n-") && part[0] !== 45, String(part));
      writer.#answers += part.toString("latin1").split("\r\n").length - 1;
      writer.#tell();
    });
    return writer;
  }

  async send(...commands) {
    this.#wanted += commands.length;
    this.#socket.write(
      commands
        .map((words) => `*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join("")}`)
        .join(""),
    );
    while (this.#answers < this.#wanted) {
      await new Promise((resolve) => (this.#tell = resolve));
    }
  }

  close() {
    this.#socket.destroy();
  }
}

/** A ticker as its writer writes it. */
export function ticker(symbol, exchange, price) {
  return JSON.stringify({ symbol, exchange, price, volume: 1000, time: Date.now() / 1000 });
}

/** A browser with a profile of its own. */
export async function startBrowser() {
  return chromium.launch({ executablePath: CHROMIUM, args: FLAGS });
}

/**
 * Opens a page. All that it does wrong is kept, for `assertClean`: what it says on the console, requests elsewhere,
 * and what the policy forbids.
 */
export async function openPage(browser, address, { theme = "light", width = 1440, height = 900, ...rest } = {}) {
  const context = await browser.newContext({ viewport: { width, height }, colorScheme: theme, locale: "en-GB", ...rest });
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  const faults = [];
  const { host } = new URL(address);
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) {
      faults.push(`console: ${message.text()} (${message.location().url})`);
    }
  });
  page.on("pageerror", (error) => faults.push(`error: ${error.stack}`));
  const look = (url) => {
    const { host: other, protocol } = new URL(url);
    if (other !== host && protocol !== "data:" && protocol !== "blob:") {
      faults.push(`request elsewhere: ${url}`);
    }
  };
  page.on("request", (request) => look(request.url()));
  page.on("websocket", (socket) => look(socket.url()));
  await page.exposeFunction("tellFault", (text) => faults.push(text));
  await page.addInitScript(() => {
    document.addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI }) => {
      window.tellFault(`the policy forbids: ${violatedDirective} ${blockedURI}`);
    });
  });
  await page.goto(address);
  return Object.assign(page, {
    faults,
    /** Fails if the page did something wrong; a test may expect some of it. */
    assertClean(expected = /^$/) {
      assert.deepEqual(
        faults.filter((fault) => !expected.test(fault)),
        [],
      );
    },
  });
}
