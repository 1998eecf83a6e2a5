import type { JSX } from "preact";
import { login } from "../server";
import { LoginForm } from "./login-form";

/** Stands in place of a page while the server answers nothing without a login. */
export function LoginPanel(): JSX.Element {
  const { who } = login.value;
  return (
    <section class="login-panel panel" aria-labelledby="login-title">
      <h1 id="login-title">Log in</h1>
      {who && <p role="status">The login of {who.name} has ended.</p>}
      <p>This server answers who presents a token: a static one, or a JSON Web Token.</p>
      <LoginForm />
    </section>
  );
}
