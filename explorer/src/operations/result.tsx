import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { MAX_NOTES, MAX_RAW_CHARS } from "../bounds";
import { isLive, type Answer, type Operation, type Schema } from "../server";
import { Badge } from "../ui/badge";
import { Cell } from "../ui/cell";
import { Copy } from "../ui/copy";
import { Empty } from "../ui/empty";
import { JsonTree } from "../ui/json-tree";
import { Tabs, type Tab } from "../ui/tabs";
import { Text } from "../ui/text";
import { FailureAlert } from "./failure";
import { partText } from "./parts";
import { ResultTable } from "./result-table";
import type { Done, Failure, Outcome } from "./run";
import { kindOf } from "./tabular";
import { Timing } from "./timing";

/** How a result is shown. */
export type View = "table" | "tree" | "raw";

const VIEWS: readonly Tab<View>[] = [
  { id: "table", name: "Table" },
  { id: "tree", name: "Tree" },
  { id: "raw", name: "Raw" },
];

/** The view of that name, else the table. */
export function viewOf(name: string | undefined): View {
  return name === "tree" || name === "raw" ? name : "table";
}

interface Props {
  operation: Operation;
  outcome: Outcome | undefined;
  view: View;
  onView(view: View): void;
  /** Asks for what follows on a part. */
  onNext(shown: Done): void;
}

/** What came of running an operation. */
export function Result({ operation, outcome, view, onView, onNext }: Props): JSX.Element | null {
  if (outcome?.status === "failed") {
    return <Failed failure={outcome.failure} />;
  }
  // A part stays until the next is there.
  const shown = outcome?.status === "running" ? outcome.before : outcome;
  if (!shown) {
    return outcome ? <Empty>Running…</Empty> : null;
  }
  const { result, warnings, elapsedMs, explain } = shown.answer;
  return (
    <div class="result" aria-busy={outcome !== shown}>
      <Timing elapsedMs={elapsedMs} explain={explain} />
      <Warnings warnings={warnings} />
      <Tabs
        label="How the result is shown"
        tabs={VIEWS}
        chosen={view}
        onChoose={onView}
        end={<Copy text={() => JSON.stringify(result, undefined, 2)} label="Copy JSON" />}
      >
        <Shown key={shown.part} view={view} answer={shown.answer} schema={operation.result} />
      </Tabs>
      <Part shown={shown} onNext={onNext} />
    </div>
  );
}

/** Which part of the answer this is, and the way to the next. */
function Part({ shown, onNext }: { shown: Done; onNext(shown: Done): void }): JSX.Element | null {
  const line = useRef<HTMLParagraphElement>(null);
  const text = partText(shown);
  const hasNext = shown.answer.cursor !== undefined;
  // The button goes away with the last part: who pressed it is not to begin at the top of the page.
  useEffect(() => {
    if (shown.part > 1 && !hasNext && document.activeElement === document.body) {
      line.current?.focus();
    }
  }, [shown.part, hasNext]);
  return text === undefined ? null : (
    <p class="part" tabIndex={-1} ref={line}>
      {text}
      {hasNext && (
        <button type="button" disabled={!isLive.value} onClick={() => onNext(shown)}>
          Next part
        </button>
      )}
    </p>
  );
}

function Warnings({ warnings }: { warnings: Answer<unknown>["warnings"] }): JSX.Element | null {
  const left = warnings.length - MAX_NOTES;
  return warnings.length === 0 ? null : (
    <ul class="warnings" aria-label="What had to be left out">
      {warnings.slice(0, MAX_NOTES).map(({ error_code: code, error, item }, at) => (
        <li key={at}>
          <Badge tone="warn">{code}</Badge> {item !== undefined && <code>{item}</code>}{" "}
          <Text text={error} />
        </li>
      ))}
      {left > 0 && <li class="faint">{left} more</li>}
    </ul>
  );
}

function Shown(props: { view: View; answer: Answer<unknown>; schema: Schema | undefined }): JSX.Element {
  const { view, answer, schema } = props;
  const { result, truncated } = answer;
  switch (view) {
    case "tree":
      return (
        <div class="tree mono">
          <JsonTree value={result} />
        </div>
      );
    case "raw":
      return <Raw value={result} />;
    default:
      return typeof result === "object" && result !== null ? (
        <ResultTable value={result} schema={schema} isPart={truncated} />
      ) : (
        <p class="single">
          <Cell value={result} kind={kindOf(schema, result)} />
        </p>
      );
  }
}

function Raw({ value }: { value: unknown }): JSX.Element {
  const text = JSON.stringify(value, undefined, 2);
  const left = text.length - MAX_RAW_CHARS;
  return (
    <>
      <pre class="raw" tabIndex={0} role="region" aria-label="Raw result">
        {text.slice(0, MAX_RAW_CHARS)}
      </pre>
      {left > 0 && <p class="faint">{left} more characters: copy them</p>}
    </>
  );
}

function Failed({ failure }: { failure: Failure }): JSX.Element {
  const { isRetryable, retryAfterMs, elapsedMs, explain } = failure;
  return (
    <div class="result">
      <Timing elapsedMs={elapsedMs} explain={explain} />
      <FailureAlert failure={failure}>
        {isRetryable && (
          <p class="faint">
            {retryAfterMs === undefined
              ? "The same may work later."
              : `The same may work in ${Math.ceil(retryAfterMs / 1000)} s.`}
          </p>
        )}
      </FailureAlert>
    </div>
  );
}
