import type { JSX } from "preact";
import { useMemo } from "preact/hooks";
import { number } from "../format";
import { operations } from "../server";
import { Trouble } from "../streams/status";
import { useFollowing } from "../streams/use-following";
import { State } from "./bots";
import { exchanges } from "./choice";
import { Panel } from "./panel";

const NO_PARAMS = {};

/** How the processes are. */
export function Health(): JSX.Element {
  const following = useFollowing("stream_process_health", NO_PARAMS);
  return (
    <Panel
      title="Processes"
      operation="stream_process_health"
      following={following}
      none="No processes so far."
      class="market-health"
    >
      {({ rows }) => {
        const health = rows.sorted()[0]?.values ?? {};
        if (health["total_processes"] === 0) {
          return <p class="quiet">No processes so far.</p>;
        }
        const isWell = health["healthy"] === true;
        return (
          <>
            <p class="health-line">
              <State status={isWell ? "healthy" : "failing"} />
              <span>{`${countOf(health["total_processes"])} processes`}</span>
            </p>
            <Counts label="By state" counts={health["by_status"]} />
            <Counts label="By type" counts={health["by_type"]} />
            <Names label="Stale" names={health["stale_processes"]} />
            <Names label="With errors" names={health["error_processes"]} />
          </>
        );
      }}
    </Panel>
  );
}

function countOf(value: unknown): string {
  return typeof value === "number" ? number(value) : "–";
}

function Counts({ label, counts }: { label: string; counts: unknown }): JSX.Element | null {
  const all = typeof counts === "object" && counts !== null ? Object.entries(counts) : [];
  return all.length === 0 ? null : (
    <dl class="counts" aria-label={label}>
      {all.map(([name, count]) => (
        <div key={name}>
          <dt>{name.replaceAll("_", " ")}</dt>
          <dd>{countOf(count)}</dd>
        </div>
      ))}
    </dl>
  );
}

function Names({ label, names }: { label: string; names: unknown }): JSX.Element | null {
  const all = Array.isArray(names) ? names.map((name) => JSON.stringify(name)) : [];
  return all.length === 0 ? null : <p class="down">{`${label}: ${all.join(", ")}`}</p>;
}

/** How many orders each exchange has. */
export function Queues(): JSX.Element {
  const isThere = operations.value.size === 0 || operations.value.has("stream_order_queue");
  return (
    <section class="panel market-panel market-queues" aria-labelledby="queues-title">
      <header class="panel-head">
        <h2 id="queues-title">Orders</h2>
      </header>
      {isThere ? (
        <dl class="counts">
          {exchanges.value.map((exchange) => (
            <Queue key={exchange} exchange={exchange} />
          ))}
        </dl>
      ) : (
        <p class="quiet">Not for this login, or not at this server: stream_order_queue</p>
      )}
    </section>
  );
}

function Queue({ exchange }: { exchange: string }): JSX.Element {
  const params = useMemo(() => ({ exchange }), [exchange]);
  const following = useFollowing("stream_order_queue", params);
  void following?.tick.value;
  return (
    <div>
      <dt>
        {exchange} <Trouble status={following?.status.value} />
      </dt>
      <dd>{countOf(following?.rows.sorted()[0]?.values["queue_length"])}</dd>
    </div>
  );
}
