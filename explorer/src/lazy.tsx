import { signal } from "@preact/signals";
import type { ComponentType, JSX } from "preact";
import { useEffect } from "preact/hooks";
import { Empty } from "./ui/empty";

/** A component whose code is fetched when it is first shown. */
export function lazy<Props extends object>(
  load: () => Promise<ComponentType<Props>>,
): (props: Props) => JSX.Element {
  const loaded = signal<{ component: ComponentType<Props> } | undefined>(undefined);
  const trouble = signal(false);
  const begin = async (): Promise<void> => {
    try {
      loaded.value = { component: await load() };
    } catch {
      trouble.value = true;
    }
  };
  return (props) => {
    useEffect(() => {
      if (!loaded.value) {
        void begin();
      }
    }, []);
    const Component = loaded.value?.component;
    if (Component) {
      return <Component {...props} />;
    }
    return trouble.value ? (
      <Empty>
        This part of the page is not there any more: the server is perhaps another version.{" "}
        <button type="button" onClick={() => location.reload()}>
          Load the page again
        </button>
      </Empty>
    ) : (
      <Empty>Loading…</Empty>
    );
  };
}
