// The inner loop of a sweep, as a WebAssembly module: calls from one module to another cost a few nanoseconds, calls from JavaScript that return an i64 twenty times
// that. It runs subjects and compares them as long as nothing remarkable happens, and returns to JavaScript (or traps into it) when something does.
//
// One instance serves all sweeps of the worker. The harness's functions stand in its tables, which are typed, so that a function of another type is rejected here:
// called through an untyped table it would trap, as would the original beside it, and both would seem to agree.
// Memory: at 16 * k for subject k: u32 active, u32 how often compared, u32 how often trapped; from `digestsAt` on the digests that are kept, u64 each at subject * inputs + index.
'use strict';
const { vector, name, section, i32Const, functionBody, assemble } = require('binary.js');

const [i32, i64] = [0x7f, 0x7e];
const fuelExhausted = 2; // SweepOutcome.FuelExhausted
const trappedFrom = 16; // SweepOutcome.Trapped
const abnormalTrap = 2;
const subjectShift = 4;
const event = { done: 0, originalOutOfFuel: 1, difference: 2 };
const pageBytes = 65536;

// All mutable and exported.
const globals = [
  ['index', i32], // of the input at work: 0, 1, ...
  ['subject', i32], // the subject at work
  ['first', i32], // the input with index 0
  ['inputs', i32],
  ['subjects', i32],
  ['executions', i32],
  ['originalDigest', i64],
  ['originalOutcome', i32],
  ['originalAbnormal', i32], // how the original ended: 0 normally, 1 with an exception, 2 with a trap
  ['originalTrap', i32], // TrapKind, 0 where it did not trap
  ['digest', i64], // of the latest run that returned
  ['outcome', i32], // with that of a trap taken out
  ['trap', i32], // TrapKind that the outcome told, or 0
  ['digestsAt', i32], // 0: digests are not kept
];
const indexOf = new Map(globals.map(([global], index) => [global, index]));
const get = (global) => [0x23, indexOf.get(global)];
const set = (global, ...value) => [...value, 0x24, indexOf.get(global)];
const increment = (global) => set(global, ...get(global), ...i32Const(1), 0x6a);
const when = (condition, then, otherwise) => [...condition, 0x04, 0x40, ...then, ...(otherwise ? [0x05, ...otherwise] : []), 0x0b];
const when32 = (condition, then, otherwise) => [...condition, 0x04, i32, ...then, 0x05, ...otherwise, 0x0b];
const leave = (code) => [...i32Const(code), 0x0f];
const subjectType = 0, digestType = 1, outcomeType = 2; // the table of each has the same number; the last is also the type of `resume`
const callEntry = (type, entry) => [...entry, 0x11, type, type];
const subjectAddress = [...get('subject'), ...i32Const(subjectShift), 0x74];
const count = (offset) => [...subjectAddress, ...subjectAddress, 0x28, 2, offset, ...i32Const(1), 0x6a, 0x36, 2, offset];
const countCompared = count(4);
const [equal32, unequal32, unequal64, atLeast, below, or, zero, subtract] = [0x46, 0x47, 0x52, 0x4f, 0x49, 0x72, 0x45, 0x6b];

const keepDigest = when(get('digestsAt'), [
  ...get('digestsAt'), ...get('subject'), ...get('inputs'), 0x6c, ...get('index'), 0x6a, ...i32Const(3), 0x74, 0x6a, ...get('digest'), 0x37, 3, 0,
]);

const runSubject = [
  ...increment('executions'),
  ...get('first'), ...get('index'), 0x6a, ...callEntry(subjectType, get('subject')),
  ...set('digest', ...callEntry(digestType, i32Const(0))),
  ...set('outcome', ...callEntry(outcomeType, i32Const(0))),
  ...set('trap', ...i32Const(0)),
  ...when([...get('outcome'), ...i32Const(trappedFrom), atLeast], [
    ...set('trap', ...get('outcome'), ...i32Const(trappedFrom), subtract), ...set('outcome', ...i32Const(0)), ...count(8),
  ]),
  ...keepDigest,
];

