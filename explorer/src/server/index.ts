/** The server, as the page knows it: how the connection is, who is logged in, what it can do; calls and streams. */
import { keepDescribed } from "./description";
import { beginLogin } from "./login";

export type { Explain } from "client/explain";
export { call, type Answer } from "./call";
export { connection, isLive, type Connection } from "./connection";
export { describedFor, description, descriptionError, loadOthers, operations, others } from "./description";
export { follow, stale, type FollowHandlers, type Stale } from "./follow";
export { isLoginNeeded, login, logIn, logOut, type Login } from "./login";
export { streamKindOf } from "./stream-kind";
export type { Description, Operation, Params, Schema, Who } from "./types";

/** Connects, once. */
export function beginServer(): void {
  keepDescribed();
  beginLogin();
}
