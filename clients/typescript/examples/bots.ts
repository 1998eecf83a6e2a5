// The bots, and which of them keeps the others from which pair.
//
// Start `fullon-cache-api demo`, or name another server by FULLON_CACHE_API_URL, then:
//
//     npm run example bots

import { Client } from "fullon-cache-api";

const client = new Client();
for (const [bot, feeds] of Object.entries(await client.getBots())) {
  console.log(
    bot,
    Object.entries(feeds).map(([name, { status }]) => `${name} ${status}`),
  );
}

const blocker = await client.isBlocked("binance", "BTC/USDT");
console.log("BTC/USDT on binance is", blocker === null ? "free" : `blocked by ${blocker}`);

// A stream begins with all that there is: what `getBlocks` would answer comes first.
let left = 5;
for await (const block of client.streamBlocks()) {
  const pair = `${block.symbol} on ${block.exchange}`;
  console.log(block.removed ? `${pair} is free again` : `${pair} is blocked by ${block.bot_id}`);
  if (!block.snapshot && --left === 0) {
    break;
  }
}
client.close();
