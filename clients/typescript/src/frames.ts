/** The frames of RFC 6455, as a client writes and reads them. */

export const OPCODE = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

/** Why what the server sends cannot be read, with the close code that says so. */
export class FrameError extends Error {
  constructor(
    readonly code: number,
    message: string,
  ) {
    super(message);
  }
}

/** A whole message, or a control frame. */
export interface Frame {
  opcode: number;
  payload: Uint8Array;
}

/** One frame, masked by four random bytes, as a client's frames must be. */
export function encodeFrame(opcode: number, payload: Uint8Array, mask: Uint8Array): Uint8Array {
  const { length } = payload;
  const extended = length < 126 ? 0 : length < 0x10000 ? 2 : 8;
  const frame = new Uint8Array(2 + extended + 4 + length);
  const view = new DataView(frame.buffer);
  frame[0] = 0x80 | opcode;
  frame[1] = 0x80 | (extended === 0 ? length : extended === 2 ? 126 : 127);
  if (extended === 2) {
    view.setUint16(2, length);
  } else if (extended === 8) {
    view.setBigUint64(2, BigInt(length));
  }
  const start = 2 + extended + 4;
  frame.set(mask, start - 4);
  for (let at = 0; at < length; at++) {
    frame[start + at] = (payload[at] ?? 0) ^ (mask[at & 3] ?? 0);
  }
  return frame;
}

/** Takes bytes as they come and gives messages, put together from their frames. */
export class FrameReader {
  #chunks: Uint8Array[] = [];
  #buffered = 0;
  #parts: Uint8Array[] = [];
  #partBytes = 0;
  #opcode = 0;

  constructor(private readonly maxBytes: number) {}

  /** Takes bytes over. They may not be changed afterwards. */
  push(bytes: Uint8Array): void {
    this.#chunks.push(bytes);
    this.#buffered += bytes.length;
  }

  /** The next message or control frame, once it is there. Throws a `FrameError`. */
  next(): Frame | undefined {
    for (;;) {
      const frame = this.#frame();
      if (!frame || frame.opcode >= OPCODE.close) {
        return frame;
      }
      const isFirst = this.#parts.length === 0;
      if (isFirst === (frame.opcode === OPCODE.continuation)) {
        throw new FrameError(1002, "a message begins or goes on where it may not");
      }
      if (isFirst) {
        this.#opcode = frame.opcode;
      }
      this.#parts.push(frame.payload);
      this.#partBytes += frame.payload.length;
      if (frame.isLast) {
        const payload =
          this.#parts.length === 1 ? frame.payload : join(this.#parts, this.#partBytes);
        this.#parts = [];
        this.#partBytes = 0;
        return { opcode: this.#opcode, payload };
      }
    }
  }

  #frame(): (Frame & { isLast: boolean }) | undefined {
    const head = this.#peek(2);
    if (!head) {
      return undefined;
    }
    const [first = 0, second = 0] = head;
    const opcode = first & 0x0f;
    const isLast = (first & 0x80) !== 0;
    const isControl = opcode >= OPCODE.close;
    let length = second & 0x7f;
    if ((first & 0x70) !== 0 || (second & 0x80) !== 0 || (isControl && (!isLast || length > 125))) {
      throw new FrameError(1002, "a frame has a form that it may not have");
    }
    if (!isControl && opcode > OPCODE.binary) {
      throw new FrameError(1002, "a frame is of an unknown kind");
    }
    const extended = length === 126 ? 2 : length === 127 ? 8 : 0;
    if (extended > 0) {
      const whole = this.#peek(2 + extended);
      if (!whole) {
        return undefined;
      }
      const view = new DataView(whole.buffer, whole.byteOffset, whole.length);
      length = extended === 2 ? view.getUint16(2) : Number(view.getBigUint64(2));
    }
    if (length + this.#partBytes > this.maxBytes) {
      throw new FrameError(1009, `a message has more than ${this.maxBytes} bytes`);
    }
    const size = 2 + extended + length;
    const bytes = this.#peek(size);
    if (!bytes) {
      return undefined;
    }
    this.#skip(size);
    return { opcode, isLast, payload: bytes.subarray(2 + extended, size) };
  }

  /** The first bytes, if there are so many. Chunks are joined only when a frame spans them and is whole. */
  #peek(count: number): Uint8Array | undefined {
    if (this.#buffered < count) {
      return undefined;
    }
    if ((this.#chunks[0]?.length ?? 0) < count) {
      this.#chunks = [join(this.#chunks, this.#buffered)];
    }
    return this.#chunks[0];
  }

  #skip(count: number): void {
    const rest = this.#chunks[0]?.subarray(count);
    if (rest && rest.length > 0) {
      this.#chunks[0] = rest;
    } else {
      this.#chunks.shift();
    }
    this.#buffered -= count;
  }
}

function join(chunks: readonly Uint8Array[], length: number): Uint8Array {
  const joined = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    joined.set(chunk, at);
    at += chunk.length;
  }
  return joined;
}
