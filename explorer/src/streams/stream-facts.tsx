import type { JSX } from "preact";
import { duration, number, time } from "../format";
import { clock, serverNow } from "./clock";
import type { Following } from "./following";

/** How a stream fares: its rate, its age, what it missed, and its settings as the server granted them. */
export function StreamFacts({ following }: { following: Following }): JSX.Element {
  void clock.value;
  void following.status.value;
  const { rate, rows, lastAt, gaps, warnings, settings } = following;
  const perSecond = rate.perSecond(performance.now() / 1000);
  return (
    <dl class="stream-facts">
      <Fact name="Rate" value={`${number(perSecond, perSecond < 10 ? 1 : 0)}/s`} />
      <Fact name="Updates" value={number(rate.total)} />
      <Fact name={following.isLog ? "Entries" : "Items"} value={number(rows.size)} />
      <Fact name="Last" value={lastAt === undefined ? "–" : `${duration(serverNow() - lastAt)} ago`} />
      <Fact name="Gaps" value={number(gaps)} isBad={gaps > 0} />
      <Fact name="Warnings" value={number(warnings)} isBad={warnings > 0} />
      {settings && (
        <>
          <Fact name="Push" value={settings.push} />
          {settings.push === "poll" && (
            <Fact name="Looks" value={`every ${number(settings.poll_interval_ms)} ms`} />
          )}
          {settings.min_interval_ms > 0 && (
            <Fact name="At most every" value={`${number(settings.min_interval_ms)} ms`} />
          )}
        </>
      )}
    </dl>
  );
}

/** Something that is known of a stream. */
export function Fact({ name, value, isBad }: { name: string; value: string; isBad?: boolean }): JSX.Element {
  return (
    <div class={isBad ? "down" : undefined}>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}

/** What a stream said beside its updates, newest first. */
export function StreamNotes({ following }: { following: Following }): JSX.Element | null {
  void following.tick.value;
  const { notes } = following;
  return notes.length === 0 ? null : (
    <details class="notes">
      <summary>{`What it said beside updates (${notes.length})`}</summary>
      <ul>
        {notes.map(({ id, at, kind, text }) => (
          <li key={id}>
            <span class="faint">{time(at, serverNow())}</span> {`${kind}: ${text}`}
          </li>
        ))}
      </ul>
    </details>
  );
}
