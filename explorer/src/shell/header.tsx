import type { JSX } from "preact";
import { link, route } from "../route";
import { description } from "../server";
import { ConnectionState } from "./connection-state";
import { LoginMenu } from "./login-menu";
import { StaleBanner } from "./stale-banner";
import { ThemeSwitch } from "./theme-switch";

const PLACES = [
  { path: "/", name: "Market" },
  { path: "/operations", name: "Operations" },
  { path: "/streams", name: "Streams" },
] as const;

/** What stands at the top of every page. */
export function Header(): JSX.Element {
  const server = description.value?.server;
  return (
    <header class="top">
      <div class="top-bar">
        <a class="brand" href={link("/")}>
          <svg viewBox="0 0 32 32" aria-hidden="true" class="brand-mark">
            <path d="M8 6v20M16 4v24M24 8v16" />
            <rect x="5.5" y="11" width="5" height="10" rx="1" />
            <rect x="13.5" y="9" width="5" height="13" rx="1" class="hollow" />
            <rect x="21.5" y="12" width="5" height="8" rx="1" />
          </svg>
          <span class="brand-name">{server?.name ?? "fullon_cache_api"}</span>
          {server && <span class="brand-version">{server.version}</span>}
        </a>
        <nav aria-label="Pages" class="places">
          {PLACES.map(({ path, name }) => (
            <a key={path} href={link(path)} aria-current={isAt(path) ? "page" : undefined}>
              {name}
            </a>
          ))}
        </nav>
        <div class="top-end">
          <ConnectionState />
          <LoginMenu />
          <ThemeSwitch />
        </div>
      </div>
      <StaleBanner />
    </header>
  );
}

function isAt(path: string): boolean {
  const at = route.value.path;
  return path === "/operations" ? at === path || at.startsWith("/op/") : at === path;
}
