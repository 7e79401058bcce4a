// Given to `node -e`: no file is needed, and none is left behind. Reads the worker's other modules from standard input
// (u32 count, then per module: u32 length, name, u32 length, source), then serves requests on the same pipe. See main.js for the protocol.
'use strict';
const fs = require('node:fs');
const vm = require('node:vm');

function take(length) {
  const bytes = Buffer.allocUnsafe(length);
  for (let have = 0; have < length;) {
    const got = fs.readSync(0, bytes, have, length - have, null);
    if (got === 0) process.exit(0);
    have += got;
  }
  return bytes;
}

const takeString = () => take(take(4).readUInt32LE()).toString();
const sources = new Map();
for (let count = take(4).readUInt32LE(); count > 0; count--) {
  const name = takeString();
  sources.set(name, takeString());
}

const loaded = new Map();
function load(name) {
  if (!sources.has(name)) return require(name);
  if (!loaded.has(name)) {
    const body = vm.compileFunction(sources.get(name), ['require', 'module', 'exports'], { filename: `mewe-worker/${name}` });
    const module = { exports: {} };
    loaded.set(name, module);
    body(load, module, module.exports);
  }
  return loaded.get(name).exports;
}

load('main.js').serve();
