import type { Operation, Params } from "../server/types";

/** Params that are secret: they stand in no address and in no program. */
const SECRETS: ReadonlySet<string> = new Set(["token", "password", "secret"]);

/** Whether a param of this name is secret. */
export function isSecret(name: string): boolean {
  return SECRETS.has(name);
}

/** Whether an operation takes a secret. */
export function takesSecret({ params: { properties = {} } }: Operation): boolean {
  return Object.keys(properties).some(isSecret);
}

/**
 * The params that may stand in an address: those that the operation knows, for what has another name may be a secret
 * whose name is misspelt; none at all of an operation that takes a secret.
 */
export function withoutSecrets(operation: Operation, params: Params): Params {
  if (takesSecret(operation)) {
    return {};
  }
  const { properties = {} } = operation.params;
  return Object.fromEntries(Object.entries(params).filter(([name]) => Object.hasOwn(properties, name)));
}
