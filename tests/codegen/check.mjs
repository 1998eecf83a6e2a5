// Types that another generator makes of schemas/draft-07: TypeScript must take them, and they must say all that the
// schemas say.
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { compile } from "json-schema-to-typescript";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const schemas = here("../../schemas/draft-07");
const folder = here("../../target/codegen-types");
const typedBy = ["type", "const", "enum", "anyOf", "oneOf", "allOf", "$ref"];
const allTypes = 6;

/** What a value of a schema is made of, or may be instead. */
const inner = ({ anyOf = [], oneOf = [], items = [], additionalProperties = [] }) =>
  [anyOf, oneOf, items, additionalProperties].flat().filter(Boolean);

/** All schemas within one, and itself. */
const within = (schema) => [
  schema,
  ...[schema.properties, schema.definitions].flatMap((named) => Object.values(named ?? {})).flatMap(within),
  ...inner(schema).flatMap(within),
];

/** Whether a schema leaves open what a value, or a part of it that has no name, is. */
const isUntyped = (schema) =>
  schema === true ||
  !typedBy.some((key) => key in schema) ||
  [schema.type].flat().length === allTypes ||
  (!schema.properties && inner(schema).some(isUntyped));

const pascal = (title) => title.replace(/(^|[ _])(.)/g, (_, before, letter) => letter.toUpperCase());

rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });

// A type that leaves something open makes this `true`, or, where it is one of several, `boolean`.
const assertions = [
  `type Open<T> = unknown extends T ? true
    : T extends readonly (infer Item)[] ? Open<Item>
    : string extends keyof T ? Open<T[keyof T]>
    : false;`,
  "const open = <T>(_: true extends Open<T> ? true : false): void => {};",
];
let count = 0;
for (const file of readdirSync(schemas).filter((name) => name.endsWith(".json"))) {
  const name = file.replace(".json", "");
  const schema = JSON.parse(readFileSync(`${schemas}/${file}`, "utf8"));
  // Open records would hide what is missing.
  writeFileSync(`${folder}/${name}.ts`, await compile(structuredClone(schema), name, { additionalProperties: false }));
  assertions.push(`import type * as ${name} from "./${name}.js";`);
  for (const record of within(schema).filter(({ title, properties }) => title && properties)) {
    for (const [member, of] of Object.entries(record.properties)) {
      const type = `${name}.${pascal(record.title)}["${member}"]`;
      assertions.push(`open<${type}>(${isUntyped(of)});`);
      count += 1;
    }
  }
}
writeFileSync(`${folder}/check.ts`, `${assertions.join("\n")}\n`);
const options = ["--strict", "--noEmit", "--module", "nodenext", "--target", "es2022"];
const files = readdirSync(folder).map((name) => `${folder}/${name}`);
const { status } = spawnSync(here("node_modules/.bin/tsc"), [...options, ...files], { stdio: "inherit" });
process.exitCode = status ?? 1;
console.log(`codegen: ${count} members of ${files.length - 1} operations`);
