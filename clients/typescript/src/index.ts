export * from "./api.js";
export * from "./errors.js";
export * from "./types.js";
export { Core } from "./core.js";
export type { Warning } from "./connection.js";
export { NodeWebSocket, type NodeWebSocketOptions } from "./node-websocket.js";
export type {
  CallOptions,
  ClientEvents,
  ClientOptions,
  ConnectionState,
  ResumePoint,
  StreamOptions,
  TokenSource,
} from "./options.js";
export { Stream } from "./stream.js";
export type * from "./updates.js";
export type { WebSocketFactory, WebSocketLike } from "./websocket.js";
