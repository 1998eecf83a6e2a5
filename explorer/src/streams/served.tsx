import { useSignal } from "@preact/signals";
import type { Listed, StreamExplain } from "client/types";
import type { StreamSettings } from "client/updates";
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import { SERVED_EVERY_MS } from "../bounds";
import { call } from "../server";
import { servedFacts } from "./served-facts";
import { Fact } from "./stream-facts";

interface Props {
  operation: string;
  /** Of the stream, which was opened with `explain`; undefined: it is not open. */
  settings: StreamSettings | undefined;
}

/** How the server serves a stream: asked for again and again while it is unfolded. */
export function Served({ operation, settings }: Props): JSX.Element | null {
  const isOpen = useSignal(false);
  const told = useSignal<StreamExplain | undefined>(undefined);
  const epoch = settings?.epoch;
  useEffect(() => {
    if (!isOpen.value || epoch === undefined) {
      return undefined;
    }
    let isOver = false;
    const ask = async (): Promise<void> => {
      const listed = await listedOf(operation, epoch);
      if (!isOver) {
        told.value = listed?.explain ?? undefined;
      }
    };
    void ask();
    const timer = setInterval(() => void ask(), SERVED_EVERY_MS);
    return () => {
      isOver = true;
      clearInterval(timer);
    };
  }, [isOpen.value, operation, epoch]);
  return settings ? (
    <details class="served" onToggle={({ currentTarget }) => (isOpen.value = currentTarget.open)}>
      <summary>How the server serves it</summary>
      <dl class="stream-facts">
        {told.value && servedFacts(told.value).map(([name, value]) => <Fact key={name} name={name} value={value} />)}
      </dl>
    </details>
  ) : null;
}

/** What the server tells of a stream of this connection; undefined where it cannot, or not now. */
async function listedOf(operation: string, epoch: string): Promise<Listed | undefined> {
  try {
    const { result } = await call<Listed[]>("list_streams", {}, { timeoutMs: SERVED_EVERY_MS });
    return result.find((listed) => listed.operation === operation && listed.epoch === epoch);
  } catch {
    return undefined;
  }
}
