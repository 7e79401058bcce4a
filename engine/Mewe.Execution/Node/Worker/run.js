// Workloads, and operation 3 (run). time.js uses them, too.
//
//   workload  u8 kind: 0 command (list of string args, list of string env, bytes stdin); 1 reactor (list of bytes);
//             2 export calls (list of (string export, list of value))
//   run       u8 unknown imports (0 reject, 1 zero), list of range, list of u64 seed, workload, bytes module
//             -> u8 0, string rejection
//             or u8 1, list of bytes (the distinct outcomes, in order of appearance), per seed u32 index into it
//   outcome   u8 exited, if exited: u32 code, u8 trapped, if trapped: trap, bytes stdout, bytes stderr, list of answer, list of bytes read back
//   answer    u8 kind: 0 bytes: bytes; 1 refused; 2 values: list of value; 3 trapped: trap
'use strict';
const { createHash } = require('node:crypto');
const { Writer } = require('wire.js');
const { ModuleTypes } = require('binary.js');
const { exportedFunction, readValue, writeValues, ArgumentError } = require('values.js');
const { trapOf } = require('trap.js');
const { readRange, writeBack } = require('memory.js');
const { stubs } = require('stub.js');
const { WasiHost, seedArguments } = require('wasi.js');

class Rejection extends Error {}

const cacheEntries = 16;
const cacheBytes = 32 << 20;
const compiled = new Map(); // in order of use, the latest last

class Compiled {
  constructor(bytes) {
    this.bytes = Uint8Array.from(bytes);
    this.module = new WebAssembly.Module(this.bytes);
    this.imports = WebAssembly.Module.imports(this.module);
  }
  get types() {
    return (this.parsed ??= new ModuleTypes(this.bytes));
  }
}

function compile(bytes) {
  const key = createHash('sha256').update(bytes).digest('hex');
  let entry = compiled.get(key);
  if (entry === undefined) {
    try {
      entry = new Compiled(bytes);
    } catch (error) {
      throw new Rejection(error.message);
    }
  }
  compiled.delete(key);
  compiled.set(key, entry);
  let size = 0;
  for (const [, { bytes }] of compiled) size += bytes.length;
  for (const [oldest, { bytes }] of compiled) {
    if (compiled.size <= 1 || (compiled.size <= cacheEntries && size <= cacheBytes)) break;
    compiled.delete(oldest);
    size -= bytes.length;
  }
  return entry;
}

function importsFor(entry, host, zeroUnknown) {
  const imports = {};
  const wanted = [];
  entry.imports.forEach(({ module, name, kind }, index) => {
    imports[module] ??= Object.create(null);
    const provided = kind === 'function' ? host.find(module, name) : undefined;
    if (provided !== undefined) {
      imports[module][name] = provided;
    } else if (zeroUnknown) {
      wanted.push({ module, name, index });
    } else {
      throw new Rejection(`module imports ${module}.${name} (${kind}) which no host provides`);
    }
  });
  if (wanted.length > 0) {
    let made;
    try {
      made = stubs(entry.types, wanted.map(({ index }) => ({ entry: entry.types.imports[index], results: [] })));
    } catch (error) {
      throw new Rejection(`the module's imports cannot be made up: ${error.message}`);
    }
    wanted.forEach(({ module, name }, i) => (imports[module][name] = made[i]));
  }
  return imports;
}

function requireFunction(exports, name) {
  if (typeof exports[name] !== 'function') throw new Rejection(`module does not export the function "${name}"`);
  return exports[name];
}

// Runs to its end, or to the trap or exit that ends the run. What it throws other than a Rejection belongs to the module.
class Run {
  constructor(entry, workload, seed, zeroUnknown) {
    this.entry = entry;
    this.workload = workload;
    this.answers = [];
    this.trap = null;
    this.host = new WasiHost({ ...workload.wasi, seed });
    this.imports = importsFor(entry, this.host, zeroUnknown);
    this.seed = seed;
    this.exports = null;
  }

  // Instantiates, seeds and initializes; false when the run is over already.
  begin() {
    return this.#guard(() => {
      this.exports = new WebAssembly.Instance(this.entry.module, this.imports).exports;
      this.host.attach(this.exports);
      if (typeof this.exports.mewe_seed === 'function') this.exports.mewe_seed(...seedArguments(this.seed, this.exports.mewe_seed.length));
      if (this.workload.kind !== 0 && typeof this.exports._initialize === 'function') this.exports._initialize();
    });
  }

  // Does the workload's work once.
  work() {
    return this.#guard(() => workloads[this.workload.kind].work(this));
  }

  #guard(action) {
    try {
      action();
      return true;
    } catch (error) {
      if (error instanceof Rejection) throw error;
      if (error instanceof WebAssembly.LinkError) throw new Rejection(error.message);
      if (error instanceof ArgumentError) throw new Rejection(error.message);
      if (this.host.exitCode === null) this.trap = trapOf(error);
      return false;
    }
  }
}

