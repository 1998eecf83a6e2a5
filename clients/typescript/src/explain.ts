import type { StreamExplain } from "./types.js";

/** Where the time of an answer went and where its data came from. Times and ages are in microseconds. */
export interface Explain {
  /** From when the server had read the request until it had made the reply. */
  server_us: number;
  /**
   * Where the data came from: `redis`; `near_cache`, what was read before and has not changed since; `embedded`, the
   * server's own store; `topic`, what is watched for streams anyway; `server`, what the server knows of itself.
   */
  source: string;
  /** Of what is kept in the near cache: how long ago it was read. */
  age_us?: number;
  /** Of a read: how long it waited before its turn, for a read of the same that was under way, say. */
  waited_us?: number;
  /** Of a read: how long it waited for Redis, or the server's own store. */
  redis_us?: number;
  /** Of a read: how many commands it sent, by their names. */
  commands?: Record<string, number>;
  /** Of a read: how many requests it answered, this one among them. */
  shared_by?: number;
  /** Of a stream: how it is served. */
  stream?: StreamExplain;
}
