// Timing: operation 5.
//
//   time      u8 unknown imports (0 reject, 1 zero), u8 instantiation is timed, u64 seed, u32 warm-up rounds, u32 rounds, f64 least nanoseconds of a turn of subject 0,
//             workload (see run.js), list of (u32 module, list of (string export, value)) subjects, list of bytes modules
//             -> u8 0, string rejection, or u8 1, u32 repeats, per subject, per round: f64 nanoseconds that the workload took once
//
// Each subject first runs the workload untimed in a fresh instance, and must show what subject 0 shows. Then a `turn` is an object that repeats the workload and says how long it took; all
// turns of a module share its instance, but for commands, which need a fresh one each time. JavaScript is kept out of what is timed: for reactors and export calls it makes one call to a driver, a
// WebAssembly module that is linked to the instance, so that no feedback that V8's JavaScript compilers gather at a call favours one subject.
'use strict';
const { Writer } = require('wire.js');
const { unsigned, vector, name, section, i32Const, functionBody, assemble } = require('binary.js');
const { constant, kinds, readValue } = require('values.js');
const { Rejection, Run, answerKinds, answerOrReject, compile, readWorkload, writeOutcome } = require('run.js');

const calibrationStep = 16; // at most this many times the repeats tried before
const mostRepeats = 1 << 24;
const withUntimed = 2; // a turn is long enough, too, that lasts so many times what is asked with what of it is not timed
const pageBytes = 65536;
const kindOf = { command: 0, reactor: 1 };

// --- Globals ---

function globalsOf(run, settings) {
  return settings.map(({ exportName, value }) => {
    const entry = run.entry.types.exports.get(exportName);
    const global = entry?.kind === 3 ? run.entry.types.globals[entry.index] : undefined;
    if (global === undefined || !global.mutable) throw new Rejection(`module does not export the mutable global "${exportName}"`);
    const type = ['i32', 'i64'][value.kind];
    if (type === undefined || global.type.number !== type) throw new Rejection(`the global "${exportName}" has another type than the value that it is set to`);
    return { global: run.exports[exportName], value: type === 'i32' ? Number(BigInt.asIntN(32, value.low)) : BigInt.asIntN(64, value.low) };
  });
}

function assign(settings) {
  for (const { global, value } of settings) global.value = value;
}

// --- The untimed run ---

function observe(entry, subject, { workload, seed, zeroUnknown }) {
  const run = new Run(entry, workload, seed, zeroUnknown);
  if (run.begin()) {
    assign(globalsOf(run, subject.settings));
    run.work();
  }
  if (run.trap !== null) throw new Rejection(`the workload trapped: ${run.trap.message}`);
  const shown = new Writer();
  writeOutcome(shown, run, []);
  return { shown: shown.content(), exited: run.host.exitCode !== null, answers: run.answers };
}

// --- Drivers ---

// A function "go" (i32 repeats) -> () around a body; the body may use the locals from number 1 on.
function driverModule(typeEntries, typeCount, imports, memoryPages, locals, body) {
  const loop = [0x03, 0x40, ...body, 0x20, 0, ...i32Const(1), 0x6b, 0x22, 0, 0x0d, 0, 0x0b];
  const functions = imports.filter((entry) => entry.description[0] === 0).length;
  return assemble(
    section(1, [...unsigned(typeCount + 1), ...typeEntries, 0x60, 1, 0x7f, 0]),
    section(2, vector(imports.map(({ label, description }) => [...name('s'), ...name(label), ...description]))),
    section(3, [1, ...unsigned(typeCount)]),
    section(5, memoryPages === 0 ? [0] : [1, 0, ...unsigned(memoryPages)]),
    section(7, vector([[...name('go'), 0, ...unsigned(functions)], ...(memoryPages === 0 ? [] : [[...name('requests'), 2, 1]])])),
    section(10, vector([functionBody(locals, loop)])),
  );
}

function link(module, provided) {
  try {
    return new WebAssembly.Instance(module, { s: provided }).exports;
  } catch (error) {
    if (error instanceof WebAssembly.LinkError) throw new Rejection(`the workload's exports have other types than expected: ${error.message}`);
    throw error;
  }
}

