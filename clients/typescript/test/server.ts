/** Real servers for the tests: this API's, and a Redis to read. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, writeFileSync } from "node:fs";
import { createConnection, createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

const BINARY = process.env["FULLON_CACHE_API_BINARY"] ?? "../../target/release/fullon-cache-api";

/** A port that nobody listens on. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

/** A program that runs until it is stopped. */
class Running {
  constructor(protected readonly child: ChildProcess) {}

  signal(name: NodeJS.Signals): void {
    this.child.kill(name);
  }

  async stop(signal: NodeJS.Signals = "SIGKILL"): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) {
      this.child.kill(signal);
      await once(this.child, "exit");
    }
  }
}

/** A server of this API. */
export class Server extends Running {
  private constructor(
    child: ChildProcess,
    readonly url: string,
  ) {
    super(child);
  }

  /** Serves a simulated market, or with `redis` what that has. */
  static async start(
    options: { port?: number; redis?: Redis; set?: readonly string[]; config?: string } = {},
  ): Promise<Server> {
    const { port = 0, redis, set = [], config = "" } = options;
    const args = redis
      ? ["serve", "--redis-url", `redis://127.0.0.1:${redis.port}`]
      : ["demo", "--seed", "7"];
    args.push("--port", String(port), ...set.flatMap((one) => ["--set", one]));
    const cwd = mkdtempSync(join(tmpdir(), "fullon-cache-api-"));
    writeFileSync(join(cwd, "fullon-cache-api.toml"), config);
    const binary = join(process.cwd(), BINARY);
    const child = spawn(BINARY.startsWith("/") ? BINARY : binary, args, { cwd });
    let said = "";
    const url = await new Promise<string>((resolve, reject) => {
      const hear = (bytes: Buffer): void => {
        said += bytes.toString();
        const heard = /listening on (ws:\/\/\S+)/.exec(said);
        if (heard?.[1]) {
          resolve(heard[1]);
        }
      };
      child.stdout.on("data", hear);
      child.stderr.on("data", hear);
      child.once("error", reject);
      child.once("exit", () => reject(new Error(`the server did not start: ${said}`)));
    });
    return new Server(child, url);
  }
}

/** A Redis of its own, which keeps nothing. */
export class Redis extends Running {
  private constructor(
    child: ChildProcess,
    readonly port: number,
  ) {
    super(child);
  }

  static async start(port?: number): Promise<Redis> {
    const chosen = port ?? (await freePort());
    const args = ["--port", String(chosen), "--save", "", "--bind", "127.0.0.1"];
    const cwd = mkdtempSync(join(tmpdir(), "redis-"));
    const child = spawn("redis-server", args, { cwd });
    for await (const line of child.stdout) {
      if (String(line).includes("Ready to accept")) {
        break;
      }
    }
    child.stdout.resume();
    return new Redis(child, chosen);
  }

  /** Runs commands, one after another, and waits for the last. */
  async run(...commands: readonly (readonly (string | number)[])[]): Promise<void> {
    const socket = createConnection(this.port, "127.0.0.1");
    for (const command of [...commands, ["ECHO", "done"]]) {
      const parts = command.map((part) => `$${Buffer.byteLength(String(part))}\r\n${part}\r\n`);
      socket.write(`*${command.length}\r\n${parts.join("")}`);
    }
    let answers = "";
    for await (const bytes of socket) {
      answers += String(bytes);
      if (answers.endsWith("\r\ndone\r\n")) {
        break;
      }
    }
    if (/^-/m.test(answers)) {
      throw new Error(`Redis refuses: ${answers}`);
    }
  }
}

/** The next so many of a stream. */
export async function take<Item>(stream: AsyncIterator<Item>, count: number): Promise<Item[]> {
  const items: Item[] = [];
  while (items.length < count) {
    const { done, value } = await stream.next();
    if (done) {
      break;
    }
    items.push(value);
  }
  return items;
}

/** Goes on with a stream until an item is as wanted, and gives all up to that. */
export async function takeUntil<Item>(
  stream: AsyncIterator<Item>,
  isWanted: (item: Item) => boolean,
): Promise<Item[]> {
  const items: Item[] = [];
  for (;;) {
    const { done, value } = await stream.next();
    if (done) {
      throw new Error(`the stream ended after ${JSON.stringify(items.slice(-3))}`);
    }
    items.push(value);
    if (isWanted(value)) {
      return items;
    }
  }
}

export function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** A ticker as the writer stores it, on the exchange `x`. */
export function ticker(symbol: string, price: number): string {
  return JSON.stringify({ symbol, exchange: "x", price });
}

/** A trade as the writer stores it. */
export function trade(id: number): string {
  return JSON.stringify({
    trade_id: id,
    symbol: "A/B",
    side: "buy",
    volume: 1,
    price: id,
    time: id,
  });
}
