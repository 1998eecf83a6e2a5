import { callText, split, type Language, type StreamOptions, type Wanted } from "./types";

export const typescript: Language = { id: "typescript", name: "TypeScript", write };

function write(wanted: Wanted): string {
  const { operation, url, isLoggedIn } = wanted;
  const { own, options } = split(wanted);
  const args = argumentsOf(wanted, own, optionsText(wanted, options));
  const isStream = operation.kind === "stream";
  const start = isStream ? "const updates = client" : "const result = await client";
  const call = callText(`${start}.${camel(operation.name)}`, args, { indent: "", step: "  " });
  const body =
    isStream
      ? [`${call};`, "for await (const update of updates) {", "  console.log(update);", "}"]
      : [`${call};`, "console.log(result);"];
  return [
    `import { Client } from "fullon-cache-api";`,
    "",
    ...(isLoggedIn ? ["// The token is read from FULLON_CACHE_API_TOKEN."] : []),
    `const client = new Client(${JSON.stringify(url)});`,
    ...body,
    "client.close();",
    "",
  ].join("\n");
}

/** In their order, with `undefined` for what is left out before another. */
function argumentsOf(
  { operation }: Wanted,
  own: readonly [string, unknown][],
  options: string | undefined,
): string[] {
  const given = new Map(own);
  const shared = operation.kind === "stream" ? ["snapshot", "min_interval_ms", "resume"] : operation.paging;
  const names = Object.keys(operation.params.properties ?? {}).filter((name) => !shared.includes(name));
  const texts = names.map((name) => (given.has(name) ? JSON.stringify(given.get(name)) : "undefined"));
  if (options !== undefined) {
    return [...texts, options];
  }
  const last = texts.findLastIndex((text) => text !== "undefined");
  return texts.slice(0, last + 1);
}

/** What is told beside the params; what asks for a part of a result is among it. */
function optionsText({ operation, params }: Wanted, options: StreamOptions): string | undefined {
  const { snapshot, minIntervalMs, resume } = options;
  const paging = operation.paging.filter((name) => params[name] != null);
  const members = [
    ...paging.map((name) => `${name}: ${JSON.stringify(params[name])}`),
    ...(snapshot === false ? ["snapshot: false"] : []),
    ...(minIntervalMs ? [`minIntervalMs: ${minIntervalMs}`] : []),
    ...(resume === undefined ? [] : [`resume: ${JSON.stringify(resume)}`]),
  ];
  return members.length > 0 ? `{ ${members.join(", ")} }` : undefined;
}

function camel(name: string): string {
  return name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
}
