import type { Operation } from "../src/server/types";

/** An operation for tests. */
export function operation(change: Partial<Operation> = {}): Operation {
  return {
    name: "get_ticker",
    kind: "read",
    domain: "tickers",
    summary: "The latest ticker.",
    description: "One pair.",
    params: {
      type: "object",
      additionalProperties: false,
      required: ["exchange", "symbol"],
      properties: {
        exchange: { type: "string", minLength: 1, description: "An exchange." },
        symbol: { type: "string", minLength: 1 },
        limit: { type: "integer", minimum: 1, maximum: 10, default: 5 },
        user_id: { type: ["string", "integer", "null"] },
        symbols: { type: "array", items: { type: "string" }, default: [] },
        process_type: { anyOf: [{ type: "string", enum: ["tick", "bot"] }, { type: "null" }] },
        snapshot: { type: "boolean", default: true },
        min_interval_ms: { type: "integer", minimum: 0, maximum: 9007199254740991, default: 0 },
        resume: { anyOf: [{ type: "object" }, { type: "null" }] },
      },
    },
    paging: [],
    update_type: null,
    keys: { tickers: "tickers:{exchange}" },
    commands: ["HGET"],
    channel: null,
    poll_interval_ms: 1000,
    push: null,
    scope: "market",
    owner: null,
    errors: [],
    examples: [{ exchange: "binance", symbol: "BTC/USDT" }],
    ...change,
  };
}
