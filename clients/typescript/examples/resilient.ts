// A stream that goes on when its connection is lost, and tells what happens to it.
//
// Start `fullon-cache-api demo`, or name another server by FULLON_CACHE_API_URL, then:
//
//     npm run example resilient

import { Client, NodeWebSocket } from "fullon-cache-api";

// This is how to get hold of the connection; here, to break it.
let socket: NodeWebSocket | undefined;
const client = new Client(undefined, {
  webSocket: (url, protocols) => (socket = new NodeWebSocket(url, protocols)),
});

const stream = client.streamTickers("binance", ["BTC/USDT"], { events: true });
let left = 4;
for await (const item of stream) {
  if (item.type !== "ticker_update") {
    // `reconnecting`, then `fresh`. There is a `gap` too if the server cannot tell what was missed.
    console.log(`-- ${item.type}`);
    continue;
  }
  console.log(`${item.symbol} ${item.removed ? "is gone" : item.price}`);
  left -= 1;
  if (left === 2) {
    socket?.close();
  }
  if (left === 0) {
    break;
  }
}

// A later stream, of another process too, goes on where this one ended: it yields only what changed since.
const later = client.streamTickers("binance", ["BTC/USDT"], { resume: stream.position });
for await (const update of later) {
  console.log(later.settings?.resumed ? "Resumed:" : "Begun anew:", update.update_id);
  break;
}
client.close();
