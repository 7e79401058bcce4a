// WASI preview 1, deterministic: what a program sees is a function of its arguments, environment, standard input and seed.
//
//   args, environ     as given; the program's name is "program"
//   random_get        SHA-256("random_get", seed, length, number of earlier requests of this length, block) in blocks of 32 bytes, so that a request of one length
//                     does not shift what requests of other lengths get
//   clock_time_get    starts at 1600000000 s and advances by 1 ms per call, whichever clock is asked; clock_res_get 1 µs
//   fd_read           standard input (0); fd_write standard output and error (1, 2), 64 MiB in all, then ENOSPC
//   fd_fdstat_get     0, 1, 2: file type unknown (a pipe); fd_filestat_get: zeros; fd_seek, fd_tell ESPIPE; fd_close done; fd_prestat_* EBADF: no directories
//   poll_oneoff       everything is ready at once; sched_yield done; proc_exit ends the run
//   all else          ENOSYS
//
// Beside WASI stands mewe.choose (i32 n) -> i32, which multivariant modules import whose host makes the choices: 0 <= choice < n, from a fast generator
// (sfc32 of PractRand) that the seed starts, because it may be called millions of times.
'use strict';
const { createHash } = require('node:crypto');

const errno = { success: 0, badf: 8, fault: 21, nosys: 52, nospc: 51, spipe: 70 };
const clockStart = 1_600_000_000_000_000_000n;
const clockStep = 1_000_000n;
const outputLimit = 64 << 20;
const everyRight = 0xffffffffffffffffn;

const unsupported = new Set([
  'fd_advise', 'fd_allocate', 'fd_datasync', 'fd_fdstat_set_flags', 'fd_fdstat_set_rights', 'fd_filestat_set_size', 'fd_filestat_set_times', 'fd_pread', 'fd_pwrite',
  'fd_readdir', 'fd_renumber', 'fd_sync', 'path_create_directory', 'path_filestat_get', 'path_filestat_set_times', 'path_link', 'path_open', 'path_readlink',
  'path_remove_directory', 'path_rename', 'path_symlink', 'path_unlink_file', 'proc_raise', 'sock_accept', 'sock_recv', 'sock_send', 'sock_shutdown',
]);

// An exception from JavaScript could be caught by the module, which would then go on after proc_exit. A trap cannot, not even when it is thrown again.
const trapping = new WebAssembly.Instance(
  new WebAssembly.Module(Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 1, 4, 1, 0x60, 0, 0, 3, 2, 1, 0, 7, 5, 1, 1, 0x74, 0, 0, 10, 5, 1, 3, 0, 0, 0x0b)),
).exports.t;

function bytesOfSeed(label, seed, ...numbers) {
  const tail = Buffer.alloc(8 + 4 * numbers.length);
  tail.writeBigUInt64LE(BigInt.asUintN(64, seed));
  numbers.forEach((number, i) => tail.writeUInt32LE(number, 8 + 4 * i));
  return createHash('sha256').update(label).update(tail).digest();
}

// What an exported mewe_seed with so many parameters is called with: one for a fast generator, four for the key of a cipher.
const seedArguments = (seed, count) => Array.from({ length: count }, (_, i) => bytesOfSeed(i === 0 ? 'mewe_seed' : `mewe_seed ${i}`, seed).readBigInt64LE());

function chooser(seed) {
  const start = bytesOfSeed('choose', seed);
  let [a, b, c, counter] = [0, 4, 8, 12].map((at) => start.readInt32LE(at));
  return function choose(count) {
    const sum = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + sum | 0;
    return Math.floor(((sum >>> 0) / 2 ** 32) * (count >>> 0));
  };
}

// What random_get answered with each seed: by length, in order. A hash takes ten times as long as a host's own generator does, and where a program is timed, every instance asks for
// the same again; a multivariant module would look slow only because it asks once more than its original.
const longestRemembered = 1024;
const mostRemembered = 4 << 20; // bytes, of all seeds
const perAnswer = 256; // what an answer takes beside its bytes
const remembered = new Map();
let rememberedBytes = 0;

