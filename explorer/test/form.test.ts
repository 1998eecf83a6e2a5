import assert from "node:assert/strict";
import { test } from "node:test";
import { fieldsOf, type Field } from "../src/operations/fields";
import {
  faultsAt,
  faultsElsewhere,
  faultsOf,
  formOf,
  jsonTextOf,
  textOf,
  withJson,
  withText,
  withValue,
} from "../src/operations/form-model";
import { operation } from "./operations";

const described = operation();
const fields = fieldsOf(described);

function field(name: string): Field {
  const found = fields.find((one) => one.name === name);
  assert.ok(found);
  return found;
}

test("a field for each param, in their order, as its schema wants it", () => {
  assert.deepEqual(
    fields.map(({ name, kind }) => `${name} ${kind}`),
    [
      "exchange text",
      "symbol text",
      "limit number",
      "user_id text",
      "symbols list",
      "process_type choice",
      "snapshot boolean",
      "min_interval_ms number",
      "resume json",
    ],
  );
  assert.equal(field("exchange").isRequired, true);
  assert.equal(field("limit").hint, "1 to 10");
  assert.equal(field("min_interval_ms").hint, "0 or more");
  assert.equal(field("limit").fallback, 5);
  assert.deepEqual(
    field("process_type").choices.map(({ value }) => value),
    ["tick", "bot"],
  );
});

test("an operation without params has no fields", () => {
  assert.deepEqual(fieldsOf(operation({ params: { type: "object" } })), []);
});

test("fields and JSON show the same params, either way round", () => {
  let form = formOf({ exchange: "binance", user_id: 1001 });
  assert.equal(textOf(form, field("user_id")), "1001");
  form = withText(form, field("symbol"), "BTC/USDT");
  form = withText(form, field("limit"), "7");
  assert.deepEqual(JSON.parse(jsonTextOf(form)), {
    exchange: "binance",
    user_id: 1001,
    symbol: "BTC/USDT",
    limit: 7,
  });
  form = withJson(form, '{"symbol": "ETH/USDT", "resume": {"epoch": "1"}}');
  assert.equal(textOf(form, field("symbol")), "ETH/USDT");
  assert.equal(textOf(form, field("limit")), "");
  assert.equal(textOf(form, field("resume")), '{"epoch":"1"}');
});

test("an emptied field leaves its param out", () => {
  const form = withText(formOf({ limit: 7 }), field("limit"), "");
  assert.deepEqual(form.params, {});
  assert.deepEqual(withValue(form, "snapshot", undefined).params, {});
});

test("what is no number stays as it was typed, and is told", () => {
  const form = withText(formOf({ exchange: "a", symbol: "b", limit: 7 }), field("limit"), "7x");
  assert.equal(textOf(form, field("limit")), "7x");
  assert.deepEqual(form.params, { exchange: "a", symbol: "b" });
  const faults = faultsOf(form, described, fields);
  assert.deepEqual(faults, [{ path: "/limit", message: "must be a number" }]);
  assert.deepEqual(faultsOf(withText(form, field("limit"), "8"), described, fields), []);
});

test("a number and JSON stay in their fields as they are typed", () => {
  const form = withText(withText(formOf({}), field("limit"), "1."), field("resume"), '{"epoch":  "1"}');
  assert.deepEqual(form.params, { limit: 1, resume: { epoch: "1" } });
  assert.equal(textOf(form, field("limit")), "1.");
  assert.equal(textOf(form, field("resume")), '{"epoch":  "1"}');
});

test("a text that is no JSON object yet changes no params", () => {
  const form = withJson(formOf({ exchange: "a" }), '{"exchange": "b"');
  assert.deepEqual(form.params, { exchange: "a" });
  assert.equal(jsonTextOf(form), '{"exchange": "b"');
  assert.deepEqual(faultsOf(form, described, fields), [
    { path: "", message: "is not a JSON object" },
  ]);
  assert.deepEqual(withJson(form, "").params, {});
});

test("JSON stays as it is typed, until a field changes the params", () => {
  const text = '{"exchange":"a",  "symbol": "b", "limit": 1}';
  const form = withJson(formOf({}), text);
  assert.equal(jsonTextOf(form), text);
  assert.deepEqual(form.params, { exchange: "a", symbol: "b", limit: 1 });
  assert.deepEqual(faultsOf(form, described, fields), []);
  assert.equal(jsonTextOf(withJson(form, "")), "");
  const changed = withText(form, field("limit"), "2");
  assert.deepEqual(JSON.parse(jsonTextOf(changed)), { exchange: "a", symbol: "b", limit: 2 });
});

test("an integer that would be rounded is refused", () => {
  const form = withText(formOf({ exchange: "a", symbol: "b" }), field("min_interval_ms"), "9007199254740993");
  assert.equal(textOf(form, field("min_interval_ms")), "9007199254740993");
  assert.match(faultsOf(form, described, fields)[0]?.message ?? "", /too large/);
  const json = withJson(form, '{"exchange": "a", "symbol": "b", "user_id": 9007199254740993}');
  const [fault] = faultsOf(json, described, fields);
  assert.equal(fault?.path, "/user_id");
  assert.match(fault?.message ?? "", /too large/);
});

test("faults stand at their fields, others apart", () => {
  const faults = [
    { path: "/symbols/1", message: "x" },
    { path: "/symbol", message: "y" },
    { path: "/foo", message: "z" },
  ];
  assert.deepEqual(faultsAt(faults, "symbols"), [faults[0]]);
  assert.deepEqual(faultsAt(faults, "symbol"), [faults[1]]);
  assert.deepEqual(faultsElsewhere(faults, fields), [faults[2]]);
});
