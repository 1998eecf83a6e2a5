import type { StreamExplain } from "client/types";
import { duration, number } from "../format";

/** How the server serves a stream, in words. */
export function servedFacts(explain: StreamExplain): [name: string, value: string][] {
  const { push, push_reason: reason, topic, subscribers, items, updates, conflated, gaps } = explain;
  const facts: [string, string | undefined][] = [
    ["Change is noticed by", reason == null ? push : `${push}: ${reason}`],
    ["What is watched is", topic],
    ["Watched by", subscribers == null ? undefined : subscribers === 1 ? "this stream" : `${number(subscribers)} streams`],
    ["It has", items == null ? undefined : items === 1 ? "1 item" : `${number(items)} items`],
    ["Read", agoOf(explain.read_age_us)],
    ["Last sent", agoOf(explain.update_age_us)],
    ["Sent", number(updates)],
    ["Left out for newer ones", conflated == null ? undefined : number(conflated)],
    ["Gaps told", number(gaps)],
  ];
  return facts.filter((fact): fact is [string, string] => fact[1] !== undefined);
}

function agoOf(us: number | null | undefined): string | undefined {
  return us == null ? undefined : `${duration(us / 1e6)} ago`;
}