// Memory 0 is the reactor's; memory 1 holds the requests, behind a list of (u32 offset, u32 length).
function reactorDriver(run, { requests }) {
  const listBytes = requests.length * 8;
  const bytes = requests.reduce((sum, request) => sum + request.length, listBytes);
  const [i32, none, listed, at] = [0x7f, 0x40, 1, 2]; // locals: the entry in the list, where the request lies
  const [alloc, answer, call, release] = [0, 1, 2, 3];
  const load = (offset) => [0x20, listed, 0x28, 0x42, 1, offset]; // alignment 4, memory 1
  const body = requests.length === 0 ? [] : [
    ...i32Const(0), 0x21, listed,
    0x03, none,
    ...load(4), 0x10, alloc, 0x22, at,
    ...load(0), ...load(4), 0xfc, 10, 0, 1,
    0x20, at, ...load(4), 0x10, call, ...i32Const(0), 0x4e, 0x04, none, 0x10, answer, 0x1a, 0x0b,
    0x20, at, 0x10, release,
    0x20, listed, ...i32Const(8), 0x6a, 0x22, listed, ...i32Const(listBytes), 0x49, 0x0d, 0,
    0x0b,
  ];
  const types = [0x60, 1, i32, 1, i32, 0x60, 0, 1, i32, 0x60, 2, i32, i32, 1, i32, 0x60, 1, i32, 0];
  const functions = ['alloc', 'answer', 'run', 'release'].map((label, index) => ({ label, description: [0, index] }));
  const pages = Math.max(1, Math.ceil(bytes / pageBytes));
  const module = driverModule(types, 4, [...functions, { label: 'memory', description: [2, 0, 0] }], pages, [[i32], [i32]], body);
  const driver = link(module, run.exports);
  const view = new DataView(driver.requests.buffer);
  let offset = listBytes;
  requests.forEach((request, index) => {
    view.setUint32(index * 8, offset, true);
    view.setUint32(index * 8 + 4, request.length, true);
    new Uint8Array(driver.requests.buffer).set(request, offset);
    offset += request.length;
  });
  return driver.go;
}

function callsDriver(run, { calls }) {
  const { types } = run.entry;
  const imports = new Map();
  const body = calls.flatMap(({ name: exportName, values }) => {
    const typeIndex = types.functions[types.exports.get(exportName).index];
    const { parameters, results } = types.types[typeIndex];
    if (values.some((value, i) => parameters[i].number === undefined && value.kind !== kinds.null)) {
      throw new Rejection('calls with references of the host cannot be timed');
    }
    if (!imports.has(exportName)) imports.set(exportName, { label: exportName, description: [0, ...unsigned(typeIndex)], number: imports.size });
    const given = values.flatMap((value, i) => constant(types, parameters[i], value));
    return [...given, 0x10, ...unsigned(imports.get(exportName).number), ...results.flatMap(() => [0x1a])];
  });
  const driver = link(driverModule(types.typeEntries, types.typeEntryCount, [...imports.values()], 0, [], body), run.exports);
  return driver.go;
}

// --- Turns ---

function guarded(action) {
  try {
    return action();
  } catch (error) {
    if (error instanceof Rejection) throw error;
    throw new Rejection(`the workload trapped when it was repeated: ${error?.message ?? error}`);
  }
}

// Turns on an instance that stays; every global that some subject of the module sets is set before each.
function keptTurns(entry, subjects, workload, setting) {
  const run = new Run(entry, workload, setting.seed, setting.zeroUnknown);
  if (!run.begin()) throw new Rejection(`the module did not start: ${run.trap?.message ?? 'it exited'}`);
  const go = workload.kind === kindOf.reactor ? reactorDriver(run, workload) : callsDriver(run, workload);
  const initial = new Map();
  for (const { global } of subjects.flatMap((subject) => globalsOf(run, subject.settings))) initial.set(global, global.value);
  return subjects.map((subject) => {
    const own = new Map(initial);
    for (const { global, value } of globalsOf(run, subject.settings)) own.set(global, value);
    const settings = [...own].map(([global, value]) => ({ global, value }));
    return (repeats) => {
      assign(settings);
      const start = process.hrtime.bigint();
      guarded(() => go(repeats));
      const took = process.hrtime.bigint() - start;
      run.host.forgetOutput();
      return Number(took);
    };
  });
}

