// Logs in: by a token of the environment, by one that is fetched, and by a bad one.
//
// Put what `fullon-cache-api token new me --scope market` prints into a `fullon-cache-api.toml`, start
// `fullon-cache-api demo` beside that file, then:
//
//     FULLON_CACHE_API_TOKEN=fca_… npm run example login

import { Client, Forbidden, Unauthenticated } from "fullon-cache-api";

// The token in FULLON_CACHE_API_TOKEN is found without a word.
const client = new Client();
const ticker = await client.getTicker("binance", "BTC/USDT");
console.log(`BTC/USDT: ${ticker.price}`);
try {
  await client.getPositions(1001);
} catch (error) {
  if (!(error instanceof Forbidden)) throw error;
  console.log("The token is good, but not for that:", error.message);
}
client.close();

/** Asks for a token where yours come from. It is called whenever the client needs one. */
async function fetchToken(): Promise<string> {
  return process.env.FULLON_CACHE_API_TOKEN ?? "";
}

// A function is asked at every connection, and before a login ends: so streams outlive tokens.
const renewing = new Client(undefined, { token: fetchToken });
const { name, scopes, expires } = await renewing.authenticate(await fetchToken());
console.log(`${name} may read ${scopes.join(", ")} until ${expires}`);
renewing.close();

const stranger = new Client(undefined, { token: "fca_wrong" });
try {
  await stranger.connect();
} catch (error) {
  if (!(error instanceof Unauthenticated)) throw error;
  console.log("The token is bad:", error.message);
}
