import { computed, signal, type ReadonlySignal } from "@preact/signals";
import type { Core } from "client/core";
import { CallTimeout, ConnectionLost } from "client/errors";
import { connection, isLive, replaceClient, theClient, wantsLogin } from "./connection";
import type { Who } from "./types";

/** Where a token is kept over reloads of the page, if the user wants that. */
const KEPT_TOKEN = "fullon_cache_api.token";

/** Who is logged in, if anybody is. */
export interface Login {
  /** `none`: nobody, and the server lets that pass. `needed`: it does not. */
  status: "none" | "needed" | "asking" | "in";
  who?: Who;
  /** Why the last attempt failed. */
  error?: string;
}

const current = signal<Login>({ status: "none" });

/** Who is logged in, if anybody is. */
export const login: ReadonlySignal<Login> = current;

/** Whether nothing can be asked before somebody logs in. */
export const isLoginNeeded: ReadonlySignal<boolean> = computed(
  () => current.value.status === "needed" || wantsLogin(connection.value.error),
);

/** What tells one login from another that may read other things: a renewal changes nothing of it. */
export function rightsOf({ who }: Login): string {
  return who ? JSON.stringify([who.name, who.scopes, who.user_ids]) : "";
}

/** Begins: with the token that was kept, if there is one. */
export function beginLogin(): void {
  const kept = keptToken();
  if (kept !== undefined) {
    void logIn(kept, true, true); // it makes the first client itself
  } else {
    replaceClient();
  }
}

/** The server does not answer before somebody logs in. */
export function needLogin(): void {
  if (current.value.status !== "asking") {
    current.value = { ...current.value, status: "needed" };
  }
}

/**
 * Logs in, or brings a new token while logged in: streams go on then. A patient one waits for a server that is not
 * there. Gives whether the token is good; what comes after `logOut` is not looked at.
 */
export async function logIn(token: string, isKept: boolean, isPatient = false): Promise<boolean> {
  const { who, status } = current.value;
  const before = { status: status === "asking" ? "none" : status, ...(who && { who }) } as const;
  current.value = { ...before, status: "asking" };
  const client = isLive.value ? theClient() : replaceClient();
  try {
    const next = await authenticate(client, token, isPatient);
    if (client !== theClient()) {
      return false;
    }
    current.value = { status: "in", who: next };
    keep(isKept ? token : undefined);
    return true;
  } catch (error) {
    if (client !== theClient()) {
      return false;
    }
    if (who === undefined && wantsLogin(error)) {
      keep(undefined);
    }
    const text = error instanceof Error ? error.message : String(error);
    current.value = { ...before, error: text };
    return false;
  }
}

async function authenticate(client: Core, token: string, isPatient: boolean): Promise<Who> {
  for (;;) {
    try {
      return await client.call<Who>("authenticate", { token });
    } catch (error) {
      // A client that is in use connects by itself, in its own time: the call waits for that.
      const mayPass = error instanceof ConnectionLost || error instanceof CallTimeout;
      if (!isPatient || !mayPass || client !== theClient()) {
        throw error;
      }
    }
  }
}

/** Somebody logged in by calling the operation itself. */
export function adoptLogin(who: Who): void {
  current.value = { status: "in", who };
}

/** Logs out: forgets the token and begins anew without one. */
export function logOut(): void {
  keep(undefined);
  current.value = { status: "none" };
  replaceClient();
}

function keptToken(): string | undefined {
  try {
    return sessionStorage.getItem(KEPT_TOKEN) ?? undefined;
  } catch {
    return undefined; // storage is forbidden here
  }
}

function keep(token: string | undefined): void {
  try {
    if (token === undefined) {
      sessionStorage.removeItem(KEPT_TOKEN);
    } else {
      sessionStorage.setItem(KEPT_TOKEN, token);
    }
  } catch {
    // Storage is forbidden here: the token lasts as long as the page.
  }
}
