import { Component, type ComponentChildren } from "preact";

interface Props {
  children: ComponentChildren;
}

/** Keeps a mistake of one page from taking all of it away. */
export class Guard extends Component<Props, { error?: unknown }> {
  static override getDerivedStateFromError(error: unknown): { error: unknown } {
    return { error };
  }

  override render({ children }: Props): ComponentChildren {
    if (!("error" in this.state)) {
      return children;
    }
    const { error } = this.state;
    return (
      <section class="login-panel panel" role="alert">
        <h1>This page failed</h1>
        <p>{error instanceof Error ? error.message : String(error)}</p>
        <button type="button" onClick={() => location.reload()}>
          Load it again
        </button>
      </section>
    );
  }
}
