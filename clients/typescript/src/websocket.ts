import { NodeWebSocket, isNode } from "./node-websocket.js";

/** What is needed of a WebSocket: the browser's, or another of the same form. */
export interface WebSocketLike {
  onopen: ((event: never) => void) | null;
  onmessage: ((event: never) => void) | null;
  onerror: ((event: never) => void) | null;
  onclose: ((event: never) => void) | null;
  send(text: string): void;
  close(code?: number, reason?: string): void;
}

/** Makes a WebSocket. The protocols are to be offered to the server. */
export type WebSocketFactory = (url: string, protocols: string[]) => WebSocketLike;

/** A message, as far as it is looked at. */
export interface MessageEventLike {
  data: unknown;
}

/** Why there is no connection any more, as far as it is known. */
export interface CloseEventLike {
  code: number;
  reason: string;
  /** The HTTP status by which the server refused the connection, where it can be known. */
  status?: number | undefined;
  /** After how many seconds the server wants to be asked again. */
  retryAfter?: number | undefined;
  /** What the system said. */
  error?: Error | undefined;
}

/**
 * In Node its own WebSocket tells why a connection is refused, and is there in every version; anywhere else it is
 * the platform's.
 */
export function defaultWebSocket(): WebSocketFactory {
  if (isNode()) {
    return (url, protocols) => new NodeWebSocket(url, protocols);
  }
  const { WebSocket } = globalThis as { WebSocket?: typeof globalThis.WebSocket };
  if (!WebSocket) {
    throw new TypeError("there is no WebSocket here: give one by the option `webSocket`");
  }
  return (url, protocols) => new WebSocket(url, protocols);
}
