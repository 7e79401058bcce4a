// Differential testing: operation 2.
//
//   request   u8 flags (1 stop at the first difference, 2 keep digests), u32 subjects, i32 first input, u32 inputs, list of range, list of content, string key of the library or "", bytes library, bytes harness
//   reply     u8 0, string rejection
//          or u8 1, f64 executions, per subject: u8 status, u32 compared, u32 inconclusive, u32 trapped, u32 differences,
//                   if differences: i32 input, observation of the original, observation of the subject;
//             list of bytes read back; u32 n (subjects * inputs, or 0), n * u64 digest
//   content      string export, f64 offset, bytes: written to memory before the first run
//   observation  u64 digest, i32 outcome, u8 trap kind
//
// SweepRequest in Sweep.cs says what a harness is and what equal means.
'use strict';
const { kinds, trapKind } = require('trap.js');
const { readRange, readContent, preload, writeBack } = require('memory.js');
const driver = require('driver.js');
const { instanceOf, giveBack } = require('library.js');

const status = { notCompared: 0, agrees: 1, differs: 2 };
const fuelExhausted = 2;
const { state } = driver;

// How a run ended, as far as a host is meant to tell: all traps are alike, an exception is something else.
const ending = (trap) => (trap === kinds.none ? 0 : trap === kinds.exception ? 1 : 2);

class Subject {
  inconclusive = 0;
  differences = 0;
  first = null;
}

function exported(exports, name) {
  const value = exports[name];
  if (typeof value !== 'function') throw new TypeError(`the harness does not export the function "${name}"`);
  return value;
}

// Handles what the driver does not: traps, differences, and originals without an answer.
class Comparison {
  constructor(functions, digest, outcome, first, inputs, stopAtFirst, keepDigests) {
    this.subjects = functions.map(() => new Subject());
    this.digest = digest;
    this.outcome = outcome;
    this.first = first;
    this.inputs = inputs;
    this.stopAtFirst = stopAtFirst;
    Object.assign(this, driver.begin(functions, digest, outcome, first, inputs, keepDigests));
  }

  run() {
    for (;;) {
      let happened;
      try {
        happened = driver.resume();
      } catch (error) {
        this.trapped(trapKind(error));
        continue;
      }
      if (happened === driver.event.done) return;
      if (happened === driver.event.originalOutOfFuel) this.undecided();
      else this.differs({ digest: state.digest.value, outcome: state.outcome.value, trap: state.trap.value });
    }
  }

  // The subject at work trapped or threw. The driver goes on behind it.
  trapped(trap) {
    const number = state.subject.value;
    const subject = this.subjects[number];
    this.perSubject[4 * number + 2]++;
    const digest = this.digest();
    const outcome = this.outcome();
    if (this.digests !== null) this.digests[number * this.inputs + state.index.value] = BigInt.asUintN(64, digest);
    if (number === 0) {
      if (trap === kinds.stackExhaustion || outcome === fuelExhausted) return this.undecided();
      state.originalTrap.value = trap;
      state.originalAbnormal.value = ending(trap);
      state.originalDigest.value = digest;
      state.originalOutcome.value = outcome;
    } else if (trap === kinds.stackExhaustion) {
      subject.inconclusive++;
      state.subject.value = number + 1;
      return;
    } else if (
      ending(trap) !== state.originalAbnormal.value || digest !== state.originalDigest.value || outcome !== state.originalOutcome.value
    ) {
      return this.differs({ digest, outcome, trap });
    }
    this.perSubject[4 * number + 1]++;
    state.subject.value = number + 1;
  }

  // The original has no answer for this input, so nobody else needs to be asked.
  undecided() {
    this.subjects.forEach((subject, number) => {
      if (this.perSubject[4 * number] !== 0) subject.inconclusive++;
    });
    state.index.value++;
    state.subject.value = 0;
  }

  differs(observed) {
    const number = state.subject.value;
    const subject = this.subjects[number];
    subject.differences++;
    subject.first ??= {
      input: (this.first + state.index.value) | 0,
      original: {
        digest: state.originalDigest.value,
        outcome: state.originalOutcome.value,
        trap: state.originalTrap.value,
      },
      subject: observed,
    };
    this.perSubject[4 * number + 1]++;
    if (this.stopAtFirst) this.perSubject[4 * number] = 0;
    state.subject.value = number + 1;
  }

  compared(number) {
    return this.perSubject[4 * number + 1];
  }

  status(number) {
    return this.subjects[number].differences > 0 ? status.differs : this.compared(number) > 0 ? status.agrees : status.notCompared;
  }
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
  const contents = request.list(readContent);
  const key = request.string();
  const libraryBytes = request.bytes();
  const harness = request.bytes();
  const { stackTraceLimit } = Error;
  let exports, comparison, library;
  let functions = [];
  try {
    Error.stackTraceLimit = 0; // a trap costs many times as much with its stack trace, and nobody looks at it
    const imports = {};
    if (key !== '') {
      library = instanceOf(key, libraryBytes);
      imports.library = library.exports;
    }
    exports = new WebAssembly.Instance(new WebAssembly.Module(harness), imports).exports;
    preload(exports, contents);
    functions = Array.from({ length: count }, (_, number) => exported(exports, `subject_${number}`));
    const [digest, outcome] = [exported(exports, 'digest'), exported(exports, 'outcome')];
    comparison = new Comparison(functions, digest, outcome, first, inputs, (flags & 1) !== 0, (flags & 2) !== 0);
    comparison.run();
  } catch (error) {
    reply.u8(0);
    reply.string(String(error?.message ?? error));
    return;
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
    driver.end(functions);
  }
  reply.u8(1);
  reply.f64(state.executions.value);
  comparison.subjects.forEach((subject, number) => {
    reply.u8(comparison.status(number));
    reply.u32(comparison.compared(number));
    reply.u32(subject.inconclusive);
    reply.u32(comparison.perSubject[4 * number + 2]);
    reply.u32(subject.differences);
    if (subject.first === null) return;
    reply.i32(subject.first.input);
    observation(reply, subject.first.original);
    observation(reply, subject.first.subject);
  });
  writeBack(reply, exports, ranges);
  const digests = comparison.digests ?? [];
  reply.u32(digests.length);
  for (const digest of digests) reply.u64(digest);
  if (library !== undefined && typeof exports.release === 'function') giveBack(key, library, exports.release);
};
