import type { ResumePoint } from "./options.js";
import type { AnyUpdate, StreamEvent } from "./updates.js";

interface Entry {
  item: AnyUpdate | StreamEvent;
  /** Whether it counts against the bound. */
  counts: boolean;
  /** Where the stream stands when it is taken; undefined for an event. */
  position: ResumePoint | undefined;
}

type Result = IteratorResult<AnyUpdate | StreamEvent, undefined>;

interface Waiting {
  resolve(result: Result): void;
  reject(error: unknown): void;
}

/**
 * What waits to be taken of a stream. Of a state the newest form of every item, so that it is no larger than the
 * state, but for removals; of a log every entry. Removals and entries are counted, so that the stream can be paused.
 */
export class Queue {
  /** Where what was taken ends; for `resume`. */
  position: ResumePoint | undefined;
  /** How many entries, or removals, wait. */
  count = 0;
  readonly #entries = new Map<string, Entry>();
  // One iterator goes on behind what was taken; to begin anew at the front would pass every hole again.
  #next = this.#entries.entries();
  readonly #waiting: Waiting[] = [];
  #sequence = 0;
  #last: Entry | undefined;
  #isOver = false;
  #error: { error: unknown } | undefined;

  constructor(private readonly isLog: boolean) {}

  /** Appends an update; of a state it takes the place of an older one of the item of that name. */
  push(update: AnyUpdate, name: string | undefined, position?: ResumePoint): void {
    const counts = this.isLog || update.removed === true;
    this.#put(name ?? this.#unique(), { item: update, counts, position });
  }

  /** When all that waits has been taken, the stream stands there. */
  reach(position: ResumePoint): void {
    if (this.#last && this.#entries.size > 0) {
      this.#last.position = position;
    } else {
      this.position = position;
    }
  }

  /** Appends an event. Of each kind that only tells how things are, the newest is kept. */
  tell(event: StreamEvent): void {
    const isEntry = event.type === "gap" && this.isLog;
    const key = event.type === "warning" ? `warning ${event.item ?? ""}` : event.type;
    this.#put(isEntry ? this.#unique() : key, {
      item: event,
      counts: isEntry,
      position: undefined,
    });
  }

  /** Nothing more comes: what waits may still be taken, then it ends, or throws the error. */
  finish(error?: { error: unknown }): void {
    if (!this.#isOver) {
      this.#isOver = true;
      this.#error = error;
      this.#serve();
    }
  }

  /** Drops what waits. */
  clear(): void {
    this.#entries.clear();
    this.count = 0;
  }

  /** The next item, as soon as there is one. */
  take(): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#serve();
    });
  }

  #unique(): string {
    this.#sequence += 1;
    return `entry ${this.#sequence}`;
  }

  #put(key: string, entry: Entry): void {
    if (this.#isOver) {
      return;
    }
    this.#drop(key);
    this.#entries.set(key, entry);
    this.#last = entry;
    this.count += Number(entry.counts);
    this.#serve();
  }

  #drop(key: string): void {
    this.count -= Number(this.#entries.get(key)?.counts ?? false);
    this.#entries.delete(key);
  }

  #first(): Entry | undefined {
    if (this.#entries.size === 0) {
      return undefined;
    }
    let next = this.#next.next();
    if (next.done) {
      this.#next = this.#entries.entries();
      next = this.#next.next();
    }
    if (next.done) {
      return undefined;
    }
    const [key, entry] = next.value;
    this.#drop(key);
    return entry;
  }

  #serve(): void {
    for (let waiting = this.#waiting[0]; waiting; waiting = this.#waiting[0]) {
      const entry = this.#first();
      if (!entry && !this.#isOver) {
        return;
      }
      this.#waiting.shift();
      if (entry) {
        this.position = entry.position ?? this.position;
        waiting.resolve({ done: false, value: entry.item });
      } else if (this.#error) {
        const { error } = this.#error;
        // It is thrown once.
        this.#error = undefined;
        waiting.reject(error);
      } else {
        waiting.resolve({ done: true, value: undefined });
      }
    }
  }
}
