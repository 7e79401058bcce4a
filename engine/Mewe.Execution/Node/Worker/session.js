// Scripted use: operation 4, a batch of commands.
//
//   request   list of command; a command is u8 kind and then
//     0 compile      u32 module, bytes
//     1 instantiate  u32 instance, u32 module, list of (string module, u8 named, if named: string name, source)
//     2 register     string name, source
//     3 invoke       u32 instance, string export, list of value
//     4 get global   u32 instance, string export
//     5 set global   u32 instance, string export, value
//     6 read memory  u32 instance, range
//     7 write memory u32 instance, string export, f64 offset, bytes
//     8 reset
//   source    u8 kind: 0 instance (u32 number, u8 renamed, if renamed: string export); 1 spectest; 2 wasi (u64 seed); 3 stub (list of value)
//   reply     per command u8 kind and then
//     0 done; 1 returned: list of value; 2 trapped: trap; 3 invalid, 4 unlinkable, 5 unknown, 6 unsupported: string message; 7 data: bytes
'use strict';
const { ModuleTypes } = require('binary.js');
const { ArgumentError, exportedFunction, exportedGlobal, readValue, writeValues } = require('values.js');
const { kinds, trapOf } = require('trap.js');
const { readRange, bytesOf } = require('memory.js');
const { spectest } = require('spectest.js');
const { stubs } = require('stub.js');
const { WasiHost } = require('wasi.js');

const replies = { done: 0, returned: 1, trapped: 2, invalid: 3, unlinkable: 4, unknown: 5, unsupported: 6, data: 7 };

class Instance {
  constructor(types, exports) {
    this.types = types;
    this.exports = exports;
    this.callables = new Map();
  }
  callable(key, make) {
    if (!this.callables.has(key)) this.callables.set(key, make());
    return this.callables.get(key);
  }
}

let modules, instances, registered, spectestExports;

function reset() {
  modules = new Map();
  instances = new Map();
  registered = new Map();
  spectestExports = null;
}
reset();

function get(map, number, what) {
  const found = map.get(number);
  if (found === undefined) throw new ArgumentError(`there is no ${what} ${number}`);
  return found;
}

function readSource(request) {
  const kind = request.u8();
  if (kind === 0) return { kind, instance: request.u32(), export: request.u8() ? request.string() : null };
  if (kind === 2) return { kind, seed: request.u64() };
  if (kind === 3) return { kind, results: request.list(readValue) };
  return { kind };
}

// Where a source's exports are found by name; undefined for a stub. A host that needs the new instance's memory is told of it afterwards.
function provider(source, hosts) {
  if (source.kind === 0) return source.exports ?? get(instances, source.instance, 'instance').exports;
  if (source.kind === 1) return (spectestExports ??= spectest());
  if (source.kind === 2) {
    const host = new WasiHost({ seed: source.seed });
    hosts.push(host);
    return { ...host.functions, choose: host.choose };
  }
}

function instantiate(request, reply) {
  const number = request.u32();
  const moduleNumber = request.u32();
  const bindings = request.list(() => ({ module: request.string(), name: request.u8() ? request.string() : null, source: readSource(request) }));
  instances.delete(number);
  const { module, types } = get(modules, moduleNumber, 'module');
  const imports = {};
  const hosts = [];
  const providers = new Map();
  const wanted = [];
  for (const entry of types().imports) {
    const binding = bindings.find((b) => b.module === entry.module && (b.name === null || b.name === entry.name));
    const source = binding?.source ?? registered.get(entry.module);
    imports[entry.module] ??= Object.create(null);
    if (source === undefined) continue;
    if (source.kind === 3) {
      wanted.push({ entry, results: source.results });
      continue;
    }
    if (!providers.has(source)) providers.set(source, provider(source, hosts));
    imports[entry.module][entry.name] = providers.get(source)[source.export ?? entry.name];
  }
  let exports;
  try {
    stubs(types(), wanted).forEach((stub, i) => (imports[wanted[i].entry.module][wanted[i].entry.name] = stub));
    exports = new WebAssembly.Instance(module, imports).exports;
  } catch (error) {
    if (error instanceof WebAssembly.LinkError || error instanceof TypeError || error instanceof WebAssembly.CompileError) {
      reply.u8(replies.unlinkable);
      reply.string(error.message);
    } else {
      writeTrap(reply, error);
    }
    return;
  }
  for (const host of hosts) host.attach(exports);
  instances.set(number, new Instance(types(), exports));
  reply.u8(replies.done);
}

