import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { lazy } from "./lazy";
import Market from "./market";
import { route } from "./route";
import { isLoginNeeded } from "./server";
import { Guard } from "./shell/guard";
import { Header } from "./shell/header";
import { LoginPanel } from "./shell/login-panel";

const OperationsPage = lazy(async () => (await import("./operations")).OperationsPage);
const OperationPage = lazy(async () => (await import("./operations")).OperationPage);
const Streams = lazy(async () => (await import("./streams")).default);

/** The whole page. */
export function App(): JSX.Element {
  useArrival();
  return (
    <>
      <a class="skip" href="#main" onClick={skip}>
        Skip to the content
      </a>
      <Header />
      <main id="main" tabIndex={-1}>
        {isLoginNeeded.value ? (
          <LoginPanel />
        ) : (
          <Guard key={route.value.path}>
            <Place />
          </Guard>
        )}
      </main>
    </>
  );
}

/** Who comes to another page begins at its top, whatever is used to read it, and finds it named. */
function useArrival(): void {
  const { path } = route.value;
  const isFirst = useRef(true);
  useEffect(() => {
    const [, first = "", ...rest] = path.split("/");
    const name = first === "op" ? nameOf(rest.join("/")) : first || "market";
    document.title = `${name} · fullon_cache_api`;
    if (!isFirst.current) {
      scrollTo(0, 0);
      document.getElementById("main")?.focus({ preventScroll: true });
    }
    isFirst.current = false;
  }, [path]);
}

function Place(): JSX.Element {
  const [, first, ...rest] = route.value.path.split("/");
  switch (first) {
    case "operations":
      return <OperationsPage />;
    case "op":
      return <OperationPage name={nameOf(rest.join("/"))} />;
    case "streams":
      return <Streams />;
    default:
      return <Market />;
  }
}

/** A part of the address; as it stands there, where it was not written by this page. */
function nameOf(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** What follows the `#` of the address says where one is, so it is left alone. */
function skip(event: Event): void {
  event.preventDefault();
  document.getElementById("main")?.focus();
}
