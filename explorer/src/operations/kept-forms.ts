import { MAX_KEPT_FORMS } from "../bounds";
import type { Form } from "./form-model";

interface Kept {
  form: Form;
  /** The params that stood in the address with it. */
  address: string | undefined;
}

/** Forms by their operation, so that what was typed is there again after a login. The one changed longest ago gives way. */
export class KeptForms {
  readonly #kept = new Map<string, Kept>();

  constructor(private readonly bound: number = MAX_KEPT_FORMS) {}

  keep(operation: string, form: Form, address: string | undefined): void {
    this.#kept.delete(operation);
    this.#kept.set(operation, { form, address });
    if (this.#kept.size > this.bound) {
      const [oldest = operation] = this.#kept.keys();
      this.#kept.delete(oldest);
    }
  }

  /** The form that belongs to what the address says. */
  find(operation: string, address: string | undefined): Form | undefined {
    const kept = this.#kept.get(operation);
    return kept?.address === address ? kept?.form : undefined;
  }
}
