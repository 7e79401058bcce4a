// Calls with bit-exact values. JavaScript may change a NaN's payload and cannot hold a v128 or an exnref at all, so numbers and vectors never pass through it:
// for each signature a trampoline module is made that loads the arguments from a memory, calls the target, and stores the results. References other than exnref
// go in as parameters and come out as externref, with a byte in the memory that says what they are. The numbers are WasmValueKind in WasmValue.cs.
'use strict';
const { unsigned, signed, vector, name, section, i32Const, functionBody, assemble } = require('binary.js');

const kinds = {
  i32: 0, i64: 1, f32: 2, f64: 3, v128: 4, null: 5, host: 6, func: 7, extern: 8, i31: 9, struct: 10, array: 11, any: 12, exn: 13,
};
const slotBytes = 16;
const pageBytes = 65536;
const mostSlots = 4096;
const memory = new WebAssembly.Memory({ initial: (mostSlots * slotBytes) / pageBytes });
const view = new DataView(memory.buffer);

const access = {
  i32: { load: [0x28, 2], store: [0x36, 2] },
  i64: { load: [0x29, 3], store: [0x37, 3] },
  f32: { load: [0x2a, 2], store: [0x38, 2] },
  f64: { load: [0x2b, 3], store: [0x39, 3] },
  v128: { load: [0xfd, 0, 4], store: [0xfd, 11, 4] },
};
const externRef = [0x6f];
const at = (slot) => unsigned(slot * slotBytes);

class HostReference {
  constructor(number) {
    this.number = number;
  }
}
const hostReferences = new Map();

function hostReference(number) {
  if (!hostReferences.has(number)) hostReferences.set(number, new HostReference(number));
  return hostReferences.get(number);
}

class ArgumentError extends Error {}

const ifElse = (condition, then, otherwise) => [...condition, 0x04, 0x7f, ...then, 0x05, ...otherwise, 0x0b];

// Instructions that leave the kind of the reference in a local; a host reference is recognized later, in JavaScript.
function referenceKind(family, local) {
  const get = [0x20, ...unsigned(local)];
  const test = (heap) => [...get, 0xfb, 20, heap];
  const nonNull =
    family === 'any'
      ? ifElse(test(0x6c), i32Const(kinds.i31), ifElse(test(0x6b), i32Const(kinds.struct), ifElse(test(0x6a), i32Const(kinds.array), i32Const(kinds.any))))
      : i32Const(kinds[family]);
  return ifElse([...get, 0xd1], i32Const(kinds.null), nonNull);
}

// A module that imports the target as t.t and the memory as t.m, and exports the trampoline as "call".
function trampolineModule(types, parameters, results, target, invoke) {
  const references = parameters.filter((type) => type.heap !== undefined && types.family(type) !== 'exn');
  const escaping = results.filter((type) => type.heap !== undefined && types.family(type) !== 'exn');
  const callType = [0x60, ...vector(references.map((type) => type.encoded)), ...vector(escaping.map(() => externRef))];
  const body = [];
  let reference = 0;
  parameters.forEach((type, slot) => {
    if (type.number !== undefined) body.push(...i32Const(0), ...access[type.number].load, ...at(slot));
    else if (types.family(type) === 'exn') body.push(0xd0, 0x74);
    else body.push(0x20, ...unsigned(reference++));
  });
  body.push(...invoke);
  const local = (index) => references.length + index;
  for (let i = results.length - 1; i >= 0; i--) body.push(0x21, ...unsigned(local(i)));
  results.forEach((type, i) => {
    body.push(...i32Const(0));
    if (type.number !== undefined) body.push(0x20, ...unsigned(local(i)), ...access[type.number].store, ...at(i));
    else body.push(...referenceKind(types.family(type), local(i)), 0x36, 2, ...at(i));
  });
  results.forEach((type, i) => {
    if (!escaping.includes(type)) return;
    const family = types.family(type);
    if (family === 'func') body.push(0xd0, 0x6f); // its kind is all that is asked
    else body.push(0x20, ...unsigned(local(i)), ...(family === 'any' ? [0xfb, 27] : []));
  });
  return assemble(
    section(1, [...unsigned(types.typeEntryCount + 1), ...types.typeEntries, ...callType]),
    section(2, vector([[...name('t'), ...name('m'), 2, 0, 0], [...name('t'), ...name('t'), ...target]])),
    section(3, [1, ...unsigned(types.types.length)]),
    section(7, vector([[...name('call'), 0, ...unsigned(target[0] === 0 ? 1 : 0)]])),
    section(10, vector([functionBody(results.map((type) => type.encoded), body)])),
  );
}

// Modules of signatures that need no type of a particular module are shared.
const shared = new Map();
const sharedLimit = 1024;

function functionTrampoline(types, typeIndex) {
  const type = types.types[typeIndex];
  if (!type.plain) return trampolineModule(types, type.parameters, type.results, [0, ...unsigned(typeIndex)], [0x10, 0]);
  const encode = (list) => vector(list.map((value) => value.encoded));
  const signature = [0x60, ...encode(type.parameters), ...encode(type.results)];
  const key = signature.join();
  if (!shared.has(key)) {
    if (shared.size >= sharedLimit) shared.clear();
    const own = { typeEntryCount: 1, typeEntries: signature, types: [type], family: (value) => types.family(value) };
    shared.set(key, trampolineModule(own, type.parameters, type.results, [0, 0], [0x10, 0]));
  }
  return shared.get(key);
}

