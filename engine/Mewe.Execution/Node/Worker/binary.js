// The little of the binary format that the worker itself needs: encoding, for the modules it makes, and the signatures of imports and exports, which
// V8's JavaScript interface does not tell. Only modules that V8 has accepted are read, so nothing is checked here.
'use strict';

const preamble = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];

function unsigned(value) {
  const bytes = [];
  do {
    const low = value % 128;
    value = Math.floor(value / 128);
    bytes.push(value === 0 ? low : low | 0x80);
  } while (value !== 0);
  return bytes;
}

function signed(value) {
  const bytes = [];
  for (value = BigInt(value); ; ) {
    const low = Number(value & 0x7fn);
    value >>= 7n;
    if ((value === 0n && (low & 0x40) === 0) || (value === -1n && (low & 0x40) !== 0)) return [...bytes, low];
    bytes.push(low | 0x80);
  }
}

const vector = (entries) => [...unsigned(entries.length), ...entries.flat()];
const name = (text) => vector([...Buffer.from(text)]);
const section = (id, content) => [id, ...unsigned(content.length), ...content];
const i32Const = (value) => [0x41, ...signed(value)];
// locals: encoded value types, one entry each
function functionBody(locals, instructions) {
  const content = [...vector(locals.map((type) => [1, ...type])), ...instructions, 0x0b];
  return [...unsigned(content.length), ...content];
}
const assemble = (...sections) => new WebAssembly.Module(new Uint8Array([...preamble, ...sections.flat()]));

const numberTypes = new Map([[0x7f, 'i32'], [0x7e, 'i64'], [0x7d, 'f32'], [0x7c, 'f64'], [0x7b, 'v128']]);
const heapFamilies = new Map([
  [0x70, 'func'], [0x73, 'func'], [0x6f, 'extern'], [0x72, 'extern'], [0x69, 'exn'], [0x74, 'exn'],
  [0x6e, 'any'], [0x6d, 'any'], [0x6c, 'any'], [0x6b, 'any'], [0x6a, 'any'], [0x71, 'any'],
]);

class Cursor {
  constructor(bytes, at, end) {
    this.bytes = bytes;
    this.at = at;
    this.end = end;
  }
  byte() {
    return this.bytes[this.at++];
  }
  unsigned() {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = this.byte();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
  }
  skipLeb() {
    while (this.byte() >= 0x80);
  }
  // A heap type (s33): an abstract one as its byte, a concrete one as { index }.
  heapType() {
    const first = this.bytes[this.at];
    if (first < 0x80 && (first & 0x40) !== 0) return this.byte();
    return { index: this.unsigned() };
  }
  name() {
    const length = this.unsigned();
    this.at += length;
    return Buffer.from(this.bytes.buffer, this.bytes.byteOffset + this.at - length, length).toString();
  }
  list(read) {
    const count = this.unsigned();
    const all = [];
    for (let i = 0; i < count; i++) all.push(read());
    return all;
  }
  // { encoded, number } or { encoded, heap, nullable }
  valueType() {
    const from = this.at;
    const code = this.byte();
    let type;
    if (numberTypes.has(code)) type = { number: numberTypes.get(code) };
    else if (code === 0x63 || code === 0x64) type = { heap: this.heapType(), nullable: code === 0x63 };
    else type = { heap: code, nullable: true };
    type.encoded = [...this.bytes.subarray(from, this.at)];
    return type;
  }
  limits() {
    const flags = this.byte();
    this.skipLeb();
    if (flags & 1) this.skipLeb();
  }
  constantExpression() {
    for (;;) {
      switch (this.byte()) {
        case 0x0b:
          return;
        case 0x41: case 0x42: case 0x23: case 0xd2: case 0xd0:
          this.skipLeb();
          break;
        case 0x43:
          this.at += 4;
          break;
        case 0x44:
          this.at += 8;
          break;
        case 0xfd:
          this.skipLeb();
          this.at += 16;
          break;
        case 0xfb: {
          const operation = this.unsigned();
          if (operation <= 8) this.skipLeb();
          if (operation === 8) this.skipLeb();
          break;
        }
      }
    }
  }
}