const answerKinds = { bytes: 0, refused: 1, values: 2, trapped: 3 };

const workloads = [
  {
    read: (request) => ({
      kind: 0,
      wasi: { args: ['program', ...request.list(() => request.string())], env: request.list(() => request.string()), stdin: Buffer.from(request.bytes()) },
    }),
    work(run) {
      requireFunction(run.exports, '_start')();
    },
  },
  {
    read: (request) => ({ kind: 1, wasi: { args: ['program'] }, requests: request.list(() => Buffer.from(request.bytes())) }),
    work(run) {
      const [alloc, answer, call, release] = ['alloc', 'answer', 'run', 'release'].map((name) => requireFunction(run.exports, name));
      const { memory } = run.exports;
      if (!(memory instanceof WebAssembly.Memory)) throw new Rejection('module does not export the memory "memory"');
      for (const request of run.workload.requests) {
        const at = alloc(request.length) >>> 0;
        if (at + request.length > memory.buffer.byteLength) throw new RangeError('alloc returned memory that does not exist');
        new Uint8Array(memory.buffer).set(request, at);
        const length = call(at, request.length);
        if (length < 0) {
          run.answers.push({ kind: answerKinds.refused });
        } else {
          const from = answer() >>> 0;
          if (from + length > memory.buffer.byteLength) throw new RangeError('the answer is outside of the memory');
          run.answers.push({ kind: answerKinds.bytes, bytes: Buffer.from(new Uint8Array(memory.buffer, from, length)) });
        }
        release(at);
      }
    },
  },
  {
    read: (request) => ({
      kind: 2,
      wasi: { args: ['program'] },
      calls: request.list(() => ({ name: request.string(), values: request.list(readValue) })),
    }),
    work(run) {
      run.callables ??= new Map();
      for (const { name, values } of run.workload.calls) {
        if (!run.callables.has(name)) run.callables.set(name, exportedFunction(run.entry.types, run.exports, name));
        try {
          run.answers.push({ kind: answerKinds.values, values: run.callables.get(name).call(values) });
        } catch (error) {
          if (error instanceof ArgumentError || run.host.exitCode !== null) throw error;
          run.answers.push({ kind: answerKinds.trapped, trap: trapOf(error) });
        }
      }
    },
  },
];

function readWorkload(request) {
  return workloads[request.u8()].read(request);
}

function writeOutcome(out, run, ranges) {
  const code = run.trap !== null ? null : (run.host.exitCode ?? 0);
  out.u8(code === null ? 0 : 1);
  if (code !== null) out.u32(code);
  out.u8(run.trap === null ? 0 : 1);
  if (run.trap !== null) out.trap(run.trap);
  out.bytes(run.host.stdout.bytes);
  out.bytes(run.host.stderr.bytes);
  out.u32(run.answers.length);
  for (const answer of run.answers) {
    out.u8(answer.kind);
    if (answer.kind === answerKinds.bytes) out.bytes(answer.bytes);
    else if (answer.kind === answerKinds.values) writeValues(out, answer.values);
    else if (answer.kind === answerKinds.trapped) out.trap(answer.trap);
  }
  writeBack(out, run.exports, ranges);
}

// Gives the reply that `action` writes, or the rejection that it throws.
function answerOrReject(reply, action) {
  const start = reply.at;
  try {
    reply.u8(1);
    action();
  } catch (error) {
    if (!(error instanceof Rejection)) throw error;
    reply.at = start;
    reply.u8(0);
    reply.string(error.message);
  }
}

function run(request, reply) {
  const zeroUnknown = request.u8() === 1;
  const ranges = request.list(readRange);
  const seeds = request.list(() => request.u64());
  const workload = readWorkload(request);
  const bytes = request.bytes();
  answerOrReject(reply, () => {
    const entry = compile(bytes);
    const distinct = new Map();
    const outcomes = [];
    const out = new Writer();
    const indices = seeds.map((seed) => {
      const run = new Run(entry, workload, seed, zeroUnknown);
      if (run.begin()) run.work();
      out.clear();
      writeOutcome(out, run, ranges);
      const content = out.content();
      const key = createHash('sha256').update(content).digest('latin1');
      if (!distinct.has(key)) distinct.set(key, outcomes.push(content) - 1);
      return distinct.get(key);
    });
    reply.u32(outcomes.length);
    for (const outcome of outcomes) reply.bytes(outcome);
    for (const index of indices) reply.u32(index);
  });
}

module.exports = { run, Rejection, Run, answerKinds, answerOrReject, compile, readWorkload, writeOutcome };
