// What a thrown value means: the numbers are TrapKind in Trap.cs.
'use strict';

const kinds = {
  none: 0, unreachable: 1, integerDivideByZero: 2, integerOverflow: 3, outOfBoundsMemory: 4, outOfBoundsTable: 5, indirectCallTypeMismatch: 6,
  nullReference: 7, invalidConversion: 8, stackExhaustion: 9, exception: 10, castFailure: 11, outOfBoundsArray: 12, unalignedAtomic: 13,
  outOfMemory: 14, host: 15, other: 16,
};

// V8's messages (src/common/message-template.h, kTrap*).
const messages = new Map([
  ['unreachable', kinds.unreachable],
  ['divide by zero', kinds.integerDivideByZero],
  ['remainder by zero', kinds.integerDivideByZero],
  ['divide result unrepresentable', kinds.integerOverflow],
  ['float unrepresentable in integer range', kinds.invalidConversion],
  ['memory access out of bounds', kinds.outOfBoundsMemory],
  ['table index is out of bounds', kinds.outOfBoundsTable],
  ['table access out of bounds', kinds.outOfBoundsTable],
  ['element segment out of bounds', kinds.outOfBoundsTable],
  ['function signature mismatch', kinds.indirectCallTypeMismatch],
  ['null function or function signature mismatch', kinds.indirectCallTypeMismatch], // V8 13 and before
  ['null function', kinds.nullReference],
  ['dereferencing a null pointer', kinds.nullReference],
  ['illegal cast', kinds.castFailure],
  ['array element access out of bounds', kinds.outOfBoundsArray],
  ['operation does not support unaligned accesses', kinds.unalignedAtomic],
  ['requested new array is too large', kinds.outOfMemory],
]);

const prefix = /^WebAssembly\.\w+\(\): /; // of errors while instantiating
const noMemory = /out of memory|could not allocate/i;

function classify(text) {
  const known = messages.get(text);
  if (known !== undefined) return known;
  const message = text.replace(prefix, '');
  if (message !== text) return classify(message);
  if (message.includes('data segment')) return kinds.outOfBoundsMemory;
  if (message.includes('table initializer') || message.includes('element segment')) return kinds.outOfBoundsTable;
  if (message.includes('unaligned')) return kinds.unalignedAtomic;
  return kinds.other;
}

function trapKind(error) {
  if (error instanceof WebAssembly.RuntimeError) return classify(error.message);
  if (error instanceof WebAssembly.Exception) return kinds.exception;
  if (error instanceof RangeError && error.message.startsWith('Maximum call stack')) return kinds.stackExhaustion;
  if (error instanceof RangeError && noMemory.test(error.message)) return kinds.outOfMemory;
  return kinds.host;
}

function trapOf(error) {
  const kind = trapKind(error);
  return { kind, message: kind === kinds.exception ? 'an exception of the module was not caught' : String(error?.message ?? error) };
}

module.exports = { kinds, trapKind, trapOf };
