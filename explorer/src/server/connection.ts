import { computed, signal, type ReadonlySignal } from "@preact/signals";
import { Core } from "client/core";
import { Unauthenticated } from "client/errors";
import type { ConnectionState } from "client/options";
import { serverUrl } from "./address";

/** How the connection is, as it is shown. */
export interface Connection {
  status: "connecting" | "live" | "lost" | "closed";
  /** Why it is not there. */
  error?: Error;
  /** When the next attempt is made, in milliseconds since the epoch. */
  retryAt?: number;
  /** How often it was made again since the page was opened. */
  reconnects: number;
}

const current = signal<Connection>({ status: "connecting", reconnects: 0 });
const generation = signal(0);
let client: Core | undefined;
let wasLive = false;

/** How the connection is. */
export const connection: ReadonlySignal<Connection> = current;

/** Grows with every client that takes the place of another, which ends all that was asked of the other. */
export const clientGeneration: ReadonlySignal<number> = generation;

/** Whether calls and streams are served at the moment. */
export const isLive: ReadonlySignal<boolean> = computed(() => current.value.status === "live");

/** The client in use. */
export function theClient(): Core {
  return client ?? replaceClient();
}

/** Gives up the client in use for a new one, as which nobody is logged in. */
export function replaceClient(): Core {
  const old = client;
  const made = new Core(serverUrl());
  client = made;
  wasLive = false;
  made.on("state", (state) => {
    if (client === made) {
      current.value = shown(state);
    }
  });
  old?.close();
  current.value = { status: "connecting", reconnects: current.value.reconnects };
  generation.value += 1;
  made.connect().catch(() => undefined); // the state tells it
  return made;
}

/** Whether a server wants a login, or another one. */
export function wantsLogin(error: unknown): boolean {
  return error instanceof Unauthenticated;
}

function shown(state: ConnectionState): Connection {
  const { reconnects } = current.value;
  switch (state.status) {
    case "connected": {
      const count = wasLive ? reconnects + 1 : reconnects;
      wasLive = true;
      return { status: "live", reconnects: count };
    }
    case "reconnecting":
      return {
        status: "lost",
        error: state.error,
        retryAt: Date.now() + state.delayMs,
        reconnects,
      };
    case "closed":
      return { status: "closed", ...(state.error && { error: state.error }), reconnects };
    default:
      return { status: "connecting", reconnects };
  }
}
