import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { isLoginNeeded, login, logOut, type Who } from "../server";
import { LoginForm } from "./login-form";

/** Who is logged in, and what can be done about it. */
export function LoginMenu(): JSX.Element | null {
  const isOpen = useSignal(false);
  const button = useRef<HTMLButtonElement>(null);
  const { who } = login.value;
  const close = (): void => {
    isOpen.value = false;
    button.current?.focus();
  };
  const menu = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!isOpen.value) {
      return undefined;
    }
    const closeOutside = ({ target }: Event): void => {
      if (target instanceof Node && !menu.current?.contains(target)) {
        isOpen.value = false;
      }
    };
    addEventListener("pointerdown", closeOutside);
    addEventListener("focusin", closeOutside);
    return () => {
      removeEventListener("pointerdown", closeOutside);
      removeEventListener("focusin", closeOutside);
    };
  }, [isOpen.value]);
  if (isLoginNeeded.value) {
    return null;
  }
  return (
    <div
      ref={menu}
      class="menu"
      onKeyDown={({ key }) => key === "Escape" && isOpen.value && close()}
    >
      <button
        ref={button}
        type="button"
        class="flat"
        aria-expanded={isOpen.value}
        aria-controls="login-menu"
        onClick={() => (isOpen.value = !isOpen.value)}
      >
        {who?.name ?? "Log in"}
        {typeof who?.expires === "number" && <EndsSoon expires={who.expires} />}
      </button>
      {isOpen.value && (
        <div id="login-menu" class="menu-body panel">
          {who && <WhoIs who={who} onLogOut={() => (logOut(), close())} />}
          <h2>{who ? "Bring another token" : "Log in"}</h2>
          <LoginForm onDone={close} />
        </div>
      )}
    </div>
  );
}

function WhoIs({ who, onLogOut }: { who: Who; onLogOut: () => void }): JSX.Element {
  return (
    <>
      <dl class="facts">
        <dt>Logged in as</dt>
        <dd>{who.name}</dd>
        <dt>May read</dt>
        <dd>{who.scopes.join(", ") || "nothing"}</dd>
        <dt>Users</dt>
        <dd>{who.user_ids ? who.user_ids.join(", ") || "none" : "all"}</dd>
        <dt>Until</dt>
        <dd>{typeof who.expires === "number" ? untilText(who.expires) : "the token is withdrawn"}</dd>
      </dl>
      <button type="button" onClick={onLogOut}>
        Log out
      </button>
    </>
  );
}

/** How long before its end it is told that a login ends, in seconds. */
const SOON_S = 600;
/** How often that is looked at, in milliseconds. */
const LOOK_MS = 10_000;

function EndsSoon({ expires }: { expires: number }): JSX.Element | null {
  const left = useSignal(expires - Date.now() / 1000);
  useEffect(() => {
    const look = (): void => {
      left.value = expires - Date.now() / 1000;
    };
    look();
    const timer = setInterval(look, LOOK_MS);
    return () => clearInterval(timer);
  }, [expires]);
  if (left.value > SOON_S) {
    return null;
  }
  const minutes = Math.max(0, Math.ceil(left.value / 60));
  return <span class="ends-soon">{`ends in ${minutes} min`}</span>;
}

function untilText(seconds: number): string {
  const format = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
  return format.format(seconds * 1000);
}
