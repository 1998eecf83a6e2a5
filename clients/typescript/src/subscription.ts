import type { Answer, Connection, StreamMessage } from "./connection.js";
import {
  CacheApiError,
  ClientClosed,
  ConnectionLost,
  Forbidden,
  InvalidOperation,
  InvalidParams,
  StreamGap,
  Unauthenticated,
} from "./errors.js";
import { Items } from "./items.js";
import type { ResumePoint, StreamOptions } from "./options.js";
import { Queue } from "./queue.js";
import type { AnyUpdate, Gap, StreamKind, StreamSettings } from "./updates.js";
import { after } from "./waiting.js";

/** How many updates wait at the most, unless the caller says otherwise. */
const MAX_QUEUE = 10_000;
/** The longest pause before a stream that was refused is opened again, in milliseconds. */
const REOPEN_MAX_MS = 20_000;

/** What a stream asks for. */
export interface Wanted {
  operation: string;
  params: object;
  kind: StreamKind;
  options: StreamOptions;
}

/**
 * A stream's course over any number of connections: opened, followed, and opened again where it stood. What comes of
 * it goes to a queue. If that is full the stream is left, and gone on with from there when there is room: the server
 * remembers for a while what was not taken, and says what it does not.
 */
export class Subscription {
  readonly queue: Queue;
  /** Fulfilled when it is open for the first time, or ended. */
  readonly opened: Promise<void>;
  /** What the server answered when it was last opened. */
  reply: Answer<StreamSettings> | undefined;
  /** What it ended with, if that was an error. */
  failure: { error: unknown } | undefined;
  readonly #wanted: Wanted;
  readonly #maxQueue: number;
  /** Of a state, which items its reader knows of. */
  readonly #items: Items | undefined;
  #connection: Connection | undefined;
  #id: string | undefined;
  /** Where it stands, as far as it was received. */
  #position: ResumePoint | undefined;
  /** Of a log, the last update: another server finds it in the list and goes on behind it. */
  #entry: object | undefined;
  /** The `update_id` before the next; null on the first. */
  #previous: number | null = null;
  #isPaused = false;
  #isEnded = false;
  #refusals = 0;
  /** Whether its reader was told that it is not up to date at the moment. */
  #isAway = false;
  #callOff: () => void = () => undefined;
  #tellOpen: () => void = () => undefined;
  readonly #onEnd: () => void;

  constructor(wanted: Wanted, onEnd: () => void) {
    this.#wanted = wanted;
    this.#maxQueue = Math.max(1, wanted.options.maxQueue ?? MAX_QUEUE);
    this.#position = wanted.options.resume;
    this.#onEnd = onEnd;
    this.opened = new Promise((resolve) => {
      this.#tellOpen = resolve;
    });
    const { kind, namedBy } = wanted.kind;
    this.#items = kind === "state" ? new Items(namedBy) : undefined;
    this.queue = new Queue(kind === "log");
  }

  /** The `request_id` by which it was opened on the present connection. */
  get id(): string | undefined {
    return this.#id;
  }

  /** How the server serves it; undefined until it is open. */
  get settings(): StreamSettings | undefined {
    return this.reply?.result;
  }

  /** Whether nothing more comes of it. */
  get isEnded(): boolean {
    return this.#isEnded;
  }

  /** There is a connection: opens the stream on it. */
  connect(connection: Connection): void {
    this.#connection = connection;
    if (!this.#isPaused && !this.#isEnded) {
      this.#open(connection);
    }
  }

  /** The connection is lost. */
  disconnect(error: Error): void {
    this.#callOff();
    this.#connection = undefined;
    this.#id = undefined;
    if (this.#wanted.options.events && this.settings) {
      this.#isAway = true;
      this.queue.tell({ type: "reconnecting", error });
    }
  }

  /** Something was taken from the queue: goes on, if it was paused and there is room again. */
  makeRoom(): void {
    if (this.#isPaused && this.queue.count <= this.#maxQueue / 2) {
      this.#isPaused = false;
      if (this.#connection && !this.#isEnded) {
        this.#open(this.#connection);
      }
    }
  }

  /** Ends it: with an error, which is thrown after what waits. Fulfilled when the server knows. */
  async end(error?: { error: unknown }): Promise<void> {
    if (!this.#isEnded) {
      this.#isEnded = true;
      this.failure = error;
      this.#callOff();
      this.queue.finish(error);
      this.#tellOpen();
      this.#onEnd();
      await this.#leave();
    }
  }

