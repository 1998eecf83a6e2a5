// Every operation that the server tells of has a page, whose form makes a good request.
import assert from "node:assert/strict";
import { test } from "node:test";

import { openPage, run, startBrowser, startServer } from "./world.mjs";

/** What the examples of some operations come to on a simulated market, if not to a result. */
const EXPECTED = {
  authenticate: "UNAUTHENTICATED", // the example's token is nobody's
  get_process: "CACHE_MISS", // ids of processes hold the time of their begin
  unsubscribe: "INVALID_PARAMS", // there is no stream of that id
};
/** What ends the page's own streams, or its connection, and so comes last. */
const LAST = ["unsubscribe", "unsubscribe_all", "authenticate"];

test("every operation's form is filled from its example and run", async (t) => {
  const [server, browser] = await Promise.all([startServer(), startBrowser()]);
  t.after(async () => {
    await browser.close();
    await server.stop();
  });
  const { out } = await run("call", "describe", "--url", server.url);
  const { operations } = JSON.parse(out);
  const rank = ({ name }) => LAST.indexOf(name);
  const all = operations.sort((a, b) => rank(a) - rank(b));
  const page = await openPage(browser, `${server.page}/#/operations`);
  await page.locator(".operation-link").nth(all.length - 1).waitFor();
  assert.equal(await page.locator(".operation-link").count(), all.length);

  for (const { name, kind, examples, summary } of all) {
    await page.evaluate((hash) => (location.hash = hash), `#/op/${name}`);
    await page.getByRole("heading", { level: 1, name, exact: true }).waitFor();
    if (Object.keys(examples[0]).length > 0) {
      await page.getByRole("button", { name: "Clear" }).click();
      await page.getByRole("button", { name: /^Example( 1)?$/ }).click();
    }
    await page.getByRole("button", { name: kind === "stream" ? "Follow" : "Run", exact: true }).click();
    if (kind === "stream") {
      await page.locator(".messages li, .settings li").first().waitFor();
      assert.equal(await page.locator(".failure").count(), 0, name);
      await page.getByRole("button", { name: "Stop" }).click();
      continue;
    }
    const result = page.locator(".result");
    await result.waitFor();
    if (kind === "read") {
      await result.locator(".timing-parts .part-server").waitFor();
    }
    const failure = result.locator(".failure");
    const said = (await failure.count()) > 0 ? await failure.textContent() : undefined;
    const expected = EXPECTED[name];
    assert.ok(expected ? said?.startsWith(expected) : said === undefined, `${name} (${summary}): ${said}`);
  }
  page.assertClean();
});
