// An order, how many there are, then every change of any.
//
// Start `fullon-cache-api demo`, or name another server by FULLON_CACHE_API_URL, then:
//
//     npm run example orders

import { Client } from "fullon-cache-api";

const client = new Client();
console.log(`${await client.getQueueLength("binance")} orders on binance, open are:`);
for (const order of await client.getOrders("binance", "open")) {
  console.log(`  ${order.order_id}: ${order.side} ${order.symbol}`);
}

// Without an exchange the order is looked for on all of them.
const order = await client.getOrderStatus("EX_BIN_000001");
console.log(`${order.order_id} on ${order.exchange} is ${order.status}`);

let left = 5;
for await (const update of client.streamOrders("binance", { snapshot: false })) {
  if (update.removed) {
    console.log(`${update.order_id} is gone`);
  } else {
    const filled = `${update.filled} of ${update.volume}`;
    console.log(`${update.order_id} is ${update.status}, ${filled} filled`);
  }
  if (--left === 0) {
    break;
  }
}
client.close();
