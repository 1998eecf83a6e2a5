import type { Answer } from "./connection.js";
import { ClientClosed } from "./errors.js";
import type { ResumePoint } from "./options.js";
import type { Subscription } from "./subscription.js";
import type { ItemOf, StreamSettings } from "./updates.js";
import { after } from "./waiting.js";

/** How long the end of a stream waits for the server to know, in milliseconds. */
const LEAVE_PATIENCE_MS = 1000;

/**
 * The updates of something, without end: `for await (const update of stream)`. It is opened when the first is asked
 * for, goes on over lost connections, and ends when the loop is left.
 */
export class Stream<Update, Events extends boolean = false> implements AsyncIterableIterator<
  ItemOf<Update, Events>
> {
  readonly #subscription: Subscription;
  #begin: (() => void) | undefined;

  /** Streams are made by the client's methods. */
  constructor(subscription: Subscription, begin: () => void) {
    this.#subscription = subscription;
    this.#begin = begin;
  }

  /** What the server answered when it was last opened, with `explain` if that was asked; undefined until it is. */
  get reply(): Answer<StreamSettings> | undefined {
    return this.#subscription.reply;
  }

  /** How the server serves it; undefined until it is open. */
  get settings(): StreamSettings | undefined {
    return this.#subscription.settings;
  }

  /**
   * The `request_id` by which it was opened: `list_streams` names it so. It is another on every connection; undefined
   * while there is none.
   */
  get id(): string | undefined {
    return this.#subscription.id;
  }

  /** Where the last update that was taken stands: the option `resume` of a later stream goes on from there. */
  get position(): ResumePoint | undefined {
    return this.#subscription.queue.position;
  }

  /**
   * Opens the stream now, and waits until it is. Its first update does so too.
   *
   * @throws {@link CacheApiError} when the stream cannot be opened.
   */
  async open(): Promise<Answer<StreamSettings>> {
    this.#start();
    await this.#subscription.opened;
    const { reply, isEnded, failure } = this.#subscription;
    if (!reply || isEnded) {
      throw failure ? failure.error : new ClientClosed("the stream is closed");
    }
    return reply;
  }

  /**
   * The next update, as soon as there is one.
   *
   * @throws {@link CacheApiError} when the stream cannot be opened or go on.
   */
  async next(): Promise<IteratorResult<ItemOf<Update, Events>, undefined>> {
    this.#start();
    const taken = await this.#subscription.queue.take();
    this.#subscription.makeRoom();
    return taken as IteratorResult<ItemOf<Update, Events>, undefined>;
  }

  /** Ends the stream; what was not taken is dropped. Leaving a `for await` loop does it. */
  async return(): Promise<IteratorReturnResult<undefined>> {
    this.#begin = undefined;
    const ended = this.#subscription.end();
    this.#subscription.queue.clear();
    let callOff: () => void = () => undefined;
    const patience = new Promise<void>((resolve) => {
      callOff = after(LEAVE_PATIENCE_MS, resolve);
    });
    await Promise.race([ended, patience]);
    callOff();
    return { done: true, value: undefined };
  }

  /** Ends the stream, as leaving the loop does. */
  async close(): Promise<void> {
    await this.return();
  }

  #start(): void {
    const begin = this.#begin;
    this.#begin = undefined;
    begin?.();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
