// Reading requests and writing replies: the primitives of the protocol in main.js.
'use strict';
const fs = require('node:fs');

const headerBytes = 9;
const replyLimit = 1 << 30;
const reusedBytes = 1 << 20; // bodies up to this size share one buffer; nothing keeps a view of it beyond its request

class Reader {
  constructor(body) {
    this.body = body;
    this.at = 0;
  }
  u8() {
    return this.body[this.at++];
  }
  u32() {
    this.at += 4;
    return this.body.readUInt32LE(this.at - 4);
  }
  i32() {
    this.at += 4;
    return this.body.readInt32LE(this.at - 4);
  }
  u64() {
    this.at += 8;
    return this.body.readBigUInt64LE(this.at - 8);
  }
  f64() {
    this.at += 8;
    return this.body.readDoubleLE(this.at - 8);
  }
  // A view: valid until the request has been answered.
  bytes() {
    const length = this.u32();
    if (this.at + length > this.body.length) throw new RangeError('the request ends early');
    this.at += length;
    return this.body.subarray(this.at - length, this.at);
  }
  string() {
    return this.bytes().toString();
  }
  list(element) {
    const count = this.u32();
    const all = [];
    for (let i = 0; i < count; i++) all.push(element(this));
    return all;
  }
}

class Writer {
  constructor() {
    this.buffer = Buffer.allocUnsafeSlow(1 << 16);
    this.clear();
  }
  clear() {
    this.at = headerBytes;
    if (this.buffer.length > 8 * reusedBytes) this.buffer = Buffer.allocUnsafeSlow(1 << 16);
  }
  reserve(bytes) {
    if (this.at + bytes > this.buffer.length) {
      if (this.at + bytes > replyLimit) throw new RangeError('the reply is too large');
      const larger = Buffer.allocUnsafeSlow(Math.min(Math.max(this.buffer.length * 2, this.at + bytes), replyLimit));
      this.buffer.copy(larger, 0, 0, this.at);
      this.buffer = larger;
    }
    this.at += bytes;
    return this.at - bytes;
  }
  u8(value) {
    const at = this.reserve(1); // first: it may replace the buffer
    this.buffer[at] = value;
  }
  u32(value) {
    const at = this.reserve(4);
    this.buffer.writeUInt32LE(value, at);
  }
  i32(value) {
    const at = this.reserve(4);
    this.buffer.writeInt32LE(value, at);
  }
  u64(value) {
    const at = this.reserve(8);
    this.buffer.writeBigUInt64LE(BigInt.asUintN(64, value), at);
  }
  f64(value) {
    const at = this.reserve(8);
    this.buffer.writeDoubleLE(value, at);
  }
  bytes(value) {
    this.u32(value.length);
    const at = this.reserve(value.length);
    this.buffer.set(value, at);
  }
  string(value) {
    this.bytes(Buffer.from(value));
  }
  trap({ kind, message }) {
    this.u8(kind);
    this.string(message);
  }
  // What was written since clear(), as a copy.
  content() {
    return Buffer.from(this.buffer.subarray(headerBytes, this.at));
  }
}

const pause = new Int32Array(new SharedArrayBuffer(4));

// A pipe that somebody made non-blocking answers EAGAIN.
function patiently(transfer) {
  for (;;) {
    try {
      return transfer();
    } catch (error) {
      if (error.code !== 'EAGAIN') throw error;
      Atomics.wait(pause, 0, 0, 1);
    }
  }
}

function fill(buffer, length) {
  for (let have = 0; have < length;) {
    const got = patiently(() => fs.readSync(0, buffer, have, length - have, null));
    if (got === 0) return false;
    have += got;
  }
  return true;
}

const header = Buffer.allocUnsafeSlow(headerBytes);
const reused = Buffer.allocUnsafeSlow(reusedBytes);

function readRequest() {
  if (!fill(header, headerBytes)) return null;
  const length = header.readUInt32LE(0);
  const body = length <= reusedBytes ? reused.subarray(0, length) : Buffer.allocUnsafeSlow(length);
  if (!fill(body, length)) return null;
  return { id: header.readUInt32LE(4), operation: header[8], body };
}

const listed = process.execArgv.includes('--print-wasm-code'); // listings stand between the replies, see code.js

function writeReply(id, status, reply) {
  if (listed) fs.writeSync(1, '\0');
  const { buffer, at } = reply;
  buffer.writeUInt32LE(at - headerBytes, 0);
  buffer.writeUInt32LE(id, 4);
  buffer[8] = status;
  for (let done = 0; done < at;) done += patiently(() => fs.writeSync(1, buffer, done, at - done, null));
}

module.exports = { Reader, Writer, readRequest, writeReply };