const judge = when(
  [...get('subject'), zero],
  [
    ...set('originalDigest', ...get('digest')), ...set('originalOutcome', ...get('outcome')), ...set('originalTrap', ...get('trap')),
    ...set('originalAbnormal', ...when32(get('trap'), i32Const(abnormalTrap), i32Const(0))),
    ...when([...get('outcome'), ...i32Const(fuelExhausted), equal32], leave(event.originalOutOfFuel)),
  ],
  when(
    [
      ...get('originalAbnormal'), ...when32(get('trap'), i32Const(abnormalTrap), i32Const(0)), unequal32, ...get('digest'), ...get('originalDigest'), unequal64, or, ...get('outcome'), ...get('originalOutcome'), unequal32, or,
    ],
    leave(event.difference),
  ),
);

// Goes on at (index, subject). loop { if index >= inputs: done; loop { while subject < subjects ...; subject++ }; index++; subject = 0 }
const resume = [
  0x03, 0x40,
  ...when([...get('index'), ...get('inputs'), atLeast], leave(event.done)),
  0x03, 0x40,
  ...when(
    [...get('subject'), ...get('subjects'), below],
    [
      ...when([...subjectAddress, 0x28, 2, 0], [...runSubject, ...judge, ...countCompared]),
      ...increment('subject'),
      0x0c, 1,
    ],
  ),
  0x0b,
  ...increment('index'), ...set('subject', ...i32Const(0)),
  0x0c, 0,
  0x0b,
  0x00,
];

const driver = assemble(
  section(1, vector([[0x60, 1, i32, 0], [0x60, 0, 1, i64], [0x60, 0, 1, i32]])),
  section(3, [1, outcomeType]),
  section(4, vector([subjectType, digestType, outcomeType].map((type) => [0x63, type, 0, 1]))),
  section(5, [1, 0, 1]),
  section(6, vector(globals.map(([, type]) => [type, 1, ...(type === i64 ? [0x42, 0] : [0x41, 0]), 0x0b]))),
  section(7, vector([
    ...globals.map(([global], index) => [...name(global), 3, index]),
    [...name('resume'), 0, 0], [...name('memory'), 2, 0],
    ...['subjects', 'digest', 'outcome'].map((table, index) => [...name(`${table} table`), 1, index]),
  ])),
  section(10, vector([functionBody([], resume)])),
);

const { resume: go, memory, 'subjects table': table, 'digest table': digestTable, 'outcome table': outcomeTable, ...state } =
  new WebAssembly.Instance(driver).exports;

// Puts a function where the driver calls it; throws when it has another type.
function place(table, entry, what, run) {
  try {
    table.set(entry, run);
  } catch {
    throw new TypeError(`the harness's ${what} has the wrong type`);
  }
}

// Prepares the driver for a harness: `subjects` are its functions.
function begin(subjects, digest, outcome, first, inputs, keepDigests) {
  if (table.length < subjects.length) table.grow(subjects.length - table.length);
  place(digestTable, 0, '"digest"', digest);
  place(outcomeTable, 0, '"outcome"', outcome);
  subjects.forEach((run, k) => place(table, k, `"subject_${k}"`, run));
  const digestsAt = Math.ceil((subjects.length << subjectShift) / pageBytes) * pageBytes;
  const bytes = digestsAt + (keepDigests ? subjects.length * inputs * 8 : 0);
  if (memory.buffer.byteLength < bytes) memory.grow(Math.ceil((bytes - memory.buffer.byteLength) / pageBytes));
  const all = { index: 0, subject: 0, first, inputs, subjects: subjects.length, executions: 0, digestsAt: keepDigests ? digestsAt : 0 };
  for (const [global, value] of Object.entries(all)) state[global].value = value;
  new Uint8Array(memory.buffer, 0, bytes).fill(0);
  const perSubject = new Int32Array(memory.buffer, 0, subjects.length * 4);
  subjects.forEach((_, k) => (perSubject[4 * k] = 1));
  return { perSubject, digests: keepDigests ? new BigUint64Array(memory.buffer, digestsAt, subjects.length * inputs) : null };
}

// Lets go of the harness.
function end(subjects) {
  digestTable.set(0, null);
  outcomeTable.set(0, null);
  for (let entry = 0; entry < Math.min(subjects.length, table.length); entry++) table.set(entry, null);
}

module.exports = { begin, end, state, event, resume: go };
