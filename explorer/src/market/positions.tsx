import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useMemo } from "preact/hooks";
import { amount, number } from "../format";
import { route, setQuery } from "../route";
import { flash } from "../streams/cell";
import type { Column } from "../streams/columns";
import { LiveTable } from "../streams/live-table";
import type { Row } from "../streams/rows";
import { useFollowing } from "../streams/use-following";
import { usualUser } from "./choice";
import { Panel } from "./panel";
import { AgeCell } from "./tickers";
import { SideCell } from "./trades";

const COLUMNS: readonly Column[] = [
  { name: "symbol", kind: "text" },
  { name: "side", kind: "text" },
  { name: "volume", kind: "number" },
  { name: "price", kind: "number" },
  { name: "cost", kind: "number" },
  { name: "age", kind: "number", description: "How long ago the position was last written." },
];

/** The positions of one account. */
export function Positions(): JSX.Element {
  const user = route.value.query["user"] ?? usualUser();
  const params = useMemo(() => (user === undefined ? undefined : { user_id: user }), [user]);
  const following = useFollowing("stream_positions", params);
  const typed = useSignal<string | undefined>(undefined);
  const account = (
    <label class="field-beside">
      Account
      <input
        type="text"
        inputMode="numeric"
        maxLength={64}
        value={typed.value ?? user ?? ""}
        onInput={({ currentTarget }) => (typed.value = currentTarget.value)}
        onChange={({ currentTarget }) => {
          typed.value = undefined;
          setQuery({ user: currentTarget.value.trim() });
        }}
      />
    </label>
  );
  return (
    <Panel
      title="Positions"
      operation="stream_positions"
      following={following}
      none={`No positions of account ${user ?? ""} so far.`}
      class="market-positions"
      tools={account}
    >
      {({ rows }) => (
        <LiveTable
          label={`Positions of account ${user ?? ""}`}
          columns={COLUMNS}
          rows={rows.sorted()}
          cell={positionCell}
        />
      )}
    </Panel>
  );
}

function positionCell({ values, moves }: Row, { name }: Column): JSX.Element | undefined {
  if (name === "side") {
    return <SideCell key={name} side={values["side"]} />;
  }
  if (name === "age") {
    return <AgeCell key={name} at={values["timestamp"]} />;
  }
  const value = values[name];
  return typeof value === "number" ? (
    <td key={name} class={`number ${flash(moves.get(name))}`} title={number(value)}>
      {amount(value)}
    </td>
  ) : undefined;
}
