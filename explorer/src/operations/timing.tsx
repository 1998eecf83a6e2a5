import type { JSX } from "preact";
import type { Explain } from "../server";
import { factsOf, partsOf, placed } from "./timing-model";

/** Where the time of a call went: network, server, Redis. */
export function Timing({ elapsedMs, explain }: { elapsedMs: number; explain?: Explain | undefined }): JSX.Element {
  const parts = partsOf(elapsedMs, explain);
  return (
    <div class="timing">
      <span>
        <strong>{msText(elapsedMs)}</strong>
      </span>
      {parts.length > 1 && (
        <>
          <svg class="timing-bar" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">
            {placed(parts, elapsedMs).map(({ kind, from, width }) => (
              <rect key={kind} class={`part-${kind}`} x={from} y="0" width={width} height="8" />
            ))}
          </svg>
          <ul class="timing-parts">
            {parts.map(({ name, kind, ms }) => (
              <li key={kind}>
                <span class={`swatch part-${kind}`} aria-hidden="true" />
                {name} {msText(ms)}
              </li>
            ))}
          </ul>
        </>
      )}
      {explain && <p class="faint">{factsOf(explain).join(" · ")}</p>}
    </div>
  );
}

function msText(ms: number): string {
  return `${ms < 10 ? ms.toFixed(2) : ms.toFixed(0)} ms`;
}
