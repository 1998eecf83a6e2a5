import { computed, effect, signal, untracked, type ReadonlySignal } from "@preact/signals";
import { ClientClosed } from "client/errors";
import type { ResumePoint } from "client/options";
import type { AnyUpdate, StreamEvent, StreamSettings } from "client/updates";
import { clientGeneration, theClient } from "./connection";
import { describedFor, operations } from "./description";
import { streamKindOf } from "./stream-kind";
import type { Operation, Params } from "./types";

/** How many entries of a log, or removals of a state, may wait for the page; beyond, the server keeps them. */
const MAX_QUEUE = 2000;

/** What is told of a stream that is followed. */
export interface FollowHandlers {
  /** It is open, or open again; with its settings as granted, and the name by which `list_streams` tells of it. */
  onOpen?(settings: StreamSettings, id: string | undefined): void;
  /** An item as it is now, or that it is gone (`removed`). The present state comes first (`snapshot`). */
  onUpdate(update: AnyUpdate): void;
  /** The connection is lost, the state is stale, or fresh again; entries are missing; something stored is corrupt. */
  onEvent?(event: StreamEvent): void;
  /** Somebody else is logged in: what was told so far is void, and all is told anew. */
  onRestart?(): void;
  /** It cannot be opened, or not go on. It is not followed any more. */
  onEnd?(error: Error): void;
}

/** How a stream is followed. */
export interface FollowOptions {
  /** Whether `list_streams` is to tell how the server serves the stream. */
  isExplained?: boolean;
}

/** Of what the server cannot say how fresh it is. */
export interface Stale {
  /** How many of the streams that are followed. */
  streams: number;
  /** Since when, in seconds since the epoch. */
  since: number;
  reason: string;
}

const staleStreams = signal<ReadonlyMap<object, { since: number; reason: string }>>(new Map());

/** Whether streams that are followed are stale, for the server cannot reach its Redis; undefined: none is. */
export const stale: ReadonlySignal<Stale | undefined> = computed(() => {
  const all = [...staleStreams.value.values()];
  const [first] = all.sort((a, b) => a.since - b.since);
  return first && { ...first, streams: all.length };
});

/**
 * Follows a stream, over lost connections and other logins. It may be asked for at any time: it opens when the server
 * has told what streams it has. Gives what ends it.
 */
export function follow(
  operation: string,
  params: Params,
  handlers: FollowHandlers,
  options: FollowOptions = {},
): () => void {
  let begun: string | undefined;
  let abort = new AbortController();
  const end = effect(() => {
    // Who logs in in the place of another may read what the other could not, and the other way round.
    const login = `${clientGeneration.value} ${describedFor.value}`;
    const known = operations.value;
    if (known.size === 0 || begun === login) {
      return;
    }
    const isAgain = begun !== undefined;
    begun = login;
    untracked(() => {
      abort.abort();
      abort = new AbortController();
      if (isAgain) {
        handlers.onRestart?.();
      }
      const wanted = { name: operation, params, handlers, options, signal: abort.signal };
      void run(known.get(operation), wanted);
    });
  });
  return () => {
    end();
    abort.abort();
  };
}

/** What is followed. */
interface Wanted {
  name: string;
  params: Params;
  handlers: FollowHandlers;
  options: FollowOptions;
  signal: AbortSignal;
}

async function run(operation: Operation | undefined, wanted: Wanted): Promise<void> {
  const { name, params, handlers, options, signal } = wanted;
  if (!operation) {
    handlers.onEnd?.(new Error(`${name} is not there, or not for this login`));
    return;
  }
  const { snapshot, min_interval_ms: minIntervalMs, resume, ...own } = params;
  const stream = theClient().stream<AnyUpdate, true>(name, own, streamKindOf(operation), {
    events: true,
    signal,
    maxQueue: MAX_QUEUE,
    ...(options.isExplained && { explain: true }),
    ...(typeof snapshot === "boolean" && { snapshot }),
    ...(typeof minIntervalMs === "number" && { minIntervalMs }),
    ...(isResumePoint(resume) && { resume }),
  });
  let settings: StreamSettings | undefined;
  const noteOpening = (): void => {
    if (stream.settings && stream.settings !== settings && !signal.aborted) {
      settings = stream.settings;
      handlers.onOpen?.(settings, stream.id);
    }
  };
  // What is open may have nothing to tell for long. Why it cannot be opened, the loop says.
  stream.open().then(noteOpening, () => undefined);
  try {
    for await (const item of stream) {
      if (signal.aborted) {
        return;
      }
      noteOpening();
      if (isEvent(item)) {
        noteEvent(signal, item);
        handlers.onEvent?.(item);
      } else {
        handlers.onUpdate(item);
      }
    }
    if (!signal.aborted) {
      handlers.onEnd?.(new Error("the stream was ended by `unsubscribe`"));
    }
  } catch (error) {
    // A client that gave way to another ends its streams; they go on with the other.
    if (!signal.aborted && !(error instanceof ClientClosed)) {
      handlers.onEnd?.(error instanceof Error ? error : new Error(String(error)));
    }
  } finally {
    setStale(signal, undefined);
  }
}

function isEvent(item: AnyUpdate | StreamEvent): item is StreamEvent {
  return !("update_id" in item);
}

function isResumePoint(value: unknown): value is ResumePoint {
  return typeof value === "object" && value !== null && "epoch" in value && "update_id" in value;
}

function noteEvent(key: object, event: StreamEvent): void {
  if (event.type === "stale") {
    setStale(key, { since: event.since, reason: event.reason });
  } else if (event.type === "fresh" || event.type === "reconnecting") {
    setStale(key, undefined);
  }
}

function setStale(key: object, stale: { since: number; reason: string } | undefined): void {
  if (stale === undefined && !staleStreams.peek().has(key)) {
    return;
  }
  const next = new Map(staleStreams.peek());
  if (stale) {
    next.set(key, stale);
  } else {
    next.delete(key);
  }
  staleStreams.value = next;
}
