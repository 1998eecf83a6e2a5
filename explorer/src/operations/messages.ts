import { signal, type ReadonlySignal } from "@preact/signals";
import type { StreamEvent, StreamSettings } from "client/updates";
import { MAX_MESSAGES } from "../bounds";
import { follow, type FollowHandlers, type Params } from "../server";
import type { Status } from "../streams/following";

/** A message of a stream, or what happened to it. */
export interface Message {
  id: number;
  /** When it came, in milliseconds since the epoch. */
  at: number;
  kind: "update" | "event";
  content: object;
}

/** What is shown of a stream that is followed. */
export interface Followed {
  status: "opening" | "open" | "ended";
  /** Why what came may be old. */
  trouble?: Status | undefined;
  settings?: StreamSettings;
  /** What `list_streams` names it. */
  id?: string | undefined;
  error?: Error;
  /** How many updates came. */
  count: number;
  /** The newest, newest first. */
  messages: readonly Message[];
}

const OPENING: Followed = { status: "opening", count: 0, messages: [] };

/** Follows a stream for its messages. What it shows changes once a frame at the most. */
export class Messages {
  readonly #shown = signal(OPENING);
  #next: Followed = this.#shown.value;
  #frame = 0;

  get shown(): ReadonlySignal<Followed> {
    return this.#shown;
  }

  /** Begins. Gives what ends it. */
  start(operation: string, params: Params): () => void {
    const handlers: FollowHandlers = {
      onOpen: (settings, id) => this.#change({ status: "open", settings, id, trouble: undefined }),
      onUpdate: (update) => {
        this.#add("update", update);
        this.#change({ count: this.#next.count + 1 });
      },
      onEvent: (event) => {
        this.#add("event", plain(event));
        this.#change({ trouble: troubleOf(event, this.#next.trouble) });
      },
      onRestart: () => {
        this.#next = OPENING;
        this.#change({});
      },
      onEnd: (error) => this.#change({ status: "ended", error }),
    };
    const stop = follow(operation, params, handlers, { isExplained: true });
    return () => {
      stop();
      cancelAnimationFrame(this.#frame);
    };
  }

  #add(kind: Message["kind"], content: object): void {
    const [newest] = this.#next.messages;
    const message = { id: (newest?.id ?? 0) + 1, at: Date.now(), kind, content };
    this.#change({ messages: [message, ...this.#next.messages].slice(0, MAX_MESSAGES) });
  }

  #change(change: Partial<Followed>): void {
    this.#next = { ...this.#next, ...change };
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      this.#shown.value = this.#next;
    });
  }
}

/** What is the matter after an event. */
function troubleOf(event: StreamEvent, before: Status | undefined): Status | undefined {
  switch (event.type) {
    case "reconnecting":
      return { name: "reconnecting" };
    case "stale":
      return { name: "stale", since: event.since, reason: event.reason };
    case "fresh":
      return undefined;
    default:
      return before;
  }
}

/** An event as it can be written: an error is its message. */
function plain(event: StreamEvent): object {
  return event.type === "reconnecting" ? { ...event, error: event.error.message } : event;
}
