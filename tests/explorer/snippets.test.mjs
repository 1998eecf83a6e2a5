// The programs that the page writes are good ones: TypeScript takes the types of all, and those that ask for a part of a
// result are run in every language.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { BINARY, freePort, RedisWriter, run, startRedis, startServer } from "./world.mjs";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const EXPLORER = join(ROOT, "explorer");
const CLIENT = join(ROOT, "clients/typescript/src");
const ENV = { ...process.env, PATH: `${dirname(BINARY)}${delimiter}${process.env.PATH}` };

let redis, server, folder, operations, write;

/** Stores what a recorded session did, of which nothing changes while programs are compared. */
async function fill(port) {
  const lines = readFileSync(join(ROOT, "tests/fixtures/trading_session.jsonl"), "utf8").trim().split("\n");
  const writer = await RedisWriter.connect(port);
  await writer.send(...lines.map((line) => JSON.parse(line).cmd).filter(([name]) => name !== "PUBLISH"));
  writer.close();
}

/** Runs a program, and gives what it says. */
async function said(program, ...args) {
  try {
    return (await promisify(execFile)(program, args, { cwd: folder, env: ENV })).stdout;
  } catch ({ message, stdout }) {
    assert.fail(`${message}\n${stdout}`);
  }
}

/** Makes ready-to-run files of TypeScript. */
function bundle(...args) {
  const flags = ["--bundle", "--format=esm", "--platform=node", "--target=node20", "--log-level=warning"];
  return said(join(EXPLORER, "node_modules/.bin/esbuild"), ...flags, ...args);
}

before(async () => {
  folder = mkdtempSync(join(tmpdir(), "explorer-snippets-"));
  const redisPort = await freePort();
  redis = await startRedis(redisPort);
  await fill(redisPort);
  server = await startServer({ redisPort });
  const described = await run("call", "describe", "--url", server.url);
  ({ operations } = JSON.parse(described.out));
  const own = join(folder, "snippets.mjs");
  await bundle(join(EXPLORER, "src/snippets/index.ts"), `--alias:client=${CLIENT}`, `--outfile=${own}`);
  const { languageOf, writeSnippet } = await import(own);
  write = (id, operation, params) =>
    writeSnippet(languageOf(id), { operation, params, url: server.url, isLoggedIn: false }, () => false);
});

after(async () => {
  await server?.stop();
  await redis?.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** What is asked of an operation: its examples, and where that is possible parts of what comes of the first. */
async function asked({ name, examples, paging }) {
  const all = [...examples];
  if (paging.length === 0) {
    return all;
  }
  const part = { ...examples[0], limit: 1 };
  const { err } = await run("call", name, "-d", JSON.stringify(part), "--url", server.url);
  const [, cursor] = /cursor=(.*)/.exec(err) ?? [];
  all.push(part, { ...part, cursor: null });
  if (cursor !== undefined) {
    all.push({ ...examples[0], cursor }, { ...part, cursor });
  }
  return all;
}

test("TypeScript takes the types of every program", async () => {
  const sources = join(folder, "types");
  mkdirSync(sources);
  for (const operation of operations) {
    const params = await asked(operation);
    params.forEach((one, at) => writeFileSync(join(sources, `${operation.name}-${at}.ts`), write("typescript", operation, one)));
  }
  const compilerOptions = {
    strict: true,
    exactOptionalPropertyTypes: true,
    noEmit: true,
    target: "es2022",
    module: "esnext",
    moduleResolution: "bundler",
    lib: ["es2022", "dom"],
    types: ["node"],
    typeRoots: [join(EXPLORER, "node_modules/@types")],
    paths: { "fullon-cache-api": [join(CLIENT, "index.ts")] },
  };
  writeFileSync(join(sources, "tsconfig.json"), JSON.stringify({ compilerOptions, include: ["*.ts"] }));
  await said(join(EXPLORER, "node_modules/.bin/tsc"), "-p", sources);
});

test("programs that ask for a part have it, in every language", async () => {
  const programs = [];
  for (const operation of operations.filter(({ paging }) => paging.length > 0)) {
    const params = await asked(operation);
    programs.push(...params.map((one, at) => ({ operation, params: one, name: `${operation.name}-${at}` })));
  }
  const withCursor = programs.filter(({ params }) => params.cursor);
  assert.ok(new Set(withCursor.map(({ operation }) => operation.name)).size >= 4, "hardly anything has parts");

  const sources = programs.map(({ name, operation, params }) => {
    const source = join(folder, `${name}.ts`);
    const text = write("typescript", operation, params);
    writeFileSync(source, text.replace("console.log(result)", "console.log(JSON.stringify(result))"));
    return source;
  });
  const programsFolder = join(folder, "programs");
  const alias = `--alias:fullon-cache-api=${join(CLIENT, "index.ts")}`;
  await bundle(...sources, alias, `--outdir=${programsFolder}`, "--out-extension:.js=.mjs");
  for (const { name, operation, params } of programs) {
    const python = write("python", operation, params).replace("print(result)", "print(__import__('json').dumps(result))");
    const results = await Promise.all([
      said("node", join(programsFolder, `${name}.mjs`)),
      said("python", "-c", python),
      said("sh", "-c", write("cli", operation, params)),
    ]);
    const what = `${operation.name} ${JSON.stringify(params)}`;
    const [own, ...others] = results.map((text) => JSON.parse(text));
    others.forEach((other) => assert.deepEqual(other, own, what));
    assert.ok(Object.keys(own).length <= (params.limit ?? Infinity), what);
  }
});
