import { batch, computed, effect, signal, untracked, type ReadonlySignal } from "@preact/signals";
import { DESCRIBE_AGAIN_MS } from "../bounds";
import { clientGeneration, connection, isLive, theClient, wantsLogin } from "./connection";
import { login, needLogin, rightsOf } from "./login";
import type { Description, Operation } from "./types";

const current = signal<Description | undefined>(undefined);
const trouble = signal<string | undefined>(undefined);
const rights = signal("");

/** What the server says of itself; undefined before it has. It is asked again at every connection and login. */
export const description: ReadonlySignal<Description | undefined> = current;

/** Why there is no description. */
export const descriptionError: ReadonlySignal<string | undefined> = trouble;

/** The operations that may be called, by name. */
export const operations: ReadonlySignal<ReadonlyMap<string, Operation>> = computed(
  () => new Map(current.value?.operations.map((operation) => [operation.name, operation])),
);

/** The login that the operations are those of; it changes with them. */
export const describedFor: ReadonlySignal<string> = rights;

const all = signal<readonly Operation[]>([]);

/** The operations that the server has, but not for this login; empty until `loadOthers` has asked for them. */
export const others: ReadonlySignal<readonly Operation[]> = computed(() =>
  all.value.filter(({ name }) => !operations.value.has(name)),
);

/** Asks for the operations that this login may not call. */
export async function loadOthers(): Promise<void> {
  const client = theClient();
  try {
    const described = await client.call<Description>("describe", { all: true });
    if (client === theClient()) {
      all.value = described.operations;
    }
  } catch {
    // The list of those that may be called does without.
  }
}

let again: ReturnType<typeof setTimeout> | undefined;

/** Keeps the description as it is for whoever is logged in, from now on. */
export function keepDescribed(): void {
  let described: number | undefined;
  effect(() => {
    const generation = clientGeneration.value;
    if (generation !== described) {
      described = generation;
      current.value = undefined;
      trouble.value = undefined;
    }
    void connection.value.reconnects;
    const { status } = login.value;
    if (isLive.value && status !== "asking") {
      untracked(() => void describe());
    }
  });
}

async function describe(): Promise<void> {
  const client = theClient();
  const asked = rightsOf(login.peek());
  try {
    const described = await client.call<Description>("describe", {});
    // For another login it was asked anew.
    if (client === theClient() && asked === rightsOf(login.peek())) {
      batch(() => {
        current.value = described;
        rights.value = asked;
        trouble.value = undefined;
      });
    }
  } catch (error) {
    if (client !== theClient()) {
      return;
    }
    if (wantsLogin(error)) {
      needLogin();
    } else {
      trouble.value = error instanceof Error ? error.message : String(error);
      clearTimeout(again);
      again = setTimeout(() => {
        // Elsewhere, and at another connection, it is asked anyhow.
        if (client === theClient() && isLive.peek()) {
          void describe();
        }
      }, DESCRIBE_AGAIN_MS);
    }
  }
}
