// The last trades, then every new one, and whether any was missed.
//
// Start `fullon-cache-api demo`, or name another server by FULLON_CACHE_API_URL, then:
//
//     npm run example trades

import { Client, type Trade } from "fullon-cache-api";

function show({ symbol, side, volume, price }: Trade): void {
  console.log(`${symbol} ${side} ${volume} at ${price}`);
}

const client = new Client();
(await client.getTrades("BTC/USDT", "binance", 5)).forEach(show);

// Trades are a log: each counts. With events the stream tells where some may be missing, e.g. after the
// connection was lost for too long; without, it throws `StreamGap` there.
console.log("What is traded from now on:");
const trades = client.streamTradeUpdates("binance", undefined, { snapshot: false, events: true });
let left = 8;
for await (const item of trades) {
  if (item.type === "trade_update") {
    show(item);
    left -= 1;
  } else if (item.type === "gap") {
    console.log(`!! ${item.from} to ${item.to} may be missing: ask getTrades for them`);
  } else {
    console.log(`-- ${item.type}`);
  }
  if (left === 0) {
    break;
  }
}
client.close();
