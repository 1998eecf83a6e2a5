/** What every update carries beside its item. */
export interface UpdateHead<Type extends string> {
  /** The kind of update. */
  type: Type;
  /** The id of the request that opened the stream. */
  request_id: string;
  /** The version of what is watched: it grows with every change and is the same for all who watch. */
  update_id: number;
  /** The `update_id` of the update sent before this one; null on the first. */
  prev_id: number | null;
}

/** An item as it is now. Members that the cache holds beyond those named here are passed on. */
export type UpdateOf<Type extends string, Item> = UpdateHead<Type> &
  Item & {
    /** Part of the present state that the stream begins with. */
    snapshot?: true;
    removed?: never;
  };

/** An item is gone. It has the members that name it. */
export type RemovalOf<
  Type extends string,
  Item,
  Names extends keyof Item = never,
> = UpdateHead<Type> &
  Pick<Item, Names> & {
    /** The item is gone. */
    removed: true;
    snapshot?: never;
  };

/** The connection is lost; when there is a new one the stream goes on, and says `fresh`. */
export interface Reconnecting {
  type: "reconnecting";
  /** Why. */
  error: Error;
}

/** The server cannot vouch for the stream's freshness; the last known state stands meanwhile. */
export interface Stale {
  type: "stale";
  /** Since when, in seconds since the epoch. */
  since: number;
  /** Why. */
  reason: string;
}

/**
 * The stream is followed again. After `stale` what was missed came before this; after `reconnecting` it comes next.
 */
export interface Fresh {
  type: "fresh";
}

/**
 * Something may be missing: of a log, entries. Of a state, that items went away, which is told when all that is there
 * has been told again.
 */
export interface Gap {
  type: "gap";
  /** The first version that is missing; null: not known, for the server counts anew. */
  from: number | null;
  /** The last version that is missing; null: not known. */
  to: number | null;
  /** Why. */
  reason: string;
}

/** A stored value is corrupt; the item's last healthy form stands. */
export interface StreamWarning {
  type: "warning";
  /** E.g. `CACHE_CORRUPT`. */
  code: string;
  /** A sentence. */
  error: string;
  /** Which item it is, where it is one. */
  item?: string;
}

/** What a stream that is opened with `events` yields beside updates. */
export type StreamEvent = Reconnecting | Stale | Fresh | Gap | StreamWarning;

/** What a stream yields: updates, and with `events` what happens to it. */
export type ItemOf<Update, Events extends boolean> = Events extends true
  ? Update | StreamEvent
  : Update;

/** What the runtime knows of an update. */
export interface AnyUpdate extends UpdateHead<string> {
  removed?: true;
  [member: string]: unknown;
}

/** How the updates of a stream are to be taken. */
export interface StreamKind {
  /** `state`: an item's newest form is what counts. `log`: every entry counts. */
  kind: "state" | "log";
  /** The members of an update that name its item. */
  namedBy: readonly string[];
}

/** A stream's settings as they are in effect. */
export interface StreamSettings {
  /** The `type` of its updates. */
  update_type: string;
  /** How change is noticed: `channel`, `tracking` or `poll`. */
  push: string;
  /** Milliseconds between two looks, where change is noticed by polling. */
  poll_interval_ms: number;
  /** Milliseconds between two updates of one item at the least. */
  min_interval_ms: number;
  /** Tells this course of `update_id`s from any other. */
  epoch: string;
  /** Whether the stream goes on where an earlier one ended. */
  resumed: boolean;
}
