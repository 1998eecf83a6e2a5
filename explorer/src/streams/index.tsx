import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import { MAX_STREAMS } from "../bounds";
import { link, route, setQuery } from "../route";
import { operations, type Params } from "../server";
import { AddStream } from "./add-stream";
import { setClock, useClock } from "./clock";
import { StreamPanel } from "./stream-panel";
import { nameOf, readShown, writeShown, type Shown } from "./url";

/** Any streams, side by side. All that is shown stands in the address. */
export default function Streams(): JSX.Element {
  const known = operations.value;
  useEffect(useClock, []);
  useEffect(() => {
    if (known.size > 0) {
      void setClock();
    }
  }, [known]);
  const all = readShown(route.value.query["s"]);
  const show = (next: readonly Shown[]): void => setQuery({ s: writeShown(next) });
  const add = (operation: string, params: Params): void => {
    const wanted: Shown = { operation, params, view: "table" };
    if (!all.some((shown) => nameOf(shown) === nameOf(wanted))) {
      show([wanted, ...all]);
    }
  };
  const full = all.length < MAX_STREAMS ? undefined : `No more than ${MAX_STREAMS} side by side`;
  return (
    <div class="streams">
      <h1>Streams</h1>
      <AddStream onAdd={add} full={full} />
      {all.length === 0 && <Suggestions />}
      {all.map((shown, place) => (
        <StreamPanel
          key={nameOf(shown)}
          shown={shown}
          onChange={(next) => show(all.with(place, next))}
          onClose={() => show(all.toSpliced(place, 1))}
        />
      ))}
    </div>
  );
}

/** All streams that there are, by their first example. */
function Suggestions(): JSX.Element {
  const streams = [...operations.value.values()].filter(({ kind }) => kind === "stream");
  return (
    <section class="panel suggestions" aria-labelledby="suggestions-title">
      <h2 id="suggestions-title">Follow one of these, or several</h2>
      <ul>
        {streams.map(({ name, summary, examples }) => {
          const params = examples[0] ?? {};
          const s = writeShown([{ operation: name, params, view: "table" }]);
          return (
            <li key={name}>
              <a href={link("/streams", { s })}>{name}</a>
              <span>{summary}</span>
              <code>{JSON.stringify(params)}</code>
            </li>
          );
        })}
      </ul>
    </section>
  );
}
