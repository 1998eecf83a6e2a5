import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";
import { login, logIn } from "../server";

/** A field for a token. It is never part of the page's address. */
export function LoginForm({ onDone }: { onDone?: () => void }): JSX.Element {
  const id = useId();
  const token = useSignal("");
  const isKept = useSignal(false);
  const field = useRef<HTMLInputElement>(null);
  const { status, error } = login.value;
  useEffect(() => field.current?.focus(), []);
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    if (token.value.trim() !== "" && (await logIn(token.value.trim(), isKept.value))) {
      token.value = "";
      onDone?.();
    }
  };
  return (
    <form class="login-form" onSubmit={(event) => void submit(event)}>
      <label for={`${id}-token`}>Token</label>
      <input
        ref={field}
        id={`${id}-token`}
        type="password"
        autocomplete="off"
        spellcheck={false}
        aria-invalid={error !== undefined}
        aria-describedby={`${id}-error`}
        value={token.value}
        onInput={({ currentTarget }) => (token.value = currentTarget.value)}
      />
      <label class="tick">
        <input
          type="checkbox"
          checked={isKept.value}
          onChange={({ currentTarget }) => (isKept.value = currentTarget.checked)}
        />
        Keep it until this tab is closed
      </label>
      <p id={`${id}-error`} class="error-text" role="alert">
        {error}
      </p>
      <button type="submit" class="primary" disabled={status === "asking"}>
        {status === "asking" ? "Logging in…" : "Log in"}
      </button>
    </form>
  );
}
