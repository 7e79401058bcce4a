// The libraries that harnesses import from: their code, and an instance of each that the last harness left as it had found it.
'use strict';
const v8 = require('node:v8');

// V8 compiles the worker's harnesses with its baseline compiler: each runs for milliseconds. A library runs for as long as its module is tested, and most of a run's time is spent in it.
const optimizing = ['--no-liftoff-only', '--no-liftoff', '--no-wasm-lazy-compilation'];
const baseline = ['--liftoff', '--liftoff-only', '--wasm-lazy-compilation'];

const kept = 8;
const libraries = new Map(); // by key, the latest last

function compileWell(bytes) {
  optimizing.forEach((flag) => v8.setFlagsFromString(flag));
  try {
    return new WebAssembly.Module(bytes);
  } finally {
    baseline.forEach((flag) => v8.setFlagsFromString(flag));
  }
}

// An instance for one sweep: nobody else gets it before it is given back.
exports.instanceOf = function instanceOf(key, bytes) {
  const library = libraries.get(key) ?? { module: compileWell(bytes), instance: null };
  libraries.delete(key);
  libraries.set(key, library);
  if (libraries.size > kept) libraries.delete(libraries.keys().next().value);
  const instance = library.instance ?? new WebAssembly.Instance(library.module);
  library.instance = null;
  return instance;
};

// New memories cost V8 more than anything else about an instance, so it is kept for the next sweep. `release` is the harness's, and puts back what was changed; where that does not work the instance is not used again.
exports.giveBack = function giveBack(key, instance, release) {
  try {
    release();
  } catch {
    return;
  }
  libraries.get(key).instance = instance;
};
