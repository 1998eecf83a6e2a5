import { signal, type ReadonlySignal } from "@preact/signals";
import type { AnyUpdate, StreamEvent, StreamSettings } from "client/updates";
import { MAX_NOTES } from "../bounds";
import { Bars, isBar, isBars } from "../chart/bars";
import { follow, streamKindOf, type FollowHandlers, type Operation, type Params } from "../server";
import { serverNow } from "./clock";
import { columnsOf, itemOf, type Column } from "./columns";
import { draw, forget } from "./frames";
import { Lines } from "./lines";
import { Rate } from "./rate";
import { Rows, type Row, type Values } from "./rows";

/** How a stream is. */
export type Status =
  | { name: "opening" | "live" | "reconnecting" }
  | { name: "stale"; since: number; reason: string }
  | { name: "ended"; reason: string };

/** Something that a stream said beside its updates. */
export interface Note {
  id: number;
  /** In seconds since the epoch. */
  at: number;
  kind: "gap" | "warning";
  text: string;
}

/** What is drawn of a stream beside its rows. */
export interface FollowingOptions {
  /** The column of whose numbers each row gets a line. */
  line?: string | undefined;
  /** How many rows are kept. */
  rows?: number;
  /** What names a row, in place of what the stream's schema says. */
  namedBy?: readonly string[];
  /** Whether the server keeps account of how it serves the stream. */
  isExplained?: boolean;
}

/** A stream that is followed: its rows, lines, bars, and how it fares; all of it bounded. */
export class Following {
  readonly columns: readonly Column[];
  readonly namedBy: readonly string[];
  readonly isLog: boolean;
  readonly rows: Rows;
  /** The bars, of a stream that brings bars. */
  readonly bars: Bars | undefined;
  readonly rate = new Rate();
  readonly lines = new Lines();
  /** Newest first. */
  notes: readonly Note[] = [];
  gaps = 0;
  warnings = 0;
  /** When the last update came, in seconds since the epoch. */
  lastAt: number | undefined;
  settings: StreamSettings | undefined;
  /** What `list_streams` names it on the present connection. */
  id: string | undefined;
  readonly #tick = signal(0);
  readonly #status = signal<Status>({ name: "opening" });
  readonly #timeColumn: string | undefined;
  readonly #isExplained: boolean;
  #line: string | undefined;
  #isPaused = false;
  #noted = 0;
  readonly #show = (): void => {
    this.#tick.value += 1;
  };

  constructor(
    readonly operation: Operation,
    private readonly params: Params,
    options: FollowingOptions = {},
  ) {
    const { kind, namedBy } = streamKindOf(operation);
    this.isLog = kind === "log";
    this.namedBy = namedBy;
    this.columns = columnsOf(operation, namedBy);
    this.bars = isBars(itemOf(operation)?.properties ?? {}) ? new Bars() : undefined;
    this.#line = options.line;
    this.#isExplained = options.isExplained ?? false;
    this.#timeColumn = this.columns.find((column) => column.kind === "time")?.name;
    const own = options.namedBy ?? (this.isLog ? undefined : namedBy);
    const names = this.bars ? ["time"] : own;
    const columns = this.columns.map(({ name }) => name);
    this.rows = new Rows(names, columns, options.rows);
  }

  /** Grows whenever there is something new to draw: at most once a frame. */
  get tick(): ReadonlySignal<number> {
    return this.#tick;
  }

  get status(): ReadonlySignal<Status> {
    return this.#status;
  }

  /** While it is paused it is followed, but nothing new is drawn. */
  set isPaused(isPaused: boolean) {
    this.#isPaused = isPaused;
    if (isPaused) {
      forget(this.#show);
    } else {
      draw(this.#show);
    }
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  /** Draws lines of another column: from what is known on. */
  set line(column: string | undefined) {
    if (column !== this.#line) {
      this.#line = column;
      this.lines.clear();
      [...this.rows.sorted()].reverse().forEach((row) => this.#draw(row));
      this.#changed();
    }
  }

  /** Follows it, until what this gives is called. */
  start(): () => void {
    const handlers: FollowHandlers = {
      onOpen: (settings, id) => {
        this.settings = settings;
        this.id = id;
        this.#become({ name: "live" });
      },
      onUpdate: (update) => this.#take(update),
      onEvent: (event) => this.#hear(event),
      onRestart: () => this.#restart(),
      onEnd: (error) => this.#become({ name: "ended", reason: error.message }),
    };
    const options = { isExplained: this.#isExplained };
    const stop = follow(this.operation.name, this.params, handlers, options);
    return () => {
      stop();
      forget(this.#show);
    };
  }

  /** Puts entries before those that came. */
  precede(entries: readonly Values[]): void {
    const later = [...this.rows.sorted()].reverse().map(({ values }) => values);
    this.rows.clear();
    [...entries, ...later].forEach((values) => this.rows.apply(values, 0));
    this.#changed();
  }

  #take(update: AnyUpdate): void {
    const now = performance.now();
    this.lastAt = serverNow();
    this.rate.count(now / 1000);
    const values = this.#flat(update);
    const row = this.rows.apply(values, now);
    if (row) {
      this.#draw(row);
    } else {
      this.lines.delete(this.rows.keyOf(values));
    }
    this.#changed();
  }

  #flat(update: AnyUpdate): Values {
    const { bar } = update;
    if (!this.bars || !isBar(bar)) {
      return update;
    }
    this.bars.apply(bar);
    const [time, open, high, low, close, volume] = bar;
    return { time, open, high, low, close, volume, closed: update["closed"] };
  }

  #draw({ key, values }: Row): void {
    const value = this.#line === undefined ? undefined : values[this.#line];
    if (typeof value !== "number") {
      return;
    }
    const name = this.isLog ? this.#lineOf(values) : key;
    this.lines.push(name, [this.#timeOf(values), value], serverNow());
  }

  /** Entries of a log tell when they were; items of a state are as they are now. */
  #timeOf(values: Values): number {
    const own = this.isLog && this.#timeColumn ? values[this.#timeColumn] : undefined;
    return typeof own === "number" ? own : serverNow();
  }

  /** Entries of a log have no name; those of one symbol make a line. */
  #lineOf(values: Values): string {
    const { symbol } = values;
    return typeof symbol === "string" ? symbol : this.#line ?? "";
  }

  #hear(event: StreamEvent): void {
    switch (event.type) {
      case "reconnecting":
        this.#become({ name: "reconnecting" });
        break;
      case "stale":
        this.#become({ name: "stale", since: event.since, reason: event.reason });
        break;
      case "fresh":
        this.#become({ name: "live" });
        break;
      case "gap":
        this.gaps += 1;
        this.#note("gap", event.reason);
        break;
      case "warning":
        this.warnings += 1;
        this.#note("warning", event.item ? `${event.item}: ${event.error}` : event.error);
    }
    this.#changed();
  }

  #note(kind: Note["kind"], text: string): void {
    this.#noted += 1;
    const note = { id: this.#noted, at: serverNow(), kind, text };
    this.notes = [note, ...this.notes].slice(0, MAX_NOTES);
  }

  #restart(): void {
    this.rows.clear();
    this.bars?.clear();
    this.lines.clear();
    this.notes = [];
    this.gaps = 0;
    this.warnings = 0;
    this.lastAt = undefined;
    this.settings = undefined;
    this.#become({ name: "opening" });
    // While it is paused too: what the former login could read goes.
    draw(this.#show);
  }

  #become(status: Status): void {
    this.#status.value = status;
  }

  #changed(): void {
    if (!this.#isPaused) {
      draw(this.#show);
    }
  }
}