// Puts the arguments where the trampoline looks for them, and returns those that are passed by reference.
function place(types, parameters, values) {
  if (values.length !== parameters.length) throw new ArgumentError(`${parameters.length} arguments are expected and ${values.length} were given`);
  if (values.length > mostSlots) throw new ArgumentError('too many arguments');
  const references = [];
  values.forEach((value, i) => {
    const type = parameters[i];
    if (type.number !== undefined) {
      if (value.kind !== kinds[type.number]) throw new ArgumentError(`argument ${i} must be ${type.number}`);
      view.setBigUint64(i * slotBytes, value.low, true);
      view.setBigUint64(i * slotBytes + 8, value.high, true);
      return;
    }
    if (value.kind !== kinds.null && value.kind !== kinds.host) throw new ArgumentError(`argument ${i} must be a null or a host reference`);
    if (types.family(type) !== 'exn') references.push(value.kind === kinds.null ? null : hostReference(Number(value.low)));
    else if (value.kind !== kinds.null || !type.nullable) throw new TypeError('only a null exception reference can be passed');
  });
  return references;
}

function collect(types, results, returned) {
  const escaped = results.length === 0 ? [] : Array.isArray(returned) ? returned : [returned];
  let next = 0;
  return results.map((type, i) => {
    if (type.number !== undefined) {
      const wide = type.number === 'v128' ? view.getBigUint64(i * slotBytes + 8, true) : 0n;
      const narrow = type.number === 'i32' || type.number === 'f32';
      const low = narrow ? BigInt(view.getUint32(i * slotBytes, true)) : view.getBigUint64(i * slotBytes, true);
      return { kind: kinds[type.number], low, high: wide };
    }
    const kind = view.getInt32(i * slotBytes, true);
    const value = types.family(type) === 'exn' ? null : escaped[next++];
    if ((kind === kinds.any || kind === kinds.extern) && value instanceof HostReference) return { kind: kinds.host, low: BigInt(value.number), high: 0n };
    return { kind, low: 0n, high: 0n };
  });
}

// Something with a signature that can be called with values again and again.
class Callable {
  constructor(types, parameters, results, module, target) {
    if (results.length > mostSlots) throw new ArgumentError('too many results');
    this.types = types;
    this.parameters = parameters;
    this.results = results;
    this.trampoline = new WebAssembly.Instance(module, { t: { m: memory, t: target } }).exports.call;
  }
  // Throws ArgumentError when the values do not fit, TypeError when JavaScript cannot pass them, and whatever the target throws.
  call(values) {
    const references = place(this.types, this.parameters, values);
    return collect(this.types, this.results, this.trampoline(...references));
  }
}

function exportedFunction(types, exports, exportName) {
  const entry = types.exports.get(exportName);
  if (entry?.kind !== 0) throw new ArgumentError(`there is no exported function "${exportName}"`);
  const typeIndex = types.functions[entry.index];
  const type = types.types[typeIndex];
  return new Callable(types, type.parameters, type.results, functionTrampoline(types, typeIndex), exports[exportName]);
}

function exportedGlobal(types, exports, exportName, write) {
  const entry = types.exports.get(exportName);
  if (entry?.kind !== 3) throw new ArgumentError(`there is no exported global "${exportName}"`);
  const { type, mutable } = types.globals[entry.index];
  if (write && !mutable) throw new ArgumentError(`the global "${exportName}" is immutable`);
  const target = [3, ...type.encoded, mutable ? 1 : 0];
  const [parameters, results] = write ? [[type], []] : [[], [type]];
  const module = trampolineModule(types, parameters, results, target, [write ? 0x24 : 0x23, 0]);
  return new Callable(types, parameters, results, module, exports[exportName]);
}

const readValue = (request) => ({ kind: request.u8(), low: request.u64(), high: request.u64() });

function writeValue(reply, { kind, low, high }) {
  reply.u8(kind);
  reply.u64(low);
  reply.u64(high);
}

function writeValues(reply, values) {
  reply.u32(values.length);
  for (const value of values) writeValue(reply, value);
}

// Constant instructions for a value of a type; zero, null or (where there is none) a trap when the value is not given.
function constant(types, type, value) {
  const bits = Buffer.alloc(slotBytes);
  if (value !== undefined && value.kind === kinds[type.number]) {
    bits.writeBigUInt64LE(value.low, 0);
    bits.writeBigUInt64LE(value.high, 8);
  }
  switch (type.number) {
    case 'i32':
      return i32Const(bits.readInt32LE());
    case 'i64':
      return [0x42, ...signed(bits.readBigInt64LE())];
    case 'f32':
      return [0x43, ...bits.subarray(0, 4)];
    case 'f64':
      return [0x44, ...bits.subarray(0, 8)];
    case 'v128':
      return [0xfd, 12, ...bits];
  }
  return type.nullable ? [0xd0, ...(type.encoded[0] === 0x63 ? type.encoded.slice(1) : type.encoded)] : [0x00];
}

module.exports = { ArgumentError, exportedFunction, exportedGlobal, readValue, writeValue, writeValues, constant, kinds };
