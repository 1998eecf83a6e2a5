import type { JSX } from "preact";
import { link } from "../route";
import { description, operations } from "../server";
import { Empty } from "../ui/empty";
import { Text } from "../ui/text";
import { Facts } from "./facts";
import { KindBadge } from "./kind-badge";
import { OperationNav } from "./nav";
import { Schemas } from "./schemas";
import { Workbench } from "./workbench";

/** One operation: what it does, its form, what comes of it, and programs that call it. */
export function OperationPage({ name }: { name: string }): JSX.Element {
  const operation = operations.value.get(name);
  return (
    <div class="operation-page">
      <OperationNav name={name} />
      {operation ? (
        <article class="operation" key={name}>
          <a class="back" href={link("/operations")}>
            ← All operations
          </a>
          <div class="operation-head">
            <h1>{name}</h1>
            <KindBadge kind={operation.kind} />
            <span class="faint">{operation.domain}</span>
          </div>
          <p class="operation-about">
            <Text text={operation.description || operation.summary} />
          </p>
          <Workbench operation={operation}>
            <section class="panel padded" aria-labelledby="facts-title">
              <h2 id="facts-title">About it</h2>
              <Facts operation={operation} />
            </section>
          </Workbench>
          <Schemas operation={operation} />
        </article>
      ) : (
        <article>
          {description.value && (
            <Empty>
              There is no operation <code>{name}</code>, or it is not for this login.{" "}
              <a href={link("/operations")}>All operations</a>
            </Empty>
          )}
        </article>
      )}
    </div>
  );
}
