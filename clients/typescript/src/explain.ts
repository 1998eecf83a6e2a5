/** Where the time of an answer went and where its data came from. Times and ages are in microseconds. */
export interface Explain {
  /** From when the server had read the request until it had made the reply. */
  server_us: number;
  /**
   * Where the data came from: `redis`; `embedded`, the server's own store; `topic`, what is watched for streams
   * anyway; `server`, what the server knows of itself.
   */
  source: string;
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

/** How a stream is served. */
export interface StreamExplain {
  /** How change is noticed: `channel`, `tracking` or `poll`. */
  push: string;
  /** Why it is not noticed in a better way, where that is so. */
  push_reason?: string;
  /** What is watched: `fresh`; `stale`, when nobody can vouch for it; `unread`, before it has been read. */
  topic: string;
  /** How many streams watch the same. */
  subscribers: number;
  /** How many items, or entries of a log, there are for this stream. */
  items: number;
  /** How long ago all of it was last read. */
  read_age_us?: number;
  /** How long ago anything last changed of what this stream sees. */
  change_age_us?: number;
  /** How many updates were sent. */
  updates: number;
  /** How many updates were not sent, for a newer one of the same item took their place; absent where it is not told. */
  conflated?: number;
  /** How many gaps were told. */
  gaps: number;
}
