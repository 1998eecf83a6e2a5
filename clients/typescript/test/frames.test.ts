import assert from "node:assert/strict";
import { test } from "node:test";

import { FrameError, FrameReader, OPCODE, encodeFrame, type Frame } from "../src/frames.js";

/** A frame as a server writes it. */
function frame(opcode: number, payload: Uint8Array, isLast = true): Uint8Array {
  const unmasked = encodeFrame(opcode, payload, new Uint8Array(4));
  const head = unmasked.length - payload.length - 4;
  const bytes = new Uint8Array(head + payload.length);
  bytes.set(unmasked.subarray(0, head));
  bytes.set(payload, head);
  bytes[0] = (isLast ? 0x80 : 0) | opcode;
  bytes[1] = (bytes[1] ?? 0) & 0x7f;
  return bytes;
}

function read(...chunks: Uint8Array[]): Frame[] {
  const reader = new FrameReader(100_000);
  const frames: Frame[] = [];
  for (const chunk of chunks) {
    reader.push(chunk);
    for (let one = reader.next(); one; one = reader.next()) {
      frames.push(one);
    }
  }
  return frames;
}

const text = (words: string): Uint8Array => new TextEncoder().encode(words);
const words = ({ payload }: Frame): string => new TextDecoder().decode(payload);

test("a frame is masked", () => {
  const masked = encodeFrame(OPCODE.text, text("Hello"), Uint8Array.of(0x37, 0xfa, 0x21, 0x3d));
  // The example of RFC 6455, 5.7.
  assert.equal(Buffer.from(masked).toString("hex"), "818537fa213d7f9f4d5158");
});

test("lengths of every form are read, however the bytes come", () => {
  for (const length of [0, 1, 125, 126, 127, 65_535, 65_536, 99_999]) {
    const payload = new Uint8Array(length).map((_, at) => at);
    const bytes = frame(OPCODE.text, payload);
    for (const cut of [0, 1, 2, 3, 9, bytes.length - 1]) {
      const [one, ...more] = read(bytes.subarray(0, cut), bytes.subarray(cut));
      assert.deepEqual(one, { opcode: OPCODE.text, payload });
      assert.equal(more.length, 0);
    }
  }
  const bytes = Buffer.concat([frame(OPCODE.text, text("one")), frame(OPCODE.text, text("two"))]);
  const bits = [...bytes].map((byte) => Uint8Array.of(byte));
  assert.deepEqual(read(...bits).map(words), ["one", "two"]);
  assert.deepEqual(read(bytes).map(words), ["one", "two"]);
});

test("fragments are put together, and control frames may come between", () => {
  const frames = read(
    frame(OPCODE.text, text("frag"), false),
    frame(OPCODE.ping, text("!")),
    frame(OPCODE.continuation, text("men"), false),
    frame(OPCODE.continuation, text("ts")),
    frame(OPCODE.text, text("next")),
  );
  assert.deepEqual(frames.map(words), ["!", "fragments", "next"]);
  assert.deepEqual(
    frames.map(({ opcode }) => opcode),
    [OPCODE.ping, OPCODE.text, OPCODE.text],
  );
});

test("what may not be is refused", () => {
  const refused: [string, number, Uint8Array[]][] = [
    ["a masked frame", 1002, [encodeFrame(OPCODE.text, text("x"), new Uint8Array(4))]],
    ["a reserved bit", 1002, [Uint8Array.of(0xc1, 0)]],
    ["an unknown kind", 1002, [Uint8Array.of(0x83, 0)]],
    ["a fragmented ping", 1002, [Uint8Array.of(0x09, 0)]],
    ["a long ping", 1002, [frame(OPCODE.ping, new Uint8Array(126))]],
    ["a lone continuation", 1002, [frame(OPCODE.continuation, text("x"))]],
    [
      "a text within a text",
      1002,
      [frame(OPCODE.text, text("x"), false), frame(OPCODE.text, text("y"))],
    ],
    ["too much", 1009, [frame(OPCODE.text, new Uint8Array(100_001))]],
    [
      "too much in parts",
      1009,
      [
        frame(OPCODE.text, new Uint8Array(60_000), false),
        frame(OPCODE.continuation, new Uint8Array(60_000)),
      ],
    ],
  ];
  for (const [what, code, chunks] of refused) {
    assert.throws(
      () => read(...chunks),
      (error) => error instanceof FrameError && error.code === code,
      what,
    );
  }
});
