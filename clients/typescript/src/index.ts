export * from "./api.js";
export * from "./errors.js";
export * from "./types.js";
export { Core } from "./core.js";
export type { Answer, Warning } from "./connection.js";
export type { Explain } from "./explain.js";
export { NodeWebSocket, type NodeWebSocketOptions } from "./node-websocket.js";
export type {
  CallOptions,
  ClientEvents,
  ClientOptions,
  ConnectionState,
  CursorOptions,
  PageOptions,
  RequestOptions,
  ResumePoint,
  StreamOptions,
  TokenSource,
} from "./options.js";
export { Stream } from "./stream.js";
export type * from "./updates.js";
export type { WebSocketFactory, WebSocketLike } from "./websocket.js";
