/** What the types promise. It is compiled, not run. */
import { Client, type StreamOptions } from "fullon-cache-api";

export async function followWithout(client: Client): Promise<void> {
  for await (const update of client.streamTickers("binance", ["BTC/USDT"])) {
    const id: number = update.update_id;
    if (update.removed) {
      const symbol: string = update.symbol;
      // @ts-expect-error: what is removed has no price
      void [id, symbol, update.price];
    } else {
      const price: number | null = update.price;
      void price;
    }
  }
}

export async function followWith(client: Client): Promise<void> {
  for await (const item of client.streamTickers("binance", undefined, { events: true })) {
    switch (item.type) {
      case "ticker_update":
        void item.update_id;
        break;
      case "gap":
        void [item.from, item.to];
        break;
      case "stale":
        void item.since;
        break;
      case "reconnecting":
        void item.error.message;
        break;
      case "fresh":
        break;
      case "warning":
        void item.code;
        break;
      default: {
        const nothing: never = item;
        void nothing;
      }
    }
  }
}

export async function followPerhaps(client: Client, options: StreamOptions): Promise<void> {
  for await (const item of client.streamTickers("binance", undefined, options)) {
    // @ts-expect-error: it may be an event
    void item.update_id;
  }
  // @ts-expect-error: there is no such option
  client.streamTickers("binance", [], { evnts: true });
  client.on("state", (state) => {
    if (state.status === "closed") {
      void state.error?.message;
    }
  });
}
