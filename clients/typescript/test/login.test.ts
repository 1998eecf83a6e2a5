import assert from "node:assert/strict";
import { createHash, createHmac } from "node:crypto";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";

import {
  Client,
  Forbidden,
  NodeWebSocket,
  Unauthenticated,
  type ConnectionState,
} from "fullon-cache-api";

import { Server, sleep, take, takeUntil } from "./server.js";

const SECRET = "a secret of at least thirty-two bytes!";
const STATIC = "fca_a_static_token";
/** For so many seconds longer the server takes a token: clocks differ. */
const LEEWAY = 60;

let server: Server;

before(async () => {
  const key = join(mkdtempSync(join(tmpdir(), "key-")), "secret");
  writeFileSync(key, SECRET);
  const sha256 = createHash("sha256").update(STATIC).digest("hex");
  server = await Server.start({
    config: `
      [auth]
      login_timeout = "1s"
      tokens = [{ name = "static", sha256 = "${sha256}", scopes = ["market"] }]

      [[auth.issuers]]
      issuer = "test"
      audience = "cache"
      algorithms = ["HS256"]
      key_file = "${key}"
      scopes = ["market", "bots", "orders"]
    `,
  });
});

after(() => server.stop());

/** A JSON Web Token that lasts so many seconds. */
function jwt(seconds: number, scope = "market bots", user_ids: string[] = []): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  const exp = Math.floor(Date.now() / 1000) + seconds - LEEWAY;
  const claims = { iss: "test", aud: "cache", sub: "tester", exp, scope, user_ids };
  const signed = `${part({ alg: "HS256", typ: "JWT" })}.${part(claims)}`;
  return `${signed}.${createHmac("sha256", SECRET).update(signed).digest("base64url")}`;
}

/** The states that a client passes through. */
function statesOf(client: Client): ConnectionState["status"][] {
  const states: ConnectionState["status"][] = [];
  client.on("state", ({ status }) => states.push(status));
  return states;
}

test("a token logs in", async (t) => {
  const client = new Client(server.url, { token: STATIC });
  t.after(() => client.close());
  assert.ok((await client.getExchanges()).length > 0);
  await assert.rejects(client.getBots(), Forbidden);
  await assert.rejects(client.streamBlocks().next(), Forbidden);
});

test("the environment names the server and the token where nothing else does", async (t) => {
  process.env["FULLON_CACHE_API_URL"] = server.url;
  process.env["FULLON_CACHE_API_TOKEN"] = STATIC;
  const clients = [new Client(), new Client(undefined, { token: "fca_wrong" })] as const;
  delete process.env["FULLON_CACHE_API_URL"];
  delete process.env["FULLON_CACHE_API_TOKEN"];
  t.after(() => clients.forEach((client) => client.close()));
  assert.ok((await clients[0].getExchanges()).length > 0);
  await assert.rejects(clients[1].ping(), Unauthenticated);
});

test("a bad token ends everything, and says why", async () => {
  const client = new Client(server.url, { token: "fca_wrong" });
  const stream = client.streamTickers("binance");
  await assert.rejects(Promise.all([client.connect(), stream.next()]), Unauthenticated);
  await assert.rejects(client.ping(), Unauthenticated);
  assert.ok(client.state.status === "closed" && client.state.error instanceof Unauthenticated);
});

test("what cannot be a token is a bad one, and an empty one is none", async (t) => {
  const spaced = new Client(server.url, { token: "a b" });
  await assert.rejects(spaced.connect(), Unauthenticated);
  const empty = new Client(server.url, { token: () => "" });
  t.after(() => empty.close());
  await empty.connect();
});

test("a server that wants a login and gets none ends everything", async () => {
  const client = new Client(server.url);
  await assert.rejects(client.getExchanges(), Unauthenticated);
  await new Promise<void>((resolve) => {
    client.on("state", ({ status }) => status === "closed" && resolve());
  });
});

test("who logs in by hand is logged in on the next connection too", async (t) => {
  let last: NodeWebSocket | undefined;
  const client = new Client(server.url, {
    backoff: { maxMs: 50 },
    webSocket: (url, protocols) => (last = new NodeWebSocket(url, protocols)),
  });
  t.after(() => client.close());
  const states = statesOf(client);
  assert.equal((await client.authenticate(jwt(60))).name, "test#tester");
  last?.close();
  await sleep(500);
  assert.ok((await client.getExchanges()).length > 0);
  assert.deepEqual(states, ["connecting", "connected", "reconnecting", "connected"]);
});

test("a login that a function can renew goes on", async (t) => {
  let asked = 0;
  const token = async (): Promise<string> => {
    asked += 1;
    return jwt(3);
  };
  const client = new Client(server.url, { token });
  t.after(() => client.close());
  const states = statesOf(client);
  const stream = client.streamTickers("binance");
  const until = Date.now() + 5000;
  while (Date.now() < until) {
    await stream.next();
  }
  assert.ok(asked >= 3);
  assert.deepEqual(states, ["connecting", "connected"]);
});

test("a login that nobody renews ends everything", async () => {
  const client = new Client(server.url, { token: jwt(2), backoff: { maxMs: 100 } });
  const stream = client.streamTickers("binance");
  await assert.rejects(async () => {
    for await (const update of stream) {
      assert.equal(update.exchange, "binance");
    }
  }, Unauthenticated);
  assert.equal(client.state.status, "closed");
});

test("a stream that the new login may not read throws", async (t) => {
  const client = new Client(server.url, { token: jwt(60) });
  t.after(() => client.close());
  const stream = client.streamBlocks();
  const opened = stream.next();
  const tickers = client.streamTickers("binance");
  await tickers.next();
  await client.authenticate(jwt(60, "market"));
  await assert.rejects(async () => {
    await opened;
    for await (const update of stream) {
      void update;
    }
  }, Forbidden);
  assert.equal((await take(tickers, 3)).length, 3);
});

test("a function that fails is asked again", async (t) => {
  let asked = 0;
  const token = (): string => {
    asked += 1;
    if (asked < 3) {
      throw new Error("no token now");
    }
    return STATIC;
  };
  const client = new Client(server.url, { token, backoff: { maxMs: 50 } });
  t.after(() => client.close());
  assert.ok((await client.getExchanges()).length > 0);
  assert.equal(asked, 3);
});

test("a token may go by a header, for a gateway", async (t) => {
  const by = (token: string): Client =>
    new Client(server.url, {
      webSocket: (url, protocols) =>
        new NodeWebSocket(url, protocols, { headers: { authorization: `Bearer ${token}` } }),
    });
  const client = by(STATIC);
  t.after(() => client.close());
  assert.ok((await client.getExchanges()).length > 0);
  await assert.rejects(by("fca_wrong").ping(), Unauthenticated);
});

test("a stream that shows others' data to a new login is opened anew", async (t) => {
  const client = new Client(server.url, { token: jwt(60, "orders", ["1001"]) });
  t.after(() => client.close());
  const stream = client.streamOrders("binance", { events: true });
  const first = await takeUntil(stream, ({ type }) => type === "order_update");
  await client.authenticate(jwt(60, "orders", ["1002"]));
  const isOthers = (uid: unknown): boolean => uid === "1002";
  const rest = await takeUntil(stream, (item) => "uid" in item && isOthers(item.uid));
  assert.ok(first.every((item) => "uid" in item && item.uid === "1001"));
  assert.equal(rest.filter(({ type }) => type === "gap").length, 1);
});
