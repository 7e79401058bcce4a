// Exported memories, read and written from outside.
'use strict';

const none = new Uint8Array(0);
const readRange = (request) => ({ name: request.string(), offset: request.f64(), length: request.u32() });

const readContent = (request) => ({ name: request.string(), offset: request.f64(), bytes: request.bytes() });

function preload(exports, contents) {
  for (const { name, offset, bytes } of contents) {
    const memory = exports[name];
    if (!(memory instanceof WebAssembly.Memory)) throw new TypeError(`the harness does not export the memory "${name}"`);
    new Uint8Array(memory.buffer).set(bytes, offset);
  }
}

// The bytes of a range, cut off at the memory's end; null when there is no such memory.
function bytesOf(exports, { name, offset, length }) {
  const memory = exports?.[name];
  if (!(memory instanceof WebAssembly.Memory)) return null;
  const size = memory.buffer.byteLength;
  const start = Math.min(offset, size);
  return new Uint8Array(memory.buffer, start, Math.min(length, size - start));
}

function writeBack(reply, exports, ranges) {
  reply.u32(ranges.length);
  for (const range of ranges) reply.bytes(bytesOf(exports, range) ?? none);
}

module.exports = { readRange, readContent, preload, bytesOf, writeBack };