function commandTurn(entry, subject, workload, { seed, zeroUnknown, timeInstantiation }) {
  return (repeats) => {
    let took = 0n;
    for (let i = 0; i < repeats; i++) {
      const run = new Run(entry, workload, seed, zeroUnknown);
      const before = process.hrtime.bigint();
      const started = run.begin();
      const settings = started ? globalsOf(run, subject.settings) : [];
      assign(settings);
      const between = process.hrtime.bigint();
      if (started) run.work();
      took += process.hrtime.bigint() - (timeInstantiation ? before : between);
      if (run.trap !== null) throw new Rejection(`the workload trapped when it was repeated: ${run.trap.message}`);
    }
    return Number(took);
  };
}

// How often the workload has to be repeated for a turn to last as long as is asked, with what is not timed twice as long: making a command's instances takes more than
// most commands do.
function calibrate(turn, least) {
  for (let repeats = 1; ; ) {
    const start = process.hrtime.bigint();
    const timed = turn(repeats);
    const took = Math.max(timed, Number(process.hrtime.bigint() - start) / withUntimed);
    if (took >= least || repeats === mostRepeats) return repeats;
    const wanted = Math.ceil((repeats * least * 1.1) / Math.max(took, 1));
    repeats = Math.min(Math.max(wanted, repeats + 1), repeats * calibrationStep, mostRepeats);
  }
}

// Marsaglia's xorshift32: the order of the turns is the same in every run.
function shuffler() {
  let state = 0x9e3779b9;
  const below = (limit) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % limit;
  };
  return (list) => {
    for (let i = list.length - 1; i > 0; i--) {
      const j = below(i + 1);
      [list[i], list[j]] = [list[j], list[i]];
    }
    return list;
  };
}

exports.time = function time(request, reply) {
  const zeroUnknown = request.u8() === 1;
  const timeInstantiation = request.u8() === 1;
  const seed = request.u64();
  const warmup = request.u32();
  const rounds = request.u32();
  const least = request.f64();
  let workload = readWorkload(request);
  const subjects = request.list(() => ({
    module: request.u32(),
    settings: request.list(() => ({ exportName: request.string(), value: readValue(request) })),
  }));
  const bytes = request.list(() => request.bytes());
  answerOrReject(reply, () => {
    const setting = { workload, seed, zeroUnknown, timeInstantiation };
    const entries = bytes.map(compile);
    const observed = subjects.map((subject) => observe(entries[subject.module], subject, setting));
    subjects.forEach((subject, k) => {
      if (!observed[k].shown.equals(observed[0].shown)) throw new Rejection(`subject ${k} does not show what subject 0 shows`);
    });
    if (workload.kind > kindOf.reactor) {
      workload = { ...workload, calls: workload.calls.filter((_, i) => observed[0].answers[i]?.kind !== answerKinds.trapped) };
    }
    if (workload.kind !== kindOf.command && observed[0].exited) throw new Rejection('the workload exits, so it cannot be repeated in one instance');

    const turns = [];
    entries.forEach((entry, module) => {
      const own = subjects.map((subject, k) => ({ ...subject, k })).filter((subject) => subject.module === module);
      if (own.length === 0) return;
      const made = workload.kind === kindOf.command ? own.map((subject) => commandTurn(entry, subject, workload, setting)) : keptTurns(entry, own, workload, setting);
      own.forEach(({ k }, i) => (turns[k] = made[i]));
    });

    const order = turns.map((_, k) => k);
    const shuffle = shuffler();
    const taken = turns.map(() => []);
    let repeats = calibrate(turns[0], least);
    for (let round = 0; round < warmup; round++) for (const k of shuffle(order)) turns[k](repeats);
    if (warmup > 0) repeats = calibrate(turns[0], least); // it has become faster
    for (let round = 0; round < rounds; round++) for (const k of shuffle(order)) taken[k].push(turns[k](repeats) / repeats);
    reply.u32(repeats);
    for (const took of taken.flat()) reply.f64(took);
  });
};
