/** A WebSocket for Node, where the platform has none or tells too little. It imports nothing, so browsers can load it. */
import type { ClientRequest, IncomingMessage, RequestOptions } from "node:http";
import type { Duplex } from "node:stream";

import { FrameError, FrameReader, OPCODE, encodeFrame } from "./frames.js";
import type { CloseEventLike, MessageEventLike } from "./websocket.js";

/** The largest message that is taken, in bytes. */
const MAX_MESSAGE_BYTES = 64 * 1024 * 1024;
/** How long the server may take to answer a close, in milliseconds. */
const CLOSE_PATIENCE_MS = 1000;

/** How a `NodeWebSocket` connects. */
export interface NodeWebSocketOptions {
  /** Headers for the request that opens the connection. */
  headers?: Readonly<Record<string, string>>;
  /** Options of `tls.connect` for `wss:`, e.g. `{ ca }`, or `{ cert, key }`. */
  tls?: Readonly<Record<string, unknown>>;
  /** The unix socket that the server listens on; the URL's host is then only a name. */
  socketPath?: string;
}

interface NodeProcess {
  getBuiltinModule?(id: string): unknown;
}

/** Whether this is Node. Others that have its modules too have a WebSocket that is better tried. */
export function isNode(): boolean {
  const { process } = globalThis as { process?: NodeProcess };
  const isOther = "Bun" in globalThis || "Deno" in globalThis;
  return !isOther && typeof process?.getBuiltinModule === "function";
}

function builtin<Module>(id: string): Module {
  const { process } = globalThis as { process?: NodeProcess };
  return process?.getBuiltinModule?.(id) as Module;
}

/** A WebSocket client on Node's `http`: text messages only, no extensions. */
export class NodeWebSocket {
  onopen: ((event: object) => void) | null = null;
  onmessage: ((event: MessageEventLike) => void) | null = null;
  onerror: ((event: { error: Error }) => void) | null = null;
  onclose: ((event: CloseEventLike) => void) | null = null;
  #state: "connecting" | "open" | "closing" | "closed" = "connecting";
  readonly #request: ClientRequest;
  readonly #reader = new FrameReader(MAX_MESSAGE_BYTES);
  readonly #decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  readonly #encoder = new TextEncoder();
  readonly #random: typeof import("node:crypto").randomFillSync;
  #masks = new Uint8Array(0);
  #socket: Duplex | undefined;
  #told: CloseEventLike | undefined;

