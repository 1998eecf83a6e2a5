import { useEffect, useMemo } from "preact/hooks";
import { operations, type Params } from "../server";
import { Following, type FollowingOptions } from "./following";

/**
 * Follows a stream while the component is there. Undefined where there is no such operation for this login, and while
 * there are no params.
 */
export function useFollowing(
  name: string,
  params: Params | undefined,
  options: FollowingOptions = {},
): Following | undefined {
  const operation = operations.value.get(name);
  // What the server is able to is told anew at each connection; the stream goes on all the same.
  const wanted = operation && params ? JSON.stringify([name, params, options]) : undefined;
  const following = useMemo(
    () => (operation && params ? new Following(operation, params, options) : undefined),
    [wanted],
  );
  useEffect(() => following?.start(), [following]);
  return following;
}
