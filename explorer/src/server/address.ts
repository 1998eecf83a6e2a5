/** Where the server is: whence this page came, as a WebSocket. A developer may name another by `?server=`. */
export function serverUrl(): string {
  const other = import.meta.env.DEV ? new URLSearchParams(location.search).get("server") : null;
  return other ?? `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/`;
}
