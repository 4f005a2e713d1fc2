/**
 * A slower processor. The protocol of developer tools slows a page's main thread alone; here the
 * whole process that the page and its workers run in gets a share of the time, from a thread
 * that stops and continues it.
 */
import { Worker } from 'node:worker_threads';
import type { Browser } from '@playwright/test';

const PERIOD_MS = 8;

const source = `
const { parentPort, workerData: { pids, run, rest } } = require('node:worker_threads');
const clock = new Int32Array(new SharedArrayBuffer(4));
const signal = (name) => pids.forEach((pid) => { try { process.kill(pid, name); } catch {} });
let ended = false;
parentPort.once('message', () => (ended = true));
const turn = () => {
  if (ended) { signal('SIGCONT'); parentPort.postMessage('ended'); return; }
  signal('SIGSTOP'); Atomics.wait(clock, 0, 0, rest);
  signal('SIGCONT'); Atomics.wait(clock, 0, 0, run);
  setImmediate(turn);
};
turn();
`;

/** Runs `work` while all pages of a browser have the nth part of the processor's time. */
export async function slowed<T>(browser: Browser, factor: number, work: () => Promise<T>): Promise<T> {
  const session = await browser.newBrowserCDPSession();
  const { processInfo } = await session.send('SystemInfo.getProcessInfo');
  await session.detach();
  const pids = processInfo.filter(({ type }) => type === 'renderer').map(({ id }) => id);
  const run = PERIOD_MS / factor;
  const thread = new Worker(source, { eval: true, workerData: { pids, run, rest: PERIOD_MS - run } });
  try {
    return await work();
  } finally {
    await new Promise((done) => {
      thread.once('message', done);
      thread.postMessage('end');
    });
    await thread.terminate();
  }
}
