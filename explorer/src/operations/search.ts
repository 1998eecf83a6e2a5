import type { Operation } from "../server/types";

/** A domain with those of its operations that were looked for. */
export interface Group {
  domain: string;
  operations: Operation[];
}

/**
 * The operations in which every word of a text is found, by domain. Within a domain those come first in whose names
 * the words are.
 */
export function search(all: Iterable<Operation>, text: string): Group[] {
  const words = text.toLowerCase().split(/[\s_]+/).filter((word) => word !== "");
  const groups = new Map<string, { operation: Operation; rank: number }[]>();
  for (const operation of all) {
    const rank = rankOf(operation, words);
    if (rank !== undefined) {
      const group = groups.get(operation.domain) ?? [];
      group.push({ operation, rank });
      groups.set(operation.domain, group);
    }
  }
  return [...groups]
    .sort(([a], [b]) => a.localeCompare(b))
    .map(([domain, found]) => ({
      domain,
      operations: found.sort((a, b) => a.rank - b.rank).map(({ operation }) => operation),
    }));
}

/** How far from its name the words are found; undefined: not all are. */
function rankOf(operation: Operation, words: readonly string[]): number | undefined {
  const places = [
    operation.name,
    `${operation.domain} ${operation.kind}`,
    operation.summary,
    `${operation.description} ${Object.values(operation.keys).join(" ")} ${operation.scope ?? ""}`,
  ].map((place) => place.toLowerCase());
  let worst = 0;
  for (const word of words) {
    const at = places.findIndex((place) => place.includes(word));
    if (at < 0) {
      return undefined;
    }
    worst = Math.max(worst, at);
  }
  return worst;
}
