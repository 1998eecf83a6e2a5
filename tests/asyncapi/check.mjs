// Has the reference parser read schemas/asyncapi.yaml: it must take it, with nothing to warn of.
import { readFileSync } from "node:fs";
import { Parser } from "@asyncapi/parser";

const text = readFileSync(new URL("../../schemas/asyncapi.yaml", import.meta.url), "utf8");
const { document, diagnostics } = await new Parser().parse(text);
// 0 is an error, 1 a warning; below that are hints, such as that there is a newer version of AsyncAPI.
const serious = diagnostics.filter(({ severity }) => severity < 2);
for (const { message, path } of serious) {
  console.error(`${path.join(".")}: ${message}`);
}
const operations = document?.operations().length ?? 0;
console.log(`asyncapi: ${operations} operations, ${serious.length} complaints`);
process.exitCode = operations > 40 && serious.length === 0 ? 0 : 1;
