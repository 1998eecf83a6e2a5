import type { Params } from "../server/types";

/** Params that are secret: they stand in no address and in no program. */
const SECRETS: ReadonlySet<string> = new Set(["token", "password", "secret"]);

/** Whether a param of this name is secret. */
export function isSecret(name: string): boolean {
  return SECRETS.has(name);
}

/** Params without those that are secret. */
export function withoutSecrets(params: Params): Params {
  return Object.fromEntries(Object.entries(params).filter(([name]) => !isSecret(name)));
}
