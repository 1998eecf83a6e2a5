import { signal, type ReadonlySignal } from "@preact/signals";
import { MAX_EXCHANGES } from "../bounds";
import { call, login, operations, type Params } from "../server";

const found = signal<readonly string[]>([]);

/** The exchanges to choose from, as the server told them; else those of the operations' examples. */
export const exchanges: ReadonlySignal<readonly string[]> = found;

/** Asks which exchanges there are. */
export async function findExchanges(): Promise<void> {
  let names: readonly unknown[] = [];
  if (document.hidden) {
    return;
  }
  if (operations.peek().has("get_exchanges")) {
    names = await call<string[]>("get_exchanges", {}).then(
      ({ result }) => result,
      () => [],
    );
  }
  const known = names.filter((name) => typeof name === "string");
  const examples = [...operations.peek().values()]
    .flatMap((operation) => operation.examples)
    .map((example) => example["exchange"])
    .filter((name) => typeof name === "string");
  const all = known.length > 0 ? known : [...new Set(examples)];
  const next = all.slice(0, MAX_EXCHANGES);
  if (next.join(" ") !== found.peek().join(" ")) {
    found.value = next;
  }
}

/** What a param is in an operation's examples, as text. */
export function exampleOf(operation: string, param: string): string | undefined {
  const examples: readonly Params[] = operations.value.get(operation)?.examples ?? [];
  const value = examples.map((example) => example[param]).find((one) => one !== undefined);
  return typeof value === "string" || typeof value === "number" ? String(value) : undefined;
}

/** The account that is shown unless another is asked for: one of the login, else that of the examples. */
export function usualUser(): string | undefined {
  return login.value.who?.user_ids?.[0] ?? exampleOf("stream_positions", "user_id");
}
