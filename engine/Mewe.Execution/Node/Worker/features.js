// Which features this V8 has: a minimal module for each is validated. The numbers are WasmFeature in EngineInfo.cs.
'use strict';

const preamble = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
const type = (...bytes) => [1, bytes.length, ...bytes];
const memory = (...bytes) => [5, bytes.length, ...bytes];
const oneFunction = [3, 2, 1, 0];
const nothingToNothing = type(1, 0x60, 0, 0);
const code = (...body) => [10, body.length + 4, 1, body.length + 2, 0, ...body, 0x0b];
const oneBody = (...body) => [...nothingToNothing, ...oneFunction, ...code(...body)];
const zeroVector = [0xfd, 12, ...new Array(16).fill(0)];

const probes = [
  /* Simd */ oneBody(...zeroVector, 0x1a),
  /* RelaxedSimd */ oneBody(...zeroVector, ...zeroVector, 0xfd, 0x80, 0x02, 0x1a), // i8x16.relaxed_swizzle
  /* Threads */ [...nothingToNothing, ...oneFunction, ...memory(1, 3, 1, 1), ...code(0x41, 0, 0xfe, 0x10, 2, 0, 0x1a)], // i32.atomic.load
  /* TailCall */ oneBody(0x12, 0),
  /* Exceptions */ oneBody(0x1f, 0x40, 1, 2, 0, 0x0b), // try_table (catch_all 0)
  /* LegacyExceptions */ oneBody(0x06, 0x40, 0x19, 0x0b), // try catch_all end
  /* Memory64 */ memory(1, 4, 1),
  /* MultiMemory */ memory(2, 0, 1, 0, 1),
  /* Gc */ type(1, 0x5f, 1, 0x7f, 0), // a struct type
  /* FunctionReferences */ [...type(2, 0x60, 0, 0, 0x60, 1, 0x64, 0, 0)], // a parameter of type (ref 0)
];

exports.features = function features() {
  return probes.flatMap((probe, index) => (WebAssembly.validate(new Uint8Array([...preamble, ...probe])) ? [index] : []));
};
