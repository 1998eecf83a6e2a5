import assert from "node:assert/strict";
import { test } from "node:test";
import { beginRouting, route, setQuery } from "../src/route";

/** What a browser has, as far as routing looks at it: a change of the address is told later. */
const location = { hash: "#/a" };
let tell: () => void = () => undefined;
Object.assign(globalThis, {
  location,
  history: {
    replaceState: (_: unknown, __: string, hash: string) => {
      location.hash = hash;
    },
  },
  addEventListener: (_: string, listener: () => void) => {
    tell = listener;
  },
});

test("the query is written at once, then not too often, and over nothing that was gone to", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  beginRouting();
  setQuery({ q: "x" });
  assert.equal(location.hash, "#/a?q=x");

  setQuery({ q: "xy" });
  setQuery({ q: "xyz" });
  assert.equal(location.hash, "#/a?q=x");
  assert.equal(route.value.query["q"], "xyz");
  t.mock.timers.tick(1000);
  assert.equal(location.hash, "#/a?q=xyz");

  setQuery({ q: "late" });
  location.hash = "#/b";
  t.mock.timers.tick(1000);
  assert.equal(location.hash, "#/b");
  tell();
  assert.deepEqual(route.value, { path: "/b", query: {} });
});
