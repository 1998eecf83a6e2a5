// The latest bars, then the newest as it forms.
//
// Start `fullon-cache-api demo`, or name another server by FULLON_CACHE_API_URL, then:
//
//     npm run example bars

import { Client, type Bar } from "fullon-cache-api";

function line([begin, open, high, low, close, volume]: Bar): string {
  const time = new Date(begin * 1000).toTimeString().slice(0, 5);
  return `${time} ${open} ↑ ${high} ↓ ${low} → ${close} (${volume})`;
}

const client = new Client();
for (const bar of await client.getLatestOhlcvBars("BTC/USDT", "1m", 5)) {
  console.log(line(bar));
}

// The bar that forms comes again whenever it changes. When the next begins it comes once more, as `closed`.
console.log("And as they form:");
let left = 3;
for await (const { bar, closed } of client.streamOhlcv("BTC/USDT", "1m", { snapshot: false })) {
  console.log(line(bar), closed ? "closed" : "…");
  if (--left === 0) {
    break;
  }
}
client.close();
