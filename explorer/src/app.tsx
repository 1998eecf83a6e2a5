import type { JSX } from "preact";
import { Header } from "./shell/header";
import { LoginPanel } from "./shell/login-panel";
import { OperationPage } from "./operations/page";
import { OperationsPage } from "./operations/list";
import { isLoginNeeded } from "./server";
import Market from "./market";
import { route } from "./route";
import Streams from "./streams";

/** The whole page. */
export function App(): JSX.Element {
  return (
    <>
      <a class="skip" href="#main" onClick={skip}>
        Skip to the content
      </a>
      <Header />
      <main id="main" tabIndex={-1}>
        {isLoginNeeded.value ? <LoginPanel /> : <Place />}
      </main>
    </>
  );
}

function Place(): JSX.Element {
  const { path } = route.value;
  const [, first, name] = path.split("/");
  switch (first) {
    case "operations":
      return <OperationsPage />;
    case "op":
      return <OperationPage name={decodeURIComponent(name ?? "")} />;
    case "streams":
      return <Streams />;
    default:
      return <Market />;
  }
}

/** The address after the `#` says where one is, so it is left alone. */
function skip(event: Event): void {
  event.preventDefault();
  document.getElementById("main")?.focus();
}