function answersWith(seed, length) {
  if (rememberedBytes > mostRemembered) {
    remembered.clear();
    rememberedBytes = 0;
  }
  if (!remembered.has(seed)) remembered.set(seed, new Map());
  const ofSeed = remembered.get(seed);
  if (!ofSeed.has(length)) ofSeed.set(length, []);
  return ofSeed.get(length);
}

class Output {
  constructor() {
    this.chunks = [];
    this.length = 0;
  }
  get bytes() {
    return Buffer.concat(this.chunks);
  }
}

class WasiHost {
  constructor({ args = [], env = [], stdin = Buffer.alloc(0), seed = 0n }) {
    this.args = args.map((text) => Buffer.from(`${text}\0`));
    this.env = env.map((text) => Buffer.from(`${text}\0`));
    this.stdin = stdin;
    this.read = 0;
    this.seed = seed;
    this.randomRequests = new Map();
    this.clock = clockStart;
    this.stdout = new Output();
    this.stderr = new Output();
    this.exitCode = null;
    this.exports = null;
  }

  // The function for an import, undefined when this host has none.
  find(module, name) {
    if (module === 'mewe') return name === 'choose' ? this.choose : undefined;
    if (module !== 'wasi_snapshot_preview1') return undefined;
    if (Object.hasOwn(calls, name)) return (...args) => this.#call(calls[name], args);
    return unsupported.has(name) ? () => errno.nosys : undefined;
  }

  get choose() {
    return (this.chooser ??= chooser(this.seed));
  }

  // All of WASI, by name.
  get functions() {
    return Object.fromEntries([...Object.keys(calls), ...unsupported].map((name) => [name, this.find('wasi_snapshot_preview1', name)]));
  }

  // Lets go of what was written so far, so that a program can be repeated without end.
  forgetOutput() {
    this.stdout = new Output();
    this.stderr = new Output();
  }

  // The host reads and writes the memory that the instance exports as "memory".
  attach(exports) {
    this.exports = exports;
  }

  #call(implementation, args) {
    try {
      return implementation(this, ...args);
    } catch (error) {
      if (error instanceof RangeError && !error.message.startsWith('Maximum')) return errno.fault;
      throw error;
    }
  }

  get bytes() {
    return new Uint8Array(this.#memory().buffer);
  }
  get view() {
    return new DataView(this.#memory().buffer);
  }
  #memory() {
    const memory = this.exports?.memory;
    if (!(memory instanceof WebAssembly.Memory)) throw new TypeError('a WASI function was called and no memory is exported as "memory"');
    return memory;
  }

  // The byte ranges of a list of (address, length) pairs.
  vectors(address, count) {
    const { view, bytes } = this;
    const ranges = [];
    for (let i = 0; i < count; i++) {
      const start = view.getUint32((address >>> 0) + 8 * i, true);
      const end = start + view.getUint32((address >>> 0) + 8 * i + 4, true);
      if (end > bytes.length) throw new RangeError('out of bounds');
      ranges.push(bytes.subarray(start, end));
    }
    return ranges;
  }

  listSizes(list, countAddress, sizeAddress) {
    this.view.setUint32(countAddress >>> 0, list.length, true);
    this.view.setUint32(sizeAddress >>> 0, list.reduce((sum, item) => sum + item.length, 0), true);
    return errno.success;
  }

  writeList(list, pointers, buffer) {
    const { view, bytes } = this;
    let at = buffer >>> 0;
    list.forEach((item, i) => {
      view.setUint32((pointers >>> 0) + 4 * i, at, true);
      bytes.set(item, at);
      at += item.length;
    });
    return errno.success;
  }

  random(address, length) {
    const target = this.bytes.subarray(address, address + length);
    if (target.length !== length) throw new RangeError('out of bounds');
    const earlier = this.randomRequests.get(length) ?? 0;
    this.randomRequests.set(length, earlier + 1);
    if (length > longestRemembered) {
      this.#draw(target, earlier);
      return errno.success;
    }
    const answers = answersWith(this.seed, length);
    if (answers[earlier] === undefined) {
      this.#draw((answers[earlier] = new Uint8Array(length)), earlier);
      rememberedBytes += length + perAnswer;
    }
    target.set(answers[earlier]);
    return errno.success;
  }

  #draw(target, earlier) {
    for (let block = 0; block * 32 < target.length; block++) {
      target.set(bytesOfSeed('random_get', this.seed, target.length, earlier, block).subarray(0, Math.min(32, target.length - block * 32)), block * 32);
    }
  }

  now() {
    this.clock += clockStep;
    return this.clock - clockStep;
  }
}

