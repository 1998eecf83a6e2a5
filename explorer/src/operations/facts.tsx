import type { JSX } from "preact";
import type { Operation } from "../server";

/** What is to be known of an operation beside its params: whom it serves, what it reads, how change is noticed. */
export function Facts({ operation }: { operation: Operation }): JSX.Element {
  const { scope, owner, keys, commands, channel, push, poll_interval_ms: poll, errors } = operation;
  const isStream = operation.kind === "stream";
  return (
    <dl class="facts">
      <dt>Scope</dt>
      <dd>{scope ?? "none needed"}</dd>
      {owner !== null && (
        <>
          <dt>Belongs to</dt>
          <dd>{owner === "all_users" ? "all users together" : <code>{owner}</code>}</dd>
        </>
      )}
      <Keys keys={keys} />
      <Words name="Commands" words={commands} />
      {channel !== null && <Words name="Channel" words={[channel]} />}
      {isStream && push !== null && (
        <>
          <dt>Pushed by</dt>
          <dd>{push}</dd>
        </>
      )}
      {isStream && poll !== null && (
        <>
          <dt>Looked at</dt>
          <dd>every {poll} ms, where nothing is pushed</dd>
        </>
      )}
      {operation.update_type !== null && <Words name="Updates" words={[operation.update_type]} />}
      <Words name="Errors" words={errors} />
    </dl>
  );
}

function Keys({ keys }: { keys: Record<string, string> }): JSX.Element | null {
  const patterns = Object.values(keys);
  return patterns.length === 0 ? null : <Words name="Redis keys" words={patterns} />;
}

function Words({ name, words }: { name: string; words: readonly string[] }): JSX.Element | null {
  return words.length === 0 ? null : (
    <>
      <dt>{name}</dt>
      <dd class="words">
        {words.map((word) => (
          <code key={word}>{word}</code>
        ))}
      </dd>
    </>
  );
}
