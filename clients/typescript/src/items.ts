import type { AnyUpdate } from "./updates.js";

/** Which items of a state its reader knows of, so that those that go away unsaid are told. */
export class Items {
  #known = new Set<string>();
  #missing = new Set<string>();

  constructor(private readonly namedBy: readonly string[]) {}

  /** Whether there are items of which nothing was told since all is told anew. */
  get isAnyMissing(): boolean {
    return this.#missing.size > 0;
  }

  /** Takes note of an update. Gives what names its item. */
  note(update: AnyUpdate): string {
    const name = JSON.stringify(this.namedBy.map((member) => update[member]));
    this.#missing.delete(name);
    if (update.removed) {
      this.#known.delete(name);
    } else {
      this.#known.add(name);
    }
    return name;
  }

  /** All that there is will be told anew. */
  beginAnew(): void {
    // Without a name there is one item, which does not go away.
    if (this.namedBy.length > 0) {
      this.#known.forEach((name) => this.#missing.add(name));
      this.#known = new Set();
    }
  }

  /** Some of what there is cannot be read, and what was told of that last stands; which it is is not known. */
  keepMissing(): void {
    this.#missing.forEach((name) => this.#known.add(name));
    this.#missing = new Set();
  }

  /** All that there is has been told. Gives the members that name those that are gone. */
  complete(): Record<string, unknown>[] {
    const gone = [...this.#missing];
    this.#missing = new Set();
    return gone.map((name) => {
      const values = JSON.parse(name) as unknown[];
      return Object.fromEntries(this.namedBy.map((member, at) => [member, values[at]]));
    });
  }
}
