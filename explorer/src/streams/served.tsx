import { useSignal } from "@preact/signals";
import type { Listed, StreamExplain } from "client/types";
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import { SERVED_EVERY_MS } from "../bounds";
import { call } from "../server";
import { servedFacts } from "./served-facts";
import { Fact } from "./stream-facts";

interface Props {
  /** What `list_streams` names the stream, which was opened with `explain`; undefined: it is not open. */
  id: string | undefined;
}

/** How the server serves a stream: asked for again and again while it is unfolded. */
export function Served({ id }: Props): JSX.Element | null {
  const isOpen = useSignal(false);
  const told = useSignal<StreamExplain | undefined>(undefined);
  useEffect(() => {
    if (!isOpen.value || id === undefined) {
      return undefined;
    }
    let isOver = false;
    const ask = async (): Promise<void> => {
      const listed = await listedOf(id);
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
  }, [isOpen.value, id]);
  return id !== undefined ? (
    <details class="served" onToggle={({ currentTarget }) => (isOpen.value = currentTarget.open)}>
      <summary>How the server serves it</summary>
      <dl class="stream-facts">
        {told.value && servedFacts(told.value).map(([name, value]) => <Fact key={name} name={name} value={value} />)}
      </dl>
    </details>
  ) : null;
}

/** What the server tells of a stream of this connection; undefined where it cannot, or not now. */
async function listedOf(id: string): Promise<Listed | undefined> {
  try {
    const { result } = await call<Listed[]>("list_streams", {}, { timeoutMs: SERVED_EVERY_MS });
    return result.find(({ stream }) => stream === id);
  } catch {
    return undefined;
  }
}
