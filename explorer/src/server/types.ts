/** What `describe` tells, as far as this page looks at it. */

/** A JSON Schema, by the keywords that the server's schemas use. */
export interface Schema {
  type?: string | string[];
  title?: string;
  description?: string;
  default?: unknown;
  const?: unknown;
  enum?: unknown[];
  format?: string;
  pattern?: string;
  minLength?: number;
  maxLength?: number;
  minimum?: number;
  maximum?: number;
  minItems?: number;
  maxItems?: number;
  items?: Schema | boolean;
  prefixItems?: Schema[];
  properties?: Record<string, Schema>;
  required?: string[];
  additionalProperties?: Schema | boolean;
  anyOf?: Schema[];
  oneOf?: Schema[];
  allOf?: Schema[];
}

/** The params of a request. */
export type Params = Record<string, unknown>;

/** What may be asked of the server. */
export interface Operation {
  name: string;
  kind: "read" | "stream" | "system";
  domain: string;
  summary: string;
  description: string;
  params: Schema;
  /** Those of the params that ask for a part of the result. */
  paging: string[];
  /** Of a stream there is `update` in its place. */
  result?: Schema;
  update?: Schema;
  update_type: string | null;
  keys: Record<string, string>;
  commands: string[];
  channel: string | null;
  poll_interval_ms: number | null;
  push: string | null;
  scope: string | null;
  owner: string | null;
  errors: string[];
  examples: Params[];
}

/** What the server says of itself. */
export interface Description {
  server: { name: string; version: string; limits: Record<string, number> };
  operations: Operation[];
}

/** Who is logged in. */
export interface Who {
  name: string;
  scopes: string[];
  user_ids?: string[] | null;
  /** When the login ends, in seconds since the epoch; null: it does not. */
  expires?: number | null;
}
