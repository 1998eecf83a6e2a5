// A server that wants a login: what the page shows before, with and after one.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { openPage, run, startBrowser, startServer } from "./world.mjs";

let server, browser, token, one, two;
before(async () => {
  const account = ["--scope", "market", "--scope", "account", "--user-id"];
  const made = await Promise.all([
    run("token", "new", "desk", "--scope", "market"),
    run("token", "new", "one", ...account, "1001"),
    run("token", "new", "two", ...account, "7"),
  ]);
  [token, one, two] = made.map(({ out }) => out);
  const config = made.map(({ err }) => err.slice(err.indexOf("[["))).join("\n");
  [server, browser] = await Promise.all([startServer({ config }), startBrowser()]);
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

/** What the page keeps or shows of the token anywhere but in its field. */
const traces = (page, token) =>
  page.evaluate(
    (token) => [location.href, JSON.stringify(localStorage), document.body.innerText].filter((text) => text.includes(token)),
    token,
  );

async function logIn(page, text, isKept = false) {
  await page.getByLabel("Token").fill(text);
  if (isKept) {
    await page.getByLabel(/^Keep it/).check();
  }
  await page.getByRole("button", { name: "Log in" }).click();
}

test("a bad token is refused, a good one shows what it is for", async () => {
  const page = await openPage(browser, server.page);
  await page.getByRole("heading", { name: "Log in" }).waitFor();
  await logIn(page, "fca_wrong");
  await page.locator(".error-text").filter({ hasText: /./ }).waitFor();
  await logIn(page, token);
  await page.locator(".market-tickers tbody tr").nth(3).waitFor();
  // This one is for the market alone.
  for (const panel of ["positions", "bots", "blocks", "health", "queues"]) {
    await page.locator(`.market-${panel} .quiet`, { hasText: "Not for this login" }).waitFor();
  }
  assert.deepEqual(await traces(page, token), []);
  assert.equal(await page.evaluate(() => JSON.stringify(sessionStorage)), "{}");

  await page.evaluate(() => (location.hash = "#/op/get_ticker"));
  await page.getByRole("heading", { level: 1, name: "get_ticker" }).waitFor();
  await page.getByText("FULLON_CACHE_API_TOKEN").first().waitFor();
  assert.deepEqual(await traces(page, token), []);

  await page.getByRole("button", { name: "desk" }).click();
  await page.getByRole("button", { name: "Log out" }).click();
  await page.getByRole("heading", { name: "Log in" }).waitFor();
  page.assertClean();
  await page.context().close();
});

test("who wants it stays logged in over a reload, and no longer than the tab", async () => {
  const page = await openPage(browser, server.page);
  await logIn(page, token, true);
  await page.locator(".market-tickers tbody tr").nth(3).waitFor();
  await page.reload();
  await page.locator(".market-tickers tbody tr").nth(3).waitFor();
  assert.deepEqual(await traces(page, token), []);
  const other = await page.context().newPage();
  await other.goto(server.page);
  await other.getByRole("heading", { name: "Log in" }).waitFor();
  page.assertClean();
  await page.context().close();
});

test("a token that was kept is used when the server is there, however late", async () => {
  const page = await openPage(browser, server.front.origin);
  await logIn(page, token, true);
  await page.locator(".market-tickers tbody tr").nth(3).waitFor();
  await page.clock.install();
  server.front.cut();
  await page.reload();
  await page.locator(".connection").getByText("Lost").waitFor();
  // No call waits as long as that.
  await page.clock.runFor(15_000);
  server.front.mend();
  await page.locator(".market-tickers tbody tr").nth(3).waitFor();
  await page.getByRole("button", { name: "desk" }).waitFor();
  page.assertClean(/WebSocket connection to/);
  await page.context().close();
});

test("who logs in in another's place sees nothing of the other's, and what is their own again", async () => {
  const s = JSON.stringify([["stream_positions", { user_id: "1001" }]]);
  const page = await openPage(browser, `${server.page}/#/streams?${new URLSearchParams({ s })}`);
  const rows = page.locator(".stream-panel tbody tr");
  await logIn(page, one);
  await rows.first().waitFor();
  await page.getByRole("button", { name: "one" }).click();
  await logIn(page, two);
  await page.locator(".stream-panel").getByRole("alert").waitFor();
  assert.equal(await rows.count(), 0);
  await page.getByRole("button", { name: "two" }).click();
  await logIn(page, one);
  await rows.first().waitFor();
  page.assertClean();
  await page.context().close();
});

test("what was typed into a form is there again after a login", async () => {
  const page = await openPage(browser, `${server.page}/#/op/get_trades`);
  await logIn(page, token);
  // The address has none of what means no params.
  await page.getByLabel("limit", { exact: true }).fill("12x");
  await page.getByRole("button", { name: "desk" }).click();
  await page.getByRole("button", { name: "Log out" }).click();
  await page.getByRole("heading", { name: "Log in" }).waitFor();
  await logIn(page, token);
  await page.waitForFunction(() => [...document.querySelectorAll("input")].some(({ value }) => value === "12x"));
  page.assertClean();
  await page.context().close();
});

test("what comes of a login after its user logged out changes nothing", async () => {
  const page = await openPage(browser, server.front.origin);
  await logIn(page, one);
  await page.locator(".market-tickers tbody tr").nth(3).waitFor();
  await page.getByRole("button", { name: "one" }).click();
  server.front.hold();
  await logIn(page, two);
  await page.getByRole("button", { name: "Logging in" }).waitFor();
  await page.getByRole("button", { name: "Log out" }).click();
  await page.getByRole("heading", { name: "Log in" }).waitFor();
  assert.equal(await page.getByText("has ended").count(), 0);
  await logIn(page, two);
  await page.getByRole("button", { name: "two" }).waitFor();
  page.assertClean();
  await page.context().close();
});
