// Machine code: operation 6, only in workers that V8 lets print it (--print-wasm-code).
//
//   code      bytes module -> u8 0, string rejection; or u8 1, u32 imported functions, u32 defined functions; or u8 2, string why this machine's code cannot be read
//
// V8 prints the code on standard output while it compiles, so in such a worker listings stand between the replies: a byte 1 on a line of its own means that a listing begins, and a
// byte 0 where a line would begin means that a reply begins. Nothing in a listing may come from the module, or it could forge these: it is compiled without its names.
// V8 writes through C's stdio, which drops what a non-blocking pipe does not take at once: such a worker must never start a thread or touch process.stdout, which make the pipe non-blocking.
'use strict';
const fs = require('node:fs');
const { ModuleTypes, Cursor, name, section, unsigned } = require('binary.js');

let compiled = 0;

// The module without its name section, and with a section that makes it different from all earlier ones: V8 would not compile the same bytes again.
function prepare(bytes) {
  const parts = [bytes.subarray(0, 8)];
  const cursor = new Cursor(bytes, 8, bytes.length);
  while (cursor.at < cursor.end) {
    const from = cursor.at;
    const id = cursor.byte();
    const end = cursor.unsigned() + cursor.at;
    if (id !== 0 || cursor.name() !== 'name') parts.push(bytes.subarray(from, end));
    cursor.at = end;
  }
  parts.push(Buffer.from(section(0, [...name('mewe.compiled'), ...unsigned(++compiled)])));
  return Buffer.concat(parts);
}

exports.code = function code(request, reply) {
  const bytes = request.bytes();
  if (process.arch !== 'x64') {
    reply.u8(2); // where relocated fields lie, and how wide they are, is known for x64 only
    reply.string(`machine code is read on x64, and this is ${process.arch}`);
    return;
  }
  if (!WebAssembly.validate(bytes)) {
    reply.u8(0);
    reply.string('the module is not valid');
    return;
  }
  const { imports, functions } = new ModuleTypes(bytes);
  const imported = imports.filter(({ kind }) => kind === 0).length;
  fs.writeSync(1, '\x01\n');
  new WebAssembly.Module(prepare(bytes));
  reply.u8(1);
  reply.u32(imported);
  reply.u32(functions.length - imported);
};
