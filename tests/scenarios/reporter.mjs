// Does what it is told by way of the TypeScript client, and reports what it sees; see `run.py`.
import { createInterface } from "node:readline";

import { CacheApiError, Client } from "../../clients/typescript/dist/fullon-cache-api.js";

const EVENTS = ["reconnecting", "stale", "fresh", "gap", "warning"];
const streams = new Map();
let client;
let maxQueue;

function seen({ done, value }) {
  if (done) {
    return { seen: "end" };
  }
  if (!EVENTS.includes(value.type)) {
    return { ...value, seen: "update" };
  }
  const { type, code, item } = value;
  return { seen: type, ...(type === "warning" && { code, item }) };
}

const commands = {
  async connect({ url, token, tokens, timeout_ms, max_queue, pause_ms }) {
    const left = [...(tokens ?? [])];
    maxQueue = max_queue;
    client = new Client(url, {
      token: tokens ? () => (left.length > 1 ? left.shift() : left[0]) : token,
      timeoutMs: timeout_ms,
      backoff: { maxMs: pause_ms },
    });
    await client.connect();
    return { seen: "connected" };
  },
  async call({ operation, params }) {
    return { seen: "result", value: await client.call(operation, params) };
  },
  async pages({ operation, params }) {
    const value = [];
    for await (const page of client.pages(operation, params)) {
      value.push(page);
    }
    return { seen: "result", value };
  },
  async open({ stream, operation, params, snapshot, events }) {
    const name = operation.replace(/_(.)/g, (_, one) => one.toUpperCase());
    const own = Object.values(params);
    own.length = client[name].length - 1;
    streams.set(stream, client[name](...own, { snapshot, events, maxQueue }));
    return { seen: "opening" };
  },
  async take({ stream }) {
    return seen(await streams.get(stream).next());
  },
  async leave({ stream }) {
    await streams.get(stream).close();
    return { seen: "left" };
  },
  async close() {
    client.close();
    return { seen: "closed" };
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line);
  let answer;
  try {
    answer = await commands[command.do](command);
  } catch (error) {
    if (!(error instanceof CacheApiError)) {
      throw error;
    }
    answer = { seen: "error", code: error.code, retryable: error.retryable };
  }
  console.log(JSON.stringify(answer));
}
process.exit();
