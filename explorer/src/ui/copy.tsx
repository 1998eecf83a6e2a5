import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";

/** How long a button says that it has copied, in milliseconds. */
const SAID_MS = 1500;

/** Copies a text. */
export function Copy({ text, label = "Copy" }: { text: () => string; label?: string }): JSX.Element {
  const said = useSignal<string | undefined>(undefined);
  useEffect(() => {
    if (said.value === undefined) {
      return undefined;
    }
    const timer = setTimeout(() => (said.value = undefined), SAID_MS);
    return () => clearTimeout(timer);
  }, [said.value]);
  const copy = async (): Promise<void> => {
    said.value = (await copied(text())) ? "Copied" : "Not allowed";
  };
  return (
    <button type="button" onClick={() => void copy()}>
      <span role="status">{said.value ?? label}</span>
    </button>
  );
}

/** Pages that were not fetched over TLS, or from the own machine, have no clipboard but the old one. */
async function copied(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = document.createElement("textarea");
    area.value = text;
    area.className = "unseen";
    document.body.append(area);
    area.select();
    const isDone = document.execCommand("copy");
    area.remove();
    return isDone;
  }
}
