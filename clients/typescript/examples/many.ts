// Many streams and requests at once, on one connection.
//
// Start `fullon-cache-api demo`, or name another server by FULLON_CACHE_API_URL, then:
//
//     npm run example many

import { Client, type Ticker } from "fullon-cache-api";

const SYMBOL = "BTC/USDT";

const client = new Client();
const exchanges = await client.getExchanges();
const tickers = await Promise.all(exchanges.map((name) => client.getTicker(name, SYMBOL)));
const ask = (ticker: Ticker): number => ticker.ask ?? Infinity;
const cheapest = tickers.reduce((best, ticker) => (ask(ticker) < ask(best) ? ticker : best));
console.log(`${SYMBOL} is to be had for ${cheapest.ask} on ${cheapest.exchange}`);

await Promise.all([...exchanges.map(followPrice), followBlocks()]);
client.close();

async function followPrice(exchange: string): Promise<void> {
  let left = 5;
  for await (const ticker of client.streamTickers(exchange, [SYMBOL])) {
    console.log(`${exchange}: ${ticker.removed ? "gone" : ticker.price}`);
    if (--left === 0) {
      break;
    }
  }
}

async function followBlocks(): Promise<void> {
  let left = 5;
  for await (const block of client.streamBlocks({ snapshot: false })) {
    if (block.removed) {
      continue;
    }
    // Requests are answered between the updates.
    const { bot_id, status } = await client.getBotStatus(block.bot_id);
    console.log(`${bot_id} (${status}) blocks ${block.symbol} on ${block.exchange}`);
    if (--left === 0) {
      break;
    }
  }
}
