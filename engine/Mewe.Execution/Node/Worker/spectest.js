// The host module "spectest" of the specification's tests. It is a WebAssembly module, so that its functions have exact types and linking can fail as it should.
'use strict';
const { vector, name, section, i32Const, functionBody, assemble } = require('binary.js');

const [i32, i64, f32, f64, funcref] = [0x7f, 0x7e, 0x7d, 0x7c, 0x70];
const prints = [
  ['print', []], ['print_i32', [i32]], ['print_i64', [i64]], ['print_f32', [f32]], ['print_f64', [f64]],
  ['print_i32_f32', [i32, f32]], ['print_f64_f64', [f64, f64]],
];
const little = (write, bytes) => {
  const buffer = Buffer.alloc(bytes);
  buffer[write](666.6);
  return [...buffer];
};
const globals = [
  ['global_i32', [i32, 0, ...i32Const(666), 0x0b]],
  ['global_i64', [i64, 0, 0x42, 0x9a, 0x05, 0x0b]],
  ['global_f32', [f32, 0, 0x43, ...little('writeFloatLE', 4), 0x0b]],
  ['global_f64', [f64, 0, 0x44, ...little('writeDoubleLE', 8), 0x0b]],
];
const memories = [['memory', [1, 1, 2]], ['shared_memory', [3, 1, 2]]];
const tables = [['table', [funcref, 1, 10, 20]]];
const tables64 = [['table64', [funcref, 5, 10, 20]]];

function build(tables) {
  const all = [[0, prints], [1, tables], [2, memories], [3, globals]];
  return assemble(
    section(1, vector(prints.map(([, parameters]) => [0x60, ...vector(parameters), 0]))),
    section(3, vector(prints.map((_, index) => [index]))),
    section(4, vector(tables.map(([, type]) => type))),
    section(5, vector(memories.map(([, type]) => type))),
    section(6, vector(globals.map(([, entry]) => entry))),
    section(7, vector(all.flatMap(([kind, items]) => items.map(([item], index) => [...name(item), kind, index])))),
    section(10, vector(prints.map(() => functionBody([], [])))),
  );
}

let built = null;

exports.spectest = function spectest() {
  if (built === null) {
    try {
      built = build([...tables, ...tables64]);
    } catch {
      built = build(tables); // a V8 without memory64
    }
  }
  return new WebAssembly.Instance(built).exports;
};
