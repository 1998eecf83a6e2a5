import { effect, type ReadonlySignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type uPlot from "uplot";
import { draw } from "../streams/frames";
import { isDark } from "../theme";
import { colorsOf, type Colors } from "./colors";
import { pointByKey } from "./keys";

interface Props {
  /** How it looks; asked again when the theme or `look` changes. */
  options: (colors: Colors) => Omit<uPlot.Options, "width" | "height">;
  /** Tells one look from another. */
  look: string;
  /** What is drawn. */
  read: () => uPlot.AlignedData;
  /** Grows when there is something new to draw. */
  tick: ReadonlySignal<number>;
  /** What it shows, for those who don't see it. */
  label: string;
  /** Is told which point is pointed at, by the pointer or the arrow keys. */
  onPoint?: (place: number | undefined) => void;
}

/** A chart that is drawn anew whenever there is something new. */
export function Plot({ options, look, read, tick, label, onPoint }: Props): JSX.Element {
  const place = useRef<HTMLDivElement>(null);
  const latest = useRef({ options, read, onPoint });
  latest.current = { options, read, onPoint };
  useEffect(() => {
    const { current } = place;
    return current ? keepDrawn(current, latest, tick) : undefined;
  }, [look, tick]);
  return (
    <div
      ref={place}
      class="plot"
      role="img"
      aria-label={label}
      aria-keyshortcuts="ArrowLeft ArrowRight"
      tabIndex={0}
    />
  );
}

interface Latest {
  current: Pick<Props, "options" | "read"> & { onPoint: Props["onPoint"] | undefined };
}

/** Draws into an element, in its size and the theme's colours, until what this gives is called. */
function keepDrawn(
  element: HTMLElement,
  latest: Latest,
  tick: ReadonlySignal<number>,
): () => void {
  let plot: uPlot | undefined;
  let isOver = false;
  let wasDark = isDark.peek();
  const onKey = (event: KeyboardEvent): void => pointByKey(plot, event);
  element.addEventListener("keydown", onKey);
  const sizes = new ResizeObserver(() => plot?.setSize(sizeOf(element)));
  let stop: (() => void)[] = [];
  void import("uplot").then(({ default: Plot }) => {
    if (isOver) {
      return;
    }
    const make = (): void => {
      if (isOver) {
        return;
      }
      plot?.destroy();
      const { options, read } = latest.current;
      const look = options(colorsOf(element));
      const hooks = { ...look.hooks, setCursor: [tell] };
      plot = new Plot({ ...look, hooks, ...sizeOf(element) }, read(), element);
    };
    const tell = ({ cursor, data }: uPlot): void => {
      const at = cursor.idx;
      const isThere = typeof at === "number" && (cursor.left ?? -1) >= 0 && at < data[0].length;
      latest.current.onPoint?.(isThere ? at : undefined);
    };
    make();
    stop = [
      effect(() => {
        if (isDark.value !== wasDark) {
          wasDark = isDark.value;
          // The style sheet's colours are in force by the next frame.
          draw(make);
        }
      }),
      effect(() => {
        void tick.value;
        renew(plot, latest.current.read());
      }),
    ];
    sizes.observe(element);
  });
  return () => {
    isOver = true;
    stop.forEach((end) => end());
    element.removeEventListener("keydown", onKey);
    sizes.disconnect();
    plot?.destroy();
  };
}

/** Shows what is new; a stretch that was zoomed into stays. */
function renew(plot: uPlot | undefined, data: uPlot.AlignedData): void {
  if (!plot) {
    return;
  }
  const { min, max } = plot.scales["x"] ?? {};
  const [times] = plot.data;
  const isZoomed =
    times.length > 1 &&
    typeof min === "number" &&
    typeof max === "number" &&
    (min > (times[0] ?? 0) || max < (times.at(-1) ?? 0));
  plot.setData(data, !isZoomed);
  if (isZoomed) {
    plot.redraw();
  }
}

function sizeOf(element: HTMLElement): { width: number; height: number } {
  return { width: Math.max(120, element.clientWidth), height: Math.max(100, element.clientHeight) };
}
