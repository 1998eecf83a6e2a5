import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";

/** A field to search by, which the key `/` goes to. */
export function SearchField(props: { value: string; onInput(text: string): void }): JSX.Element {
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => {
    const go = (event: KeyboardEvent): void => {
      const { target } = event;
      const isTyping = target instanceof HTMLElement && target.matches("input, textarea, select");
      if (event.key === "/" && !isTyping && !event.ctrlKey && !event.metaKey && !event.altKey) {
        event.preventDefault();
        field.current?.focus();
        field.current?.select();
      }
    };
    addEventListener("keydown", go);
    return () => removeEventListener("keydown", go);
  }, []);
  return (
    <div class="search">
      <input
        ref={field}
        type="search"
        aria-label="Search operations"
        aria-keyshortcuts="/"
        placeholder="Search operations"
        autocomplete="off"
        spellcheck={false}
        value={props.value}
        onInput={({ currentTarget }) => props.onInput(currentTarget.value)}
      />
      <kbd aria-hidden="true">/</kbd>
    </div>
  );
}
