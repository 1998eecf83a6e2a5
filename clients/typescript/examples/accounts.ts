// What a user holds, then every change of it.
//
// Start `fullon-cache-api demo`, or name another server by FULLON_CACHE_API_URL, then:
//
//     npm run example accounts

import { Client } from "fullon-cache-api";

const USER = 1001;

const client = new Client();
for (const { symbol, side, volume } of await client.getPositions(USER)) {
  console.log(`${symbol.padEnd(10)} ${side.padEnd(5)} ${volume}`);
}
for (const { currency, total } of await client.getBalances(USER)) {
  console.log(`${currency.padEnd(10)} ${total}`);
}

console.log("What changes:");
const positions = followPositions();
await followBalances();
client.close(); // ends the other stream too
await positions;

async function followPositions(): Promise<void> {
  for await (const position of client.streamPositions(USER, { snapshot: false })) {
    if (position.removed) {
      console.log(`${position.symbol} is closed`);
    } else {
      console.log(`${position.symbol} is ${position.side} ${position.volume}`);
    }
  }
}

async function followBalances(): Promise<void> {
  const known = new Map<string, number | null | undefined>();
  let left = 3;
  for await (const balance of client.streamBalances(USER)) {
    const { currency } = balance;
    const available = balance.removed ? 0 : balance.available;
    // An account that was read again is an update too, of its `timestamp`.
    if (!balance.snapshot && available !== known.get(currency)) {
      console.log(`${currency}: ${available} are available`);
      left -= 1;
    }
    known.set(currency, available);
    if (left === 0) {
      break;
    }
  }
}