  constructor(url: string, protocols: readonly string[] = [], options: NodeWebSocketOptions = {}) {
    const { protocol, hostname, port, pathname, search } = new URL(url);
    const crypto = builtin<typeof import("node:crypto")>("node:crypto");
    const isSecure = protocol === "wss:";
    const { request } = isSecure
      ? builtin<typeof import("node:https")>("node:https")
      : builtin<typeof import("node:http")>("node:http");
    this.#random = crypto.randomFillSync;
    const key = crypto.randomBytes(16).toString("base64");
    const magic = `${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
    const accept = crypto.createHash("sha1").update(magic).digest("base64");
    const settings: RequestOptions = {
      ...options.tls,
      host: hostname.replace(/^\[|\]$/g, ""),
      port: port || (isSecure ? 443 : 80),
      path: pathname + search,
      // A connection of its own, which nobody else is given afterwards.
      agent: false,
      headers: {
        ...options.headers,
        connection: "Upgrade",
        upgrade: "websocket",
        "sec-websocket-version": "13",
        "sec-websocket-key": key,
        ...(protocols.length > 0 && { "sec-websocket-protocol": protocols.join(", ") }),
      },
      ...(options.socketPath !== undefined && { socketPath: options.socketPath }),
    };
    this.#request = request(settings);
    this.#request.on("upgrade", (response, socket, early) => {
      const chosen = response.headers["sec-websocket-protocol"];
      const isOffered = chosen === undefined ? protocols.length === 0 : protocols.includes(chosen);
      if (response.headers["sec-websocket-accept"] !== accept || !isOffered) {
        socket.destroy();
        this.#end({ ...notClean("the server does not speak this protocol"), status: 101 });
        return;
      }
      this.#open(socket, early);
    });
    this.#request.on("response", (response) => this.#refuse(response));
    this.#request.on("error", (error) => this.#end(notClean(error.message, error)));
    this.#request.end();
  }

  /** Sends a text message; nothing, unless the connection is open. */
  send(text: string): void {
    if (this.#state === "open") {
      this.#write(OPCODE.text, this.#encoder.encode(text));
    }
  }

  /** Closes the connection, or gives up making it. */
  close(code = 1000, reason = ""): void {
    if (this.#state === "connecting") {
      this.#end(notClean("the connection was given up"));
      this.#request.destroy();
    } else if (this.#state === "open") {
      this.#sayGoodbye(code, reason);
    }
  }

  #open(socket: Duplex, early: Uint8Array): void {
    if (this.#state !== "connecting") {
      socket.destroy();
      return;
    }
    this.#state = "open";
    this.#socket = socket;
    (socket as Duplex & { setNoDelay?(on: boolean): void }).setNoDelay?.(true);
    socket.on("data", (chunk: Uint8Array) => this.#take(chunk));
    socket.on("error", (error) => this.#end(notClean(error.message, error)));
    socket.on("end", () => socket.end());
    socket.on("close", () => this.#end(this.#told ?? notClean("the connection broke off")));
    this.onopen?.({});
    if (early.length > 0) {
      this.#take(early);
    }
  }

  #refuse(response: IncomingMessage): void {
    const { statusCode: status } = response;
    const pause = Number(response.headers["retry-after"]);
    let text = "";
    response.setEncoding("utf8");
    response.on("data", (chunk: string) => {
      text = (text + chunk).slice(0, 200);
    });
    const end = (): void => {
      this.#end({
        ...notClean(text.trim() || `HTTP status ${status}`),
        status,
        retryAfter: Number.isFinite(pause) ? pause : undefined,
      });
      response.destroy();
    };
    response.on("close", end);
    response.on("error", end);
  }

  #take(chunk: Uint8Array): void {
    try {
      this.#reader.push(chunk);
      for (let frame = this.#reader.next(); frame; frame = this.#reader.next()) {
        if (frame.opcode === OPCODE.close) {
          this.#heedClose(frame.payload);
          return;
        }
        if (frame.opcode === OPCODE.ping) {
          this.#write(OPCODE.pong, frame.payload);
        } else if (frame.opcode === OPCODE.binary) {
          throw new FrameError(1003, "a message is binary");
        } else if (frame.opcode === OPCODE.text && this.#state === "open") {
          this.onmessage?.({ data: this.#text(frame.payload) });
        }
      }
    } catch (error) {
      if (!(error instanceof FrameError)) {
        throw error;
      }
      this.#told ??= { code: error.code, reason: error.message };
      this.#sayGoodbye(error.code, error.message);
      this.#socket?.destroy();
    }
  }

  #text(payload: Uint8Array): string {
    try {
      return this.#decoder.decode(payload);
    } catch {
      throw new FrameError(1007, "a message is not UTF-8");
    }
  }

  #heedClose(payload: Uint8Array): void {
    const [high, low] = payload;
    const code = high === undefined || low === undefined ? 1005 : high * 256 + low;
    const reason = code === 1005 ? "" : this.#text(payload.subarray(2));
    this.#told ??= { code, reason };
    if (this.#state === "open") {
      this.#sayGoodbye(code === 1005 ? 1000 : code, "");
    }
    this.#socket?.end();
  }

  #sayGoodbye(code: number, reason: string): void {
    if (this.#state !== "open") {
      return;
    }
    const text = this.#encoder.encode(reason).subarray(0, 123);
    const payload = new Uint8Array(2 + text.length);
    new DataView(payload.buffer).setUint16(0, code);
    payload.set(text, 2);
    this.#write(OPCODE.close, payload);
    this.#state = "closing";
    const patience = setTimeout(() => this.#socket?.destroy(), CLOSE_PATIENCE_MS);
    this.#socket?.once("close", () => clearTimeout(patience));
  }

  #write(opcode: number, payload: Uint8Array): void {
    if (this.#masks.length < 4) {
      // Many masks at once: asking the system for four bytes at a time is slow.
      this.#masks = this.#random(new Uint8Array(1024));
    }
    this.#socket?.write(encodeFrame(opcode, payload, this.#masks.subarray(0, 4)));
    this.#masks = this.#masks.subarray(4);
  }

  #end(event: CloseEventLike): void {
    if (this.#state === "closed") {
      return;
    }
    this.#state = "closed";
    this.#socket?.destroy();
    if (event.error) {
      this.onerror?.({ error: event.error });
    }
    this.onclose?.(event);
  }
}

function notClean(reason: string, error?: Error): CloseEventLike {
  return { code: 1006, reason, error };
}
