// What can go wrong, and how it is caught.
//
// Start `fullon-cache-api demo`, or name another server by FULLON_CACHE_API_URL, then:
//
//     npm run example errors

import {
  CacheApiError,
  CacheMiss,
  CallTimeout,
  Client,
  ConnectionLost,
  InvalidParams,
} from "fullon-cache-api";

const client = new Client();

try {
  await client.getTicker("binance", "NO/SUCH");
} catch (error) {
  if (!(error instanceof CacheMiss)) throw error;
  console.log("Nothing there:", error.message);
}

try {
  await client.getTrades("BTC/USDT", "binance", 0);
} catch (error) {
  if (!(error instanceof InvalidParams)) throw error;
  for (const { path, message } of error.details) {
    console.log(`Wrong at ${path}: ${message}`);
  }
}

try {
  await client.getPosition(1001, "NO/SUCH");
} catch (error) {
  if (!(error instanceof CacheApiError)) throw error; // whatever it is
  console.log(`${error.code}: ${error.retryable ? "try again" : "do not try again"}`);
}

try {
  // A millisecond is hardly enough for so many.
  await client.getLatestOhlcvBars("BTC/USDT", "1m", 10_000, { timeoutMs: 1 });
} catch (error) {
  if (!(error instanceof CallTimeout)) throw error;
  console.log("Too late:", error.message);
}
client.close();

const nobody = new Client("ws://127.0.0.1:1", { timeoutMs: 500 });
try {
  await nobody.ping(); // tries to connect for as long as the call may take
} catch (error) {
  if (!(error instanceof ConnectionLost)) throw error;
  console.log("Nobody there:", error.message);
}
nobody.close();
