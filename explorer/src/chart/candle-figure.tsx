import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { MAX_BARS } from "../bounds";
import { enoughDecimals, time } from "../format";
import type { Following } from "../streams/following";
import { barWords, candleOptions } from "./candles";
import { Plot } from "./plot";

/** Candles of a stream that brings bars. */
export function Candles({ following, label }: { following: Following; label: string }): JSX.Element {
  void following.tick.value;
  const at = useSignal<number | undefined>(undefined);
  const bars = following.bars;
  const status = following.status.value;
  if (!bars || bars.size === 0) {
    const reason = status.name === "ended" ? status.reason : `No bars of ${label} so far.`;
    return <p class="quiet">{reason}</p>;
  }
  const columns = bars.columns();
  const place = Math.min(at.value ?? bars.size - 1, bars.size - 1);
  const decimals = enoughDecimals(bars.last?.[4] ?? 0, bars.decimals);
  const begin = columns[0][place] ?? 0;
  return (
    <figure class="chart">
      <figcaption class="readout" aria-live={at.value === undefined ? "off" : "polite"}>
        <span class="faint">{time(begin, Date.now() / 1000)}</span>
        {barWords(columns, place, decimals).map((word, part) => (
          <span key={part}>{word}</span>
        ))}
      </figcaption>
      <Plot
        options={candleOptions}
        look={label}
        read={() => bars.columns()}
        tick={following.tick}
        label={`Candles of ${label}, at most ${MAX_BARS}. The last: ${barWords(columns, bars.size - 1, decimals).join(", ")}`}
        onPoint={(point) => (at.value = point)}
      />
    </figure>
  );
}