  #open(connection: Connection): void {
    const { operation, params, options } = this.#wanted;
    const resume = this.#position && {
      ...this.#position,
      ...(this.#entry && { entry: this.#entry }),
    };
    // Without a place to go on from, a state that changed perhaps is told anew.
    const isAnew = this.settings !== undefined && !resume && this.#items !== undefined;
    const snapshot = isAnew ? true : options.snapshot;
    this.#previous = null;
    const id = connection.follow(
      {
        operation,
        params: { ...params, snapshot, min_interval_ms: options.minIntervalMs, resume },
        explain: options.explain,
      },
      (outcome) => this.#id === id && this.#settle(outcome, resume),
      (message) => this.#id === id && this.#take(message),
    );
    this.#id = id;
  }

  #settle(outcome: Answer | CacheApiError, resume: ResumePoint | undefined): void {
    if (outcome instanceof CacheApiError) {
      this.#refused(outcome);
      return;
    }
    const isAgain = this.settings !== undefined;
    const { options } = this.#wanted;
    this.reply = outcome as Answer<StreamSettings>;
    const settings = this.reply.result;
    this.#refusals = 0;
    this.#tellOpen();
    if (resume && !settings.resumed) {
      this.#position = undefined;
      const reason = "the server does not remember where the stream stood";
      this.#gap({ type: "gap", from: null, to: null, reason });
    } else if (isAgain && !resume && options.snapshot === false) {
      const reason = "nothing was told before the stream was opened again";
      this.#gap({ type: "gap", from: null, to: null, reason });
    }
    if (!this.#position && this.#missesFromTheFirst()) {
      this.#position = { epoch: settings.epoch, update_id: 0 };
    }
    if (this.#isAway) {
      this.#isAway = false;
      this.queue.tell({ type: "fresh" });
    }
  }

  /** It cannot be opened. Once it was, what may pass is waited for. */
  #refused(error: CacheApiError): void {
    // What the loss of the connection leaves unanswered is asked again on the next.
    if (error instanceof ConnectionLost || error instanceof ClientClosed) {
      return;
    }
    this.#forget();
    const isFinal = [Forbidden, Unauthenticated, InvalidParams, InvalidOperation].some(
      (known) => error instanceof known,
    );
    if (isFinal || !this.settings) {
      void this.end({ error });
      return;
    }
    this.#openLater(error.retryAfterMs ?? 0);
  }

  #openLater(leastMs: number): void {
    this.#refusals += 1;
    const mostMs = Math.min(REOPEN_MAX_MS, 100 * 2 ** this.#refusals);
    this.#callOff();
    this.#callOff = after(leastMs + Math.random() * mostMs, () => {
      if (this.#connection) {
        this.#open(this.#connection);
      }
    });
  }

  #take(message: StreamMessage): void {
    const { events } = this.#wanted.options;
    switch (message.type) {
      case "stream_end":
        this.#ended(String(message["reason"]));
        return;
      case "stream_gap": {
        const [from, to] = [Number(message["from"]), Number(message["to"])];
        const reason = "the server could not keep what was not taken in time";
        this.#gap({ type: "gap", from, to, reason });
        return;
      }
      case "stream_complete":
        this.#complete(message);
        return;
      case "stream_stale":
        if (events) {
          this.#isAway = true;
          const [since, reason] = [Number(message["since"]), String(message["reason"])];
          this.queue.tell({ type: "stale", since, reason });
        }
        return;
      case "stream_fresh":
        if (events) {
          this.#isAway = false;
          this.queue.tell({ type: "fresh" });
        }
        return;
      case "stream_warning":
        this.#items?.keepMissing();
        if (events) {
          const { error_code: code, error, item } = message;
          this.queue.tell({
            type: "warning",
            code: String(code),
            error: String(error),
            ...(item !== undefined && { item: String(item) }),
          });
        }
        return;
      default:
        this.#update(message as unknown as AnyUpdate);
    }
  }

  #update(update: AnyUpdate): void {
    if (!this.settings || update.type !== this.settings.update_type) {
      // A message that a later server may send.
      return;
    }
    if (update.prev_id !== this.#previous) {
      // One is missing: it is asked for again, with all that came after it.
      this.#reopen();
      return;
    }
    const { epoch } = this.settings;
    this.#previous = update.update_id;
    this.#position = { epoch, update_id: update.update_id };
    if (!this.#items) {
      // Its reader may change it.
      this.#entry = { ...update };
    }
    this.#push(update, this.#position);
  }

  #push(update: AnyUpdate, position?: ResumePoint): void {
    this.queue.push(update, this.#items?.note(update), position);
    if (this.queue.count >= this.#maxQueue && !this.#isPaused) {
      this.#isPaused = true;
      void this.#leave();
    }
  }

  /** All that there is of a state has been told: tells what is gone. */
  #complete({ request_id, update_id: version }: StreamMessage): void {
    if (!this.settings || !this.#items) {
      return;
    }
    const { update_type: type, epoch } = this.settings;
    const update_id = Number(version);
    this.#position = { epoch, update_id };
    for (const item of this.#items.complete()) {
      const head = { type, request_id, update_id, prev_id: this.#previous };
      this.#push({ ...head, removed: true, ...item });
    }
    this.queue.reach(this.#position);
  }

  /** Whether there is something to miss where nothing has been told yet. */
  #missesFromTheFirst(): boolean {
    // Of a state only who resumes is told when all has been told.
    return this.#items ? this.#items.isAnyMissing : this.#wanted.options.snapshot !== false;
  }

  /** Tells of a gap. Of a state all that is there follows anew, then what is gone. */
  #gap(gap: Gap): void {
    this.#items?.beginAnew();
    if (this.#wanted.options.events) {
      this.queue.tell(gap);
    } else if (!this.#items) {
      void this.end({ error: new StreamGap(`entries may be missing: ${gap.reason}`) });
    }
  }

  #ended(reason: string): void {
    this.#forget();
    if (reason === "unsubscribed") {
      void this.end();
    } else if (reason === "forbidden") {
      void this.end({ error: new Forbidden("this login may not read that any more") });
    } else {
      // It shows other items now, so it is opened anew.
      this.#openLater(0);
    }
  }

  /** The server has ended it. */
  #forget(): void {
    if (this.#id !== undefined) {
      this.#connection?.forget(this.#id);
      this.#id = undefined;
    }
  }

  #reopen(): void {
    void this.#leave();
    if (this.#connection) {
      this.#open(this.#connection);
    }
  }

  async #leave(): Promise<void> {
    const id = this.#id;
    this.#id = undefined;
    if (id !== undefined) {
      await this.#connection?.leave(id);
    }
  }
}
