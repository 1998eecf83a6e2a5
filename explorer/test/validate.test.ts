import assert from "node:assert/strict";
import { test } from "node:test";
import type { Schema } from "../src/server/types";
import { violations } from "../src/validate/validate";

const schema: Schema = {
  type: "object",
  additionalProperties: false,
  required: ["symbol"],
  properties: {
    symbol: { type: "string", minLength: 1, maxLength: 5, pattern: "^[A-Z/]+$" },
    limit: { type: "integer", minimum: 1, maximum: 10 },
    id: { type: ["string", "integer"], minLength: 1, minimum: 0 },
    kind: { anyOf: [{ type: "string", enum: ["tick", "bot"] }, { type: "null" }] },
    side: { oneOf: [{ const: "long" }, { const: "short" }] },
    symbols: { type: "array", items: { type: "string", minLength: 1 }, maxItems: 2 },
    bar: { type: "array", prefixItems: [{ type: "number" }, { type: "string" }] },
    resume: {
      anyOf: [
        { type: "object", required: ["epoch"], properties: { epoch: { type: "string" } } },
        { type: "null" },
      ],
    },
    labels: { type: "object", additionalProperties: { type: "number" } },
  },
};

function messages(params: object): string[] {
  return violations(schema, { symbol: "A", ...params }).map(
    ({ path, message }) => `${path} ${message}`,
  );
}

test("what keeps to the schema has no violations", () => {
  const params = {
    limit: 10,
    id: 0,
    kind: null,
    side: "short",
    symbols: ["A", "B"],
    bar: [1, "x", false],
    resume: { epoch: "1" },
    labels: { a: 1 },
  };
  assert.deepEqual(messages(params), []);
  assert.deepEqual(messages({ id: "x1", kind: "bot", resume: null }), []);
});

test("all violations are told, each with its place", () => {
  assert.deepEqual(messages({ symbol: "bad!!!!", limit: 0, foo: 1 }), [
    "/symbol must have 5 characters at the most",
    "/symbol must match ^[A-Z/]+$",
    "/limit must be 1 or more",
    `/foo is not known; known are ${Object.keys(schema.properties ?? {}).join(", ")}`,
  ]);
  assert.deepEqual(violations(schema, {}), [{ path: "/symbol", message: "is required" }]);
});

test("types are told in words", () => {
  assert.deepEqual(messages({ limit: 1.5, id: true, symbols: "A" }), [
    "/limit must be a whole number",
    "/id must be text or a whole number",
    "/symbols must be a list",
  ]);
});

test("of several forms the one that was meant tells what is wrong", () => {
  assert.deepEqual(messages({ kind: "zz", side: "up", resume: {} }), [
    "/kind must be one of tick, bot",
    "/side must be one of long, short",
    "/resume/epoch is required",
  ]);
});

test("items and members are looked at", () => {
  assert.deepEqual(messages({ symbols: ["A", "", "C"], bar: ["x"], labels: { "a/b": "x" } }), [
    "/symbols must have 2 items at the most",
    "/symbols/1 must not be empty",
    "/bar/0 must be a number",
    "/labels/a~1b must be a number",
  ]);
});

test("a pattern that cannot be read is left to the server, and lengths count characters", () => {
  assert.deepEqual(violations({ pattern: "(" }, "x"), []);
  assert.deepEqual(violations({ maxLength: 1 }, "💹"), []);
});

test("names of what every object has are members like any other", () => {
  assert.deepEqual(messages({ toString: 1 }).length, 1);
  assert.deepEqual(violations({ required: ["constructor"] }, {}), [
    { path: "/constructor", message: "is required" },
  ]);
});
