import type { Explain } from "client/explain";

/** A part of the time that a call took. */
export interface Part {
  name: string;
  ms: number;
  kind: "network" | "waiting" | "redis" | "server";
}

/** What the server tells of its own time; all else was under way. */
export function partsOf(elapsedMs: number, explain: Explain | undefined): Part[] {
  if (!explain) {
    return [{ name: "all in all", ms: elapsedMs, kind: "network" }];
  }
  const server = explain.server_us / 1000;
  const redis = (explain.redis_us ?? 0) / 1000;
  const waiting = (explain.waited_us ?? 0) / 1000;
  const all: Part[] = [
    { name: "network and page", ms: Math.max(0, elapsedMs - server), kind: "network" },
    { name: "server", ms: Math.max(0, server - redis - waiting), kind: "server" },
    { name: "its turn", ms: waiting, kind: "waiting" },
    { name: explain.source === "embedded" ? "own store" : "Redis", ms: redis, kind: "redis" },
  ];
  return all.filter(({ ms, kind }) => ms > 0 || kind === "network" || kind === "server");
}

const SOURCES: ReadonlyMap<string, string> = new Map([
  ["redis", "Redis"],
  ["near_cache", "the near cache"],
  ["embedded", "the server's own store"],
  ["topic", "what is watched for streams"],
  ["server", "what the server knows of itself"],
]);

/** What else the server tells: whence the data came, by which commands. */
export function factsOf({ source, age_us: age, commands = {}, shared_by: sharedBy = 1 }: Explain): string[] {
  const facts = [`from ${SOURCES.get(source) ?? source}`];
  if (age !== undefined) {
    facts.push(`read ${Math.round(age / 1000)} ms before`);
  }
  facts.push(...Object.entries(commands).map(([name, count]) => `${count} × ${name}`));
  if (sharedBy > 1) {
    facts.push(`one read for ${sharedBy} requests`);
  }
  return facts;
}

/** Where each part stands in a bar that is 100 long. */
export function placed(
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
