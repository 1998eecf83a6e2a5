/** In place of the client's WebSocket for Node, which a page has no use for. */

/** Whether this is Node. */
export function isNode(): boolean {
  return false;
}

/** Is never made. */
export class NodeWebSocket extends WebSocket {}