function writeTrap(reply, error) {
  reply.u8(replies.trapped);
  reply.trap(trapOf(error));
}

const commands = [
  function compile(request, reply) {
    const number = request.u32();
    const bytes = Uint8Array.from(request.bytes());
    modules.delete(number);
    try {
      let types = null;
      modules.set(number, { module: new WebAssembly.Module(bytes), types: () => (types ??= new ModuleTypes(bytes)) });
      reply.u8(replies.done);
    } catch (error) {
      reply.u8(replies.invalid);
      reply.string(error.message);
    }
  },
  instantiate,
  function register(request, reply) {
    const name = request.string();
    const source = readSource(request);
    // The instance itself is meant, also when its number is given to another one later.
    if (source.kind === 0) source.exports = get(instances, source.instance, 'instance').exports;
    registered.set(name, source);
    reply.u8(replies.done);
  },
  function invoke(request, reply) {
    const number = request.u32();
    const name = request.string();
    const values = request.list(readValue);
    const instance = get(instances, number, 'instance');
    const callable = instance.callable(`call ${name}`, () => exportedFunction(instance.types, instance.exports, name));
    const results = callable.call(values);
    reply.u8(replies.returned);
    writeValues(reply, results);
  },
  function getGlobal(request, reply) {
    const number = request.u32();
    const name = request.string();
    const instance = get(instances, number, 'instance');
    const results = instance.callable(`get ${name}`, () => exportedGlobal(instance.types, instance.exports, name, false)).call([]);
    reply.u8(replies.returned);
    writeValues(reply, results);
  },
  function setGlobal(request, reply) {
    const number = request.u32();
    const name = request.string();
    const value = readValue(request);
    const instance = get(instances, number, 'instance');
    instance.callable(`set ${name}`, () => exportedGlobal(instance.types, instance.exports, name, true)).call([value]);
    reply.u8(replies.done);
  },
  function readMemory(request, reply) {
    const number = request.u32();
    const range = readRange(request);
    const bytes = bytesOf(get(instances, number, 'instance').exports, range);
    if (bytes === null) throw new ArgumentError(`there is no exported memory "${range.name}"`);
    reply.u8(replies.data);
    reply.bytes(bytes);
  },
  function writeMemory(request, reply) {
    const number = request.u32();
    const range = { name: request.string(), offset: request.f64() };
    const data = request.bytes();
    const bytes = bytesOf(get(instances, number, 'instance').exports, { ...range, length: data.length });
    if (bytes === null) throw new ArgumentError(`there is no exported memory "${range.name}"`);
    if (bytes.length !== data.length) throw new ArgumentError('the bytes do not fit into the memory');
    bytes.set(data);
    reply.u8(replies.done);
  },
  function forget(request, reply) {
    reset();
    reply.u8(replies.done);
  },
];

// Reads the whole command before anything can go wrong with it, so that the next one is found where it begins.
exports.batch = function batch(request, reply) {
  for (let count = request.u32(); count > 0; count--) {
    const start = reply.at;
    try {
      commands[request.u8()](request, reply);
    } catch (error) {
      reply.at = start;
      if (error instanceof ArgumentError || error instanceof TypeError) {
        reply.u8(error instanceof ArgumentError ? replies.unknown : replies.unsupported);
        reply.string(error.message);
      } else if (error instanceof WebAssembly.CompileError || error instanceof WebAssembly.LinkError) {
        reply.u8(replies.unsupported);
        reply.string(`no trampoline: ${error.message}`);
      } else {
        writeTrap(reply, error);
      }
    }
  }
};
