import assert from "node:assert/strict";
import { test } from "node:test";
import { formOf, withJson } from "../src/operations/form-model";
import { KeptForms } from "../src/operations/kept-forms";

test("a form is there again with what was typed, where the address is the same", () => {
  const forms = new KeptForms();
  const form = withJson(formOf({ exchange: "a" }), '{"exchange": ');
  forms.keep("get_ticker", form, '{"exchange":"a"}');
  assert.equal(forms.find("get_ticker", '{"exchange":"a"}'), form);
  assert.equal(forms.find("get_ticker", '{"exchange":"b"}'), undefined);
  assert.equal(forms.find("get_tickers", '{"exchange":"a"}'), undefined);
});

test("the form that was changed longest ago gives way", () => {
  const forms = new KeptForms(2);
  ["a", "b", "a", "c"].forEach((name) => forms.keep(name, formOf({}), undefined));
  assert.deepEqual(
    ["a", "b", "c"].map((name) => forms.find(name, undefined) !== undefined),
    [true, false, true],
  );
});
