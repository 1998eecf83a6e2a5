import { signal } from "@preact/signals";
import type { JSX } from "preact";
import { login, type Operation, type Params } from "../server";
import { serverUrl } from "../server/address";
import { LANGUAGES, languageOf, writeSnippet } from "../snippets";
import { Copy } from "../ui/copy";
import { Tabs } from "../ui/tabs";
import { isSecret } from "./secrets";

/** Kept from one operation to the next. */
const chosen = signal(languageOf(undefined).id);

/** Programs that make the same call. */
export function Snippets({ operation, params }: { operation: Operation; params: Params }): JSX.Element {
  const language = languageOf(chosen.value);
  const wanted = {
    operation,
    params,
    url: serverUrl().replace(/\/$/, ""),
    isLoggedIn: login.value.who !== undefined,
  };
  const text = writeSnippet(language, wanted, isSecret);
  return (
    <section class="panel padded" aria-labelledby="snippets-title">
      <div class="titled">
        <h2 id="snippets-title">Copy as</h2>
        <Copy text={() => text} />
      </div>
      <Tabs
        label="Language"
        tabs={LANGUAGES}
        chosen={language.id}
        onChoose={(id) => (chosen.value = id)}
      >
        {/* Lines are not broken, so it may be scrolled: by the keyboard too. */}
        <pre class="snippet" tabIndex={0} aria-label={`${language.name} program`} role="region">
          {text}
        </pre>
      </Tabs>
    </section>
  );
}
