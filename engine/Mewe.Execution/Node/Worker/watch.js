// Ends this process when its parent is gone. A worker that waits for a request sees the end of standard input; one in the middle of a loop, which may be endless,
// sees nothing: so a thread of its own looks after the parent. It looks seldom, and nothing but the end of the process depends on when.
'use strict';
const { Worker } = require('node:worker_threads');

const lookEvery = 500; // milliseconds

const watcher = `
  'use strict';
  const { workerData } = require('node:worker_threads');
  setInterval(() => {
    if (process.ppid !== workerData.parent) process.kill(process.pid, 'SIGKILL');
  }, workerData.every);
`;

let watched = false;

// The first call starts the thread.
exports.watchParent = function watchParent() {
  if (watched) return;
  watched = true;
  const workerData = { parent: process.ppid, every: lookEvery };
  new Worker(watcher, { eval: true, workerData, execArgv: [], env: {}, resourceLimits: { maxOldGenerationSizeMb: 8, maxYoungGenerationSizeMb: 1 } }).unref();
};
