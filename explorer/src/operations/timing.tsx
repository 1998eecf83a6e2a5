import type { JSX } from "preact";
import type { Explain } from "../server";

/** A part of the time that a call took. */
interface Part {
  name: string;
  ms: number;
  kind: "network" | "waiting" | "redis" | "server";
}

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

/** What the server tells of its own time; all else was under way. */
export function partsOf(elapsedMs: number, explain: Explain | undefined): Part[] {
  const server = msOf(explain?.["server_us"]);
  if (server === undefined) {
    return [{ name: "all in all", ms: elapsedMs, kind: "network" }];
  }
  const redis = msOf(explain?.["redis_us"]) ?? 0;
  const waiting = msOf(explain?.["waited_us"]) ?? 0;
  const all: Part[] = [
    { name: "network and page", ms: Math.max(0, elapsedMs - server), kind: "network" },
    { name: "server", ms: Math.max(0, server - redis - waiting), kind: "server" },
    { name: "its turn", ms: waiting, kind: "waiting" },
    { name: explain?.["source"] === "embedded" ? "own store" : "Redis", ms: redis, kind: "redis" },
  ];
  return all.filter(({ ms, kind }) => ms > 0 || kind === "network" || kind === "server");
}

function factsOf(explain: Explain): string[] {
  const { source, commands, shared_by: sharedBy } = explain;
  const facts = typeof source === "string" ? [`from ${source}`] : [];
  if (typeof commands === "object" && commands !== null) {
    facts.push(...Object.entries(commands).map(([name, count]) => `${String(count)} × ${name}`));
  }
  if (typeof sharedBy === "number" && sharedBy > 1) {
    facts.push(`one read for ${sharedBy} requests`);
  }
  return facts;
}

function placed(
  parts: readonly Part[],
  elapsedMs: number,
): { kind: string; from: number; width: number }[] {
  let from = 0;
  return parts.map(({ kind, ms }) => {
    const width = elapsedMs > 0 ? Math.min(100 - from, (100 * ms) / elapsedMs) : 0;
    from += width;
    return { kind, from: from - width, width };
  });
}

function msOf(us: unknown): number | undefined {
  return typeof us === "number" ? us / 1000 : undefined;
}

function msText(ms: number): string {
  return `${ms < 10 ? ms.toFixed(2) : ms.toFixed(0)} ms`;
}
