// One price, then a live line of some prices.
//
// Start `fullon-cache-api demo`, or name another server by FULLON_CACHE_API_URL, then:
//
//     npm run example tickers

import { Client } from "fullon-cache-api";

const SYMBOLS = ["BTC/USDT", "ETH/USDT", "SOL/USDT"];

const client = new Client();
const ticker = await client.getTicker("binance", "BTC/USDT");
console.log(`BTC/USDT: ${ticker.price}, bid ${ticker.bid}, ask ${ticker.ask}`);

// Of each symbol at most four updates a second, always with the newest price.
const prices = new Map<string, number | null>();
let left = 20;
for await (const update of client.streamTickers("binance", SYMBOLS, { minIntervalMs: 250 })) {
  if (update.removed) {
    prices.delete(update.symbol);
  } else {
    prices.set(update.symbol, update.price);
  }
  const line = [...prices].map(([symbol, price]) => `${symbol} ${price}`).join("   ");
  process.stdout.write(`\r${line.padEnd(80)}`);
  if (--left === 0) {
    break; // leaving the loop ends the stream
  }
}
console.log();
client.close();
