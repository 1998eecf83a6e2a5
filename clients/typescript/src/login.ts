import type { Answer, Connection } from "./connection.js";
import {
  CacheApiError,
  CallTimeout,
  ConnectionLost,
  InvalidParams,
  Unauthenticated,
} from "./errors.js";
import type { TokenSource } from "./options.js";
import { after, waitFor, within } from "./waiting.js";

/** How long before a login ends a new token is brought, in milliseconds; earlier where it lasts less than twice that. */
const RENEW_BEFORE_MS = 30_000;
/** The shortest time between two attempts to renew a login, in milliseconds. */
const RENEW_PAUSE_MS = 1000;
/** How long renewing a login may take, in milliseconds. */
const RENEW_PATIENCE_MS = 10_000;

/**
 * Logs connections in, and renews their logins. It always does so by `authenticate`: that tells when the login ends,
 * tells a bad token from a server that is not there (a browser would not), and takes every token.
 */
export class Login {
  #source: TokenSource | undefined;
  #callOff: () => void = () => undefined;

  constructor(source: TokenSource | undefined) {
    this.#source = source;
  }

  /** Logs a connection in. The signal gives that up. */
  async perform(connection: Connection, signal: AbortSignal): Promise<void> {
    const token = await this.#token(signal);
    if (!token) {
      return;
    }
    let login: Answer;
    try {
      login = await connection.call({ operation: "authenticate", params: { token } }, signal);
    } catch (error) {
      throw error instanceof InvalidParams
        ? new Unauthenticated("what is given as a token cannot be one")
        : error;
    }
    const { expires } = login.result as { expires?: number | null };
    if (typeof this.#source === "function" && typeof expires === "number") {
      this.#renewLater(connection, expires);
    }
  }

  /** The caller logged in by itself: the next connection is to be logged in likewise. */
  adopt(params: object): void {
    const { token } = params as { token?: unknown };
    if (typeof token === "string" && typeof this.#source !== "function") {
      this.#source = token;
    }
  }

  /** Renews nothing any more. */
  stop(): void {
    this.#callOff();
  }

  #token(signal: AbortSignal): Promise<string> {
    const source = this.#source;
    const asked = Promise.resolve(typeof source === "function" ? askFor(source) : (source ?? ""));
    return waitFor(signal, (resolve, reject) => {
      asked.then(resolve, (cause: unknown) => {
        reject(
          cause instanceof CacheApiError
            ? cause
            : new ConnectionLost("there is no token", { cause }),
        );
      });
      return () => undefined;
    });
  }

  #renewLater(connection: Connection, expires: number): void {
    const left = expires * 1000 - Date.now();
    const wait = Math.max(left - RENEW_BEFORE_MS, left / 2, RENEW_PAUSE_MS);
    this.#callOff();
    this.#callOff = after(wait, () => void this.#renew(connection, expires));
  }

  async #renew(connection: Connection, expires: number): Promise<void> {
    try {
      const late = (): Error => new CallTimeout("the login was not renewed in time");
      await within(RENEW_PATIENCE_MS, undefined, late, (signal) =>
        this.perform(connection, signal),
      );
    } catch {
      // The old login stands until it ends; the server closes the connection then, and the next one tells why.
      if (!connection.isLost) {
        this.#renewLater(connection, expires);
      }
    }
  }
}

async function askFor(source: () => string | Promise<string>): Promise<string> {
  return source();
}
