import { callText, split, type Language, type Wanted } from "./types";

export const python: Language = { id: "python", name: "Python", write };

function write(wanted: Wanted): string {
  const { operation, url, isLoggedIn } = wanted;
  const { own, options } = split(wanted);
  const args = own.map(([name, value]) => `${name}=${literal(value)}`);
  if (options.snapshot === false) {
    args.push("snapshot=False");
  }
  if (options.minIntervalMs) {
    args.push(`min_interval_ms=${options.minIntervalMs}`);
  }
  const layout = { indent: " ".repeat(8), step: " ".repeat(4) };
  const body =
    operation.kind === "stream"
      ? [
          callText(`updates = handler.${operation.name}`, args, layout),
          "async for update in updates:",
          "    print(update)",
        ]
      : [callText(`result = await handler.${operation.name}`, args, layout), "print(result)"];
  return [
    "import asyncio",
    "",
    "from fullon_cache_api import fullon_cache_api",
    "",
    "",
    "async def main() -> None:",
    ...(isLoggedIn ? ["    # The token is read from FULLON_CACHE_API_TOKEN."] : []),
    `    async with fullon_cache_api(${literal(url)}) as handler:`,
    ...body.map((line) => `        ${line}`),
    "",
    "",
    "asyncio.run(main())",
    "",
  ].join("\n");
}

/** JSON, as Python writes it. */
function literal(value: unknown): string {
  if (value === null || value === undefined) {
    return "None";
  }
  if (typeof value === "boolean") {
    return value ? "True" : "False";
  }
  if (Array.isArray(value)) {
    return `[${value.map(literal).join(", ")}]`;
  }
  if (typeof value === "object") {
    const members = Object.entries(value).map(([name, member]) => `${literal(name)}: ${literal(member)}`);
    return `{${members.join(", ")}}`;
  }
  return JSON.stringify(value);
}