const calls = {
  args_sizes_get: (host, count, size) => host.listSizes(host.args, count, size),
  args_get: (host, pointers, buffer) => host.writeList(host.args, pointers, buffer),
  environ_sizes_get: (host, count, size) => host.listSizes(host.env, count, size),
  environ_get: (host, pointers, buffer) => host.writeList(host.env, pointers, buffer),
  clock_res_get(host, id, address) {
    host.view.setBigUint64(address >>> 0, 1000n, true);
    return errno.success;
  },
  clock_time_get(host, id, precision, address) {
    host.view.setBigUint64(address >>> 0, host.now(), true);
    return errno.success;
  },
  random_get: (host, address, length) => host.random(address >>> 0, length >>> 0),
  sched_yield: () => errno.success,
  proc_exit(host, code) {
    host.exitCode ??= code >>> 0;
    trapping();
  },
  fd_close: (host, fd) => (fd <= 2 && fd >= 0 ? errno.success : errno.badf),
  fd_seek: (host, fd) => (fd <= 2 && fd >= 0 ? errno.spipe : errno.badf),
  fd_tell: (host, fd) => (fd <= 2 && fd >= 0 ? errno.spipe : errno.badf),
  fd_prestat_get: () => errno.badf,
  fd_prestat_dir_name: () => errno.badf,
  fd_fdstat_get(host, fd, address) {
    if (!(fd >= 0 && fd <= 2)) return errno.badf;
    address >>>= 0;
    const { view } = host;
    view.setBigUint64(address, 0n, true);
    view.setBigUint64(address + 8, everyRight, true);
    view.setBigUint64(address + 16, everyRight, true);
    return errno.success;
  },
  fd_filestat_get(host, fd, address) {
    if (!(fd >= 0 && fd <= 2)) return errno.badf;
    for (let i = 0; i < 8; i++) host.view.setBigUint64((address >>> 0) + 8 * i, 0n, true);
    return errno.success;
  },
  fd_read(host, fd, vectors, count, resultAddress) {
    if (fd !== 0) return errno.badf;
    let total = 0;
    for (const target of host.vectors(vectors, count >>> 0)) {
      const piece = host.stdin.subarray(host.read, host.read + target.length);
      target.set(piece);
      host.read += piece.length;
      total += piece.length;
      if (piece.length < target.length) break;
    }
    host.view.setUint32(resultAddress >>> 0, total, true);
    return errno.success;
  },
  fd_write(host, fd, vectors, count, resultAddress) {
    const output = fd === 1 ? host.stdout : fd === 2 ? host.stderr : null;
    if (output === null) return errno.badf;
    const pieces = host.vectors(vectors, count >>> 0);
    const total = pieces.reduce((sum, piece) => sum + piece.length, 0);
    if (output.length + total > outputLimit) return errno.nospc;
    host.view.setUint32(resultAddress >>> 0, total, true);
    for (const piece of pieces) output.chunks.push(Buffer.from(piece));
    output.length += total;
    return errno.success;
  },
  poll_oneoff(host, subscriptions, events, count, resultAddress) {
    const { view, bytes } = host;
    host.now();
    for (let i = 0; i < count >>> 0; i++) {
      const from = (subscriptions >>> 0) + 48 * i;
      const to = (events >>> 0) + 32 * i;
      const user = view.getBigUint64(from, true);
      const type = view.getUint8(from + 8);
      bytes.fill(0, to, to + 32);
      view.setBigUint64(to, user, true);
      view.setUint8(to + 10, type);
      if (type !== 0) view.setBigUint64(to + 16, 1n, true);
    }
    view.setUint32(resultAddress >>> 0, count, true);
    return errno.success;
  },
};

module.exports = { WasiHost, seedArguments };
