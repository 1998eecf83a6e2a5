import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { MAX_DRAWN_POINTS, MAX_LINES } from "../bounds";
import { lineOptions } from "../chart/lines";
import { Plot } from "../chart/plot";
import { ratios } from "../chart/ratios";
import { Readout } from "../chart/readout";
import { join, type Columns, type Line } from "../chart/series";
import { number } from "../format";
import type { Following } from "./following";
import { labelOf } from "./live-table";
import { keyText } from "./rows";

interface Props {
  following: Following;
  /** The columns that can be charted. */
  fields: readonly string[];
  field: string;
  /** The row that is charted; undefined: several, as they changed since the page was opened. */
  row: string | undefined;
  onChoose(field: string, row: string | undefined): void;
}

/** A number of a stream's items over time. */
export function StreamChart({ following, fields, field, row, onChoose }: Props): JSX.Element {
  void following.tick.value;
  const at = useSignal<number | undefined>(undefined);
  const all = [...following.lines.keys()].sort();
  const chosen = row ?? (all.length === 1 ? all[0] : undefined);
  const names = chosen === undefined ? all.slice(0, MAX_LINES) : [chosen];
  const read = (): Columns => {
    const drawn = Math.floor(MAX_DRAWN_POINTS / Math.max(1, names.length));
    const lines = names.map((name): Line => following.lines.get(name)?.line(drawn) ?? [[], []]);
    return join(chosen === undefined ? lines.map(ratios) : lines);
  };
  const what = labelOf(field);
  const label = chosen === undefined ? `Change of ${what} in percent` : `${keyText(chosen)}: ${what}`;
  const texts = names.map(keyText);
  return (
    <figure class="chart">
      <div class="chart-tools">
        <label>
          Field
          <select value={field} onChange={({ currentTarget }) => onChoose(currentTarget.value, row)}>
            {fields.map((name) => (
              <option key={name} value={name}>
                {labelOf(name)}
              </option>
            ))}
          </select>
        </label>
        {all.length > 1 && (
          <label>
            Item
            <select
              value={row ?? ""}
              onChange={({ currentTarget }) => onChoose(field, currentTarget.value || undefined)}
            >
              <option value="">{`first ${Math.min(all.length, MAX_LINES)}, change in %`}</option>
              {all.map((name) => (
                <option key={name} value={name}>
                  {keyText(name)}
                </option>
              ))}
            </select>
          </label>
        )}
      </div>
      {names.length === 0 ? (
        <p class="quiet">Nothing to draw so far.</p>
      ) : (
        <>
          <Readout
            columns={read()}
            place={at.value}
            names={texts}
            {...(chosen === undefined && { write: percent })}
          />
          <Plot
            options={(colors) => lineOptions(colors, texts)}
            look={`${label} ${names.join(" ")}`}
            read={read}
            tick={following.tick}
            label={`${label}, since this page was opened`}
            onPoint={(point) => (at.value = point)}
          />
        </>
      )}
    </figure>
  );
}

function percent(value: number): string {
  return `${number(value, 3)} %`;
}
