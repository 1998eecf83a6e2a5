import { useSignal } from "@preact/signals";
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { MAX_PARAMS_CHARS } from "../bounds";
import { jsonOf, route, setQuery } from "../route";
import { isLive, type Operation, type Params } from "../server";
import { Tabs } from "../ui/tabs";
import { isObject, type Violation } from "../validate/validate";
import { fieldsOf } from "./fields";
import { ParamsFields, ParamsJson } from "./form";
import { faultsOf, formOf, type Form } from "./form-model";
import { KeptForms } from "./kept-forms";
import { partText } from "./parts";
import { Result, viewOf } from "./result";
import { run, type Done, type Outcome } from "./run";
import { takesSecret, withoutSecrets } from "./secrets";
import { Snippets } from "./snippets";
import { StreamResult } from "./stream-result";

const EDITORS = [
  { id: "form", name: "Form" },
  { id: "json", name: "JSON" },
] as const;

type Editor = (typeof EDITORS)[number]["id"];

/** A login that ends takes the page away: what was typed outlasts it. */
const forms = new KeptForms();

interface Props {
  operation: Operation;
  children: ComponentChildren;
}

/** The form of an operation, what comes of it, and programs that call it. */
export function Workbench({ operation, children }: Props): JSX.Element {
  const { query } = route.value;
  const fields = useMemo(() => fieldsOf(operation), [operation]);
  const form = useSignal<Form>(useMemo(() => firstForm(operation, query["params"]), []));
  const editor = useSignal<Editor>("form");
  const outcome = useSignal<Outcome | undefined>(undefined);
  const followed = useSignal<Params | undefined>(undefined);
  const told = useSignal<readonly Violation[]>([]);
  const underWay = useRef<AbortController | undefined>(undefined);
  const isStream = operation.kind === "stream";
  const faults = faultsOf(form.value, operation, fields);
  const shown = faults.length > 0 ? faults : told.value;

  useEffect(() => () => underWay.current?.abort(), []);
  // The address may be changed by others: a link, or a step in the history. An effect comes late, so it looks at what is
  // there now: what was typed since it was rendered stays.
  useEffect(() => {
    const { params: text } = route.peek().query;
    const given = jsonOf(text);
    if (isObject(given) && text !== paramsText(operation, form.peek().params)) {
      form.value = formOf(given);
    }
  }, [query["params"]]);
  const change = (next: Form): void => {
    form.value = next;
    told.value = [];
    const text = paramsText(operation, next.params);
    if (!takesSecret(operation)) {
      forms.keep(operation.name, next, text);
    }
    setQuery({ params: text });
  };
  const submit = (event: Event): void => {
    event.preventDefault();
    if (isStream) {
      followed.value = form.value.params;
    } else {
      void ask();
    }
  };
  /** What the form says, or, whatever stands there now, what follows on a part. */
  const ask = async (before?: Done): Promise<void> => {
    underWay.current?.abort();
    const abort = new AbortController();
    underWay.current = abort;
    outcome.value = { status: "running", before };
    const next = await run(operation, form.value.params, abort.signal, before);
    if (!abort.signal.aborted) {
      outcome.value = next;
      told.value = next.status === "failed" ? next.failure.details : [];
    }
  };
  const editorProps = { operation, fields, form: form.value, faults: shown, onChange: change };
  return (
    <div class="workbench">
      <div class="workbench-main">
        <form class="panel padded" onSubmit={submit} noValidate>
          <Tabs
            label="How params are edited"
            tabs={EDITORS}
            chosen={editor.value}
            onChoose={(id) => (editor.value = id)}
            end={<Examples operation={operation} onChoose={(params) => change(formOf(params))} />}
          >
            {editor.value === "form" ? <ParamsFields {...editorProps} /> : <ParamsJson {...editorProps} />}
          </Tabs>
          <div class="actions">
            <button type="submit" class="primary" disabled={faults.length > 0 || !isLive.value}>
              {isStream ? "Follow" : "Run"}
            </button>
            {followed.value && (
              <button type="button" onClick={() => (followed.value = undefined)}>
                Stop
              </button>
            )}
            <span class="faint" role="status">
              {faults.length > 0 ? faultsText(faults.length) : outcomeText(outcome.value)}
            </span>
          </div>
        </form>
        {isStream ? (
          followed.value && <StreamResult operation={operation} params={followed.value} />
        ) : (
          <section class="panel padded" aria-label="Result" hidden={!outcome.value}>
            <Result
              operation={operation}
              outcome={outcome.value}
              view={viewOf(query["view"])}
              onView={(view) => setQuery({ view: view === "table" ? undefined : view })}
              onNext={(shown) => void ask(shown)}
            />
          </section>
        )}
      </div>
      <div class="workbench-side">
        <Snippets operation={operation} params={form.value.params} />
        {children}
      </div>
    </div>
  );
}

function Examples(props: { operation: Operation; onChoose(params: Params): void }): JSX.Element {
  const { operation, onChoose } = props;
  const examples = operation.examples.filter((example) => Object.keys(example).length > 0);
  return (
    <div class="examples">
      {examples.map((example, at) => (
        <button key={at} type="button" class="flat" onClick={() => onChoose(example)}>
          {examples.length === 1 ? "Example" : `Example ${at + 1}`}
        </button>
      ))}
      {operation.params.properties && (
        <button type="button" class="flat" onClick={() => onChoose({})}>
          Clear
        </button>
      )}
    </div>
  );
}

/** The form as it was left, else what the address says, else the first example. */
function firstForm(operation: Operation, text: string | undefined): Form {
  const given = jsonOf(text);
  const kept = forms.find(operation.name, text);
  return kept ?? formOf(isObject(given) ? given : (operation.examples[0] ?? {}));
}

/** Params for the address; undefined where none may stand there, or there are too many. */
function paramsText(operation: Operation, params: Params): string | undefined {
  const shared = withoutSecrets(operation, params);
  const text = JSON.stringify(shared);
  const isHidden = Object.keys(params).length > 0 && text === "{}";
  return isHidden || text.length > MAX_PARAMS_CHARS ? undefined : text;
}

/** For those who do not see what comes of it. */
function outcomeText(outcome: Outcome | undefined): string {
  switch (outcome?.status) {
    case "running":
      return "Running…";
    case "done":
      return partText(outcome) ?? "Answered";
    default:
      return "";
  }
}

function faultsText(count: number): string {
  return count === 1 ? "1 thing is to be corrected" : `${count} things are to be corrected`;
}
