import type { ComponentChildren, JSX } from "preact";
import { Badge } from "../ui/badge";
import { Text } from "../ui/text";
import type { Failure } from "./run";

/** What went wrong, in the server's words; what else there is to say of it stands below. */
export function FailureAlert({
  failure: { code, message, details },
  children,
}: {
  failure: Failure;
  children?: ComponentChildren;
}): JSX.Element {
  return (
    <div class="failure" role="alert">
      <p>
        <Badge tone="bad">{code}</Badge> <Text text={message} />
      </p>
      {details.length > 1 && (
        <ul>
          {details.map(({ path, message: text }) => (
            <li key={`${path} ${text}`}>
              <code>{path || "/"}</code> <Text text={text} />
            </li>
          ))}
        </ul>
      )}
      {children}
    </div>
  );
}
