// Differential testing: operation 2.
//
//   request   u8 flags (1 stop at the first difference, 2 keep digests), u32 subjects, i32 first input, u32 inputs, list of range, bytes harness
//   reply     u8 0, string rejection
//          or u8 1, f64 executions, per subject: u8 status, u32 compared, u32 inconclusive, u32 trapped, u32 differences,
//                   if differences: i32 input, observation of the original, observation of the subject;
//             list of bytes read back; u32 n (subjects * inputs, or 0), n * u64 digest
//   observation  u64 digest, i32 outcome, u8 trap kind
//
// SweepRequest in Sweep.cs says what a harness is and what equal means.
'use strict';
const { kinds, trapKind } = require('trap.js');
const { readRange, writeBack } = require('memory.js');

const status = { notCompared: 0, agrees: 1, differs: 2 };
const fuelExhausted = 2;

// How a run ended, as far as a host is meant to tell: all traps are alike, an exception is something else.
const ending = (trap) => (trap === kinds.none ? 0 : trap === kinds.exception ? 1 : 2);

class Subject {
  constructor(run) {
    this.run = run;
    this.compared = 0;
    this.inconclusive = 0;
    this.trapped = 0;
    this.differences = 0;
    this.first = null;
  }
  status() {
    return this.differences > 0 ? status.differs : this.compared > 0 ? status.agrees : status.notCompared;
  }
}

function call(subject, input) {
  try {
    subject.run(input);
    return kinds.none;
  } catch (error) {
    subject.trapped++;
    return trapKind(error);
  }
}

function exported(exports, name) {
  const value = exports[name];
  if (typeof value !== 'function') throw new TypeError(`the harness does not export the function "${name}"`);
  return value;
}

function compareAll(subjects, digest, outcome, first, inputs, stopAtFirst, digests) {
  let executions = 0;
  const original = subjects[0];
  let running = subjects.slice(1);
  for (let i = 0; i < inputs; i++) {
    const input = (first + i) | 0;
    executions++;
    const expectedTrap = call(original, input);
    const expectedOutcome = outcome();
    const expectedDigest = digest();
    if (digests !== null) digests[i] = expectedDigest;
    const conclusive = expectedTrap !== kinds.stackExhaustion && expectedOutcome !== fuelExhausted;
    if (conclusive) original.compared++;
    else original.inconclusive++;
    if (!conclusive && digests === null) {
      for (const subject of running) subject.inconclusive++;
      continue;
    }
    let stopped = false;
    for (const subject of running) {
      executions++;
      const trap = call(subject, input);
      const gotOutcome = outcome();
      const gotDigest = digest();
      if (digests !== null) digests[subject.number * inputs + i] = gotDigest;
      if (!conclusive || trap === kinds.stackExhaustion) {
        subject.inconclusive++;
        continue;
      }
      subject.compared++;
      if (gotDigest === expectedDigest && gotOutcome === expectedOutcome && ending(trap) === ending(expectedTrap)) continue;
      subject.differences++;
      subject.first ??= {
        input,
        original: { digest: expectedDigest, outcome: expectedOutcome, trap: expectedTrap },
        subject: { digest: gotDigest, outcome: gotOutcome, trap },
      };
      stopped ||= stopAtFirst;
    }
    if (stopped) running = running.filter((subject) => subject.differences === 0);
  }
  return executions;
}

function observation(reply, { digest, outcome, trap }) {
  reply.u64(digest);
  reply.i32(outcome);
  reply.u8(trap);
}

exports.sweep = function sweep(request, reply) {
  const flags = request.u8();
  const count = request.u32();
  const first = request.i32();
  const inputs = request.u32();
  const ranges = request.list(readRange);
  const harness = request.bytes();
  let exports, subjects, executions, digests;
  try {
    exports = new WebAssembly.Instance(new WebAssembly.Module(harness)).exports;
    subjects = Array.from({ length: count }, (_, number) => new Subject(exported(exports, `subject_${number}`)));
    subjects.forEach((subject, number) => (subject.number = number));
    digests = flags & 2 ? new BigUint64Array(count * inputs) : null;
    executions = compareAll(subjects, exported(exports, 'digest'), exported(exports, 'outcome'), first, inputs, (flags & 1) !== 0, digests);
  } catch (error) {
    reply.u8(0);
    reply.string(String(error?.message ?? error));
    return;
  }
  reply.u8(1);
  reply.f64(executions);
  for (const subject of subjects) {
    reply.u8(subject.status());
    reply.u32(subject.compared);
    reply.u32(subject.inconclusive);
    reply.u32(subject.trapped);
    reply.u32(subject.differences);
    if (subject.first === null) continue;
    reply.i32(subject.first.input);
    observation(reply, subject.first.original);
    observation(reply, subject.first.subject);
  }
  writeBack(reply, exports, ranges);
  reply.u32(digests === null ? 0 : digests.length);
  if (digests !== null) for (const digest of digests) reply.u64(digest);
};
