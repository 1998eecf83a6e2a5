import type { JSX } from "preact";
import { useEffect, useMemo } from "preact/hooks";
import { link } from "../route";
import { Served } from "../streams/served";
import { Trouble } from "../streams/status";
import type { Operation, Params } from "../server";
import { Empty } from "../ui/empty";
import { FailureAlert } from "./failure";
import { Messages, type Followed, type Message } from "./messages";
import { failureOf } from "./run";

const CLOCK = new Intl.DateTimeFormat(undefined, {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  fractionalSecondDigits: 3,
  hourCycle: "h23",
});

/** The messages of a stream, as they come. */
export function StreamResult(props: { operation: Operation; params: Params }): JSX.Element {
  const { operation, params } = props;
  const wanted = JSON.stringify(params);
  const messages = useMemo(() => new Messages(), [operation.name, wanted]);
  useEffect(() => messages.start(operation.name, params), [messages]);
  const { value } = messages.shown;
  const shared = JSON.stringify([[operation.name, params]]);
  return (
    <section class="panel padded" aria-labelledby="messages-title">
      <div class="messages-head">
        <h2 id="messages-title">Messages</h2>
        <span class="faint">{headText(value)}</span>
        {value.status === "open" && <Trouble status={value.trouble} />}
        <a href={link("/streams", { s: shared })}>Open as table and chart</a>
      </div>
      {value.settings && (
        <div class="messages-about">
          <Members label="Settings as granted" object={value.settings} />
          <Served id={value.id} />
        </div>
      )}
      {value.error ? <FailureAlert failure={failureOf(value.error)} /> : <List messages={value.messages} />}
    </section>
  );
}

function headText({ status, count, messages }: Followed): string {
  if (status !== "open") {
    return status;
  }
  if (count === 0) {
    return "open, nothing so far";
  }
  return count > messages.length ? `${count}, the newest ${messages.length} first` : `${count}, newest first`;
}

function Members({ label, object }: { label: string; object: object }): JSX.Element {
  return (
    <ul class="settings" aria-label={label}>
      {Object.entries(object).map(([name, value]) => (
        <li key={name}>
          <span class="faint">{name}</span> <code>{String(value)}</code>
        </li>
      ))}
    </ul>
  );
}

function List({ messages }: { messages: readonly Message[] }): JSX.Element {
  return messages.length === 0 ? (
    <Empty>Nothing came yet.</Empty>
  ) : (
    <ol class="messages mono" tabIndex={0} aria-label="Messages">
      {messages.map(({ id, at, kind, content }) => (
        <li key={id} class={`is-${kind}`}>
          <time class="faint">{CLOCK.format(at)}</time> {JSON.stringify(content)}
        </li>
      ))}
    </ol>
  );
}