// What a module's binary says about its types. `typeEntries` are the bytes of the type section's entries, to be copied into modules that must have the same types.
class ModuleTypes {
  constructor(bytes) {
    this.bytes = Uint8Array.from(bytes);
    this.types = [];
    this.typeEntries = [];
    this.typeEntryCount = 0;
    this.imports = [];
    this.functions = [];
    this.globals = [];
    this.exports = new Map();
    const cursor = new Cursor(this.bytes, 8, this.bytes.length);
    while (cursor.at < cursor.end) {
      const id = cursor.byte();
      const length = cursor.unsigned();
      const end = cursor.at + length;
      if (id === 1) this.#typeSection(cursor, end);
      else if (id === 2) cursor.list(() => this.#import(cursor));
      else if (id === 3) cursor.list(() => this.functions.push(cursor.unsigned()));
      else if (id === 6) cursor.list(() => this.#global(cursor));
      else if (id === 7) cursor.list(() => this.exports.set(cursor.name(), { kind: cursor.byte(), index: cursor.unsigned() }));
      cursor.at = end;
    }
    this.bytes = null;
  }

  // The family of a reference type: func, extern, any or exn.
  family(type) {
    if (typeof type.heap === 'number') return heapFamilies.get(type.heap) ?? 'any';
    return this.types[type.heap.index].kind === 'func' ? 'func' : 'any';
  }

  #typeSection(cursor, end) {
    this.typeEntryCount = cursor.unsigned();
    this.typeEntries = this.bytes.subarray(cursor.at, end);
    for (let i = 0; i < this.typeEntryCount; i++) {
      if (this.bytes[cursor.at] === 0x4e) {
        cursor.at++;
        cursor.list(() => this.types.push({ ...this.#subType(cursor), plain: false }));
      } else {
        this.types.push(this.#subType(cursor));
      }
    }
  }

  #subType(cursor) {
    let plain = true;
    if (this.bytes[cursor.at] === 0x50 || this.bytes[cursor.at] === 0x4f) {
      plain = false;
      cursor.at++;
      cursor.list(() => cursor.skipLeb());
    }
    const kind = cursor.byte();
    const field = () => {
      if (this.bytes[cursor.at] === 0x78 || this.bytes[cursor.at] === 0x77) cursor.at++;
      else cursor.valueType();
      cursor.at++;
    };
    if (kind === 0x60) {
      const parameters = cursor.list(() => cursor.valueType());
      const results = cursor.list(() => cursor.valueType());
      return { kind: 'func', parameters, results, plain: plain && ![...parameters, ...results].some((type) => typeof type.heap === 'object') };
    }
    if (kind === 0x5f) cursor.list(field);
    else field();
    return { kind: kind === 0x5f ? 'struct' : 'array', plain };
  }

  // `description` is the import's type as encoded, after the kind byte.
  #import(cursor) {
    const module = cursor.name();
    const item = cursor.name();
    const kind = cursor.byte();
    const from = cursor.at;
    const entry = { module, name: item, kind };
    if (kind === 0) this.functions.push((entry.type = cursor.unsigned()));
    else if (kind === 1) (cursor.valueType(), cursor.limits());
    else if (kind === 2) cursor.limits();
    else if (kind === 3) this.globals.push((entry.global = { type: cursor.valueType(), mutable: cursor.byte() === 1 }));
    else (cursor.byte(), cursor.unsigned());
    entry.description = [...this.bytes.subarray(from, cursor.at)];
    this.imports.push(entry);
  }

  #global(cursor) {
    this.globals.push({ type: cursor.valueType(), mutable: cursor.byte() === 1 });
    cursor.constantExpression();
  }
}

module.exports = { ModuleTypes, Cursor, unsigned, signed, vector, name, section, i32Const, functionBody, assemble };
