// The worker's protocol. Everything is little-endian; the parent writes requests to standard input, one at a time, and reads replies from standard output.
//
//   request   u32 length of what follows the header, u32 id, u8 operation, body
//   reply     u32 length of what follows the header, u32 id (the request's), u8 status, body
//   status    0 done; 1 refused: the body is a string that says what the worker could not understand
//
//   string    u32 length, UTF-8              bytes   u32 length, the bytes
//   list      u32 count, the elements        range   string export, f64 offset, u32 length      trap   u8 kind (TrapKind), string message
//   value     u8 kind (WasmValueKind), u64 low, u64 high
//
//   operation 0 hello      () -> string V8 version, string node version, list of u8 WasmFeature
//   operation 1 validate   bytes -> u8 valid, string message
//   operation 2 sweep      see sweep.js
//   operation 3 run        see run.js
//   operation 4 session    see session.js
//   operation 5 time       see time.js
//   operation 6 code       see code.js
//
// The parent closes standard input to end the worker; should the parent die in the middle of a request, watch.js ends it. The worker handles one request at a time, synchronously, and lets the event loop turn now and then
// so that V8's own housekeeping gets its chance. Standard error belongs to node and V8.
'use strict';
const { Reader, Writer, readRequest, writeReply } = require('wire.js');
const { features } = require('features.js');
const { watchParent } = require('watch.js');

const operations = [
  function hello(request, reply) {
    reply.string(process.versions.v8);
    reply.string(process.versions.node);
    const found = features();
    reply.u32(found.length);
    for (const feature of found) reply.u8(feature);
  },
  function validate(request, reply) {
    const bytes = request.bytes();
    let message = '';
    const valid = WebAssembly.validate(bytes);
    if (!valid) {
      try {
        new WebAssembly.Module(bytes);
        message = 'rejected by the engine';
      } catch (error) {
        message = String(error?.message ?? error);
      }
    }
    reply.u8(valid ? 1 : 0);
    reply.string(message);
  },
  (request, reply) => require('sweep.js').sweep(request, reply),
  (request, reply) => require('run.js').run(request, reply),
  (request, reply) => require('session.js').batch(request, reply),
  (request, reply) => require('time.js').time(request, reply),
  (request, reply) => require('code.js').code(request, reply),
];

const runNothing = [0, 1, 6]; // operations that run no code of a module, so they end
const turnEventLoopEvery = 32;

exports.serve = async function serve() {
  const reply = new Writer();
  for (let served = 1; ; served++) {
    const request = readRequest();
    if (request === null) process.exit(0);
    let status = 0;
    reply.clear();
    try {
      if (!runNothing.includes(request.operation)) watchParent();
      operations[request.operation](new Reader(request.body), reply);
    } catch (error) {
      status = 1;
      reply.clear();
      reply.string(String(error?.stack ?? error).split('\n', 4).join(' | '));
    }
    writeReply(request.id, status, reply);
    if (served % turnEventLoopEvery === 0) await new Promise(setImmediate);
  }
};
