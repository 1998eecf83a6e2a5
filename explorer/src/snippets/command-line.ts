import { isObject, typesOf } from "../validate/validate";
import { requestOf, shellWord, split, type Language, type Wanted } from "./types";

export const commandLine: Language = { id: "cli", name: "Command line", write: writeCommand };
export const websocat: Language = { id: "websocat", name: "websocat", write: writeWebsocat };

function writeCommand(wanted: Wanted): string {
  const { operation, url, isLoggedIn } = wanted;
  const { own, options } = split(wanted);
  const isStream = operation.kind === "stream";
  const pairs = own.map(([name, value]) => pairOf(wanted, name, value));
  const isPlain = isStream || pairs.every((pair) => pair !== undefined);
  const words = [
    "fullon-cache-api",
    isStream ? "watch" : "call",
    operation.name,
    ...(isPlain
      ? pairs.map((pair, at) => shellWord(pair ?? `${own[at]?.[0]}=${JSON.stringify(own[at]?.[1])}`))
      : ["-d", shellWord(JSON.stringify(Object.fromEntries(own)))]),
    ...(options.minIntervalMs ? ["--min-interval", `${options.minIntervalMs}ms`] : []),
    ...(options.snapshot === false ? ["--no-snapshot"] : []),
  ];
  const note = isLoggedIn ? "# The token is read from FULLON_CACHE_API_TOKEN.\n" : "";
  return `${note}${words.join(" ")} \\\n  --url ${shellWord(url)}\n`;
}

/** `name=value`, if the program reads the same value out of that. */
function pairOf({ operation }: Wanted, name: string, value: unknown): string | undefined {
  const schema = operation.params.properties?.[name];
  const types = schema ? typesOf(schema) : [];
  if (types.includes("string")) {
    return typeof value === "string" || typeof value === "number" ? `${name}=${value}` : undefined;
  }
  if (typeof value === "string") {
    // Without a type the program tries to read JSON.
    return isJson(value) ? undefined : `${name}=${value}`;
  }
  if (Array.isArray(value)) {
    const isOfWords = isObject(schema?.items) && typesOf(schema.items).includes("string");
    const words: unknown[] = value;
    const isPlain = words.every((word) => typeof word === "string" && /^[^,\s[]+$/.test(word));
    return words.length > 0 && isOfWords && isPlain
      ? `${name}=${words.join(",")}`
      : `${name}=${JSON.stringify(value)}`;
  }
  return `${name}=${JSON.stringify(value)}`;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** `-n1`: one message each way, and the connection stays open for the answer. */
function writeWebsocat(wanted: Wanted): string {
  const { operation, url, isLoggedIn } = wanted;
  const flags = operation.kind === "stream" ? "-n" : "-n1";
  const header = isLoggedIn ? ` -H "Authorization: Bearer $FULLON_CACHE_API_TOKEN"` : "";
  return `echo ${shellQuoted(requestOf(wanted))} |\n  websocat ${flags}${header} ${shellWord(url)}\n`;
}

function shellQuoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
