import type { ComponentChildren, JSX } from "preact";
import { useId } from "preact/hooks";
import { operations } from "../server";
import type { Following } from "../streams/following";
import { Trouble } from "../streams/status";

interface Props {
  title: string;
  /** The operation that it shows. */
  operation: string;
  /** What is followed; undefined: the operation is missing, or there are no params yet. */
  following: Following | undefined;
  /** What it says while there is nothing to show. */
  none: string;
  class?: string;
  /** Stands beside the title. */
  tools?: ComponentChildren;
  /** Is drawn once there is something. */
  children: (following: Following) => ComponentChildren;
}

/** A part of the market's page that follows one stream; where that can't be had it says so quietly. */
export function Panel(props: Props): JSX.Element {
  const { title, operation, following, none, tools, children } = props;
  const id = useId();
  return (
    <section class={`panel market-panel ${props.class ?? ""}`} aria-labelledby={id}>
      <header class="panel-head">
        <h2 id={id}>{title}</h2>
        <Trouble status={following?.status.value} />
        {tools}
      </header>
      <Body operation={operation} following={following} none={none}>
        {children}
      </Body>
    </section>
  );
}

function Body({
  operation,
  following,
  none,
  children,
}: Pick<Props, "operation" | "following" | "none" | "children">): JSX.Element {
  void following?.tick.value;
  const status = following?.status.value;
  const all = operations.value;
  if (all.size > 0 && !all.has(operation)) {
    return <p class="quiet">{`Not for this login, or not at this server: ${operation}`}</p>;
  }
  if (status?.name === "ended") {
    return <p class="quiet">{status.reason}</p>;
  }
  if (!following || following.rows.size === 0) {
    return <p class="quiet">{following ? none : "…"}</p>;
  }
  return <>{children(following)}</>;
}
