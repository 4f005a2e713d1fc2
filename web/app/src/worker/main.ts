/**
 * The worker: the core, the key that opens it, and one question after the other.
 */
import init, { Core, stretchPin } from './pkg/relais_web.js';
import wasmUrl from './pkg/relais_web_bg.wasm?url';
import type { RelaisEvent, RelaisError as RelaisErrorRecord } from '../lib/relais/types';
import {
  failure,
  FIRST_LOOK_MS,
  type AllCalls,
  type Answer,
  type Network,
  type Question,
  type VaultCalls,
  type VaultStatus,
} from './protocol';
import * as tab from './tab';
import * as vault from './vault/vault';

/** The folder of the core's files in the origin's private file system. */
const FOLDER = 'relais';
/** Files of a worker that was ended a moment ago are let go by and by. */
const BUSY_TRIES = 40;
const BUSY_PAUSE_MS = 100;

const scope = self as unknown as DedicatedWorkerGlobalScope;
let loading: Promise<unknown> | null = null;
let core: Core | null = null;
let key: vault.Key | null = null;
let network = navigator.onLine;

const tell = (answer: Answer) => scope.postMessage(answer);
const listener = (events: RelaisEvent[]) => tell({ events });

function isRecord(error: unknown): error is RelaisErrorRecord {
  return typeof error === 'object' && error !== null && 'code' in error && 'key' in error;
}

/** What went wrong, for the page. A trap of the core ends it: its memory is not to be trusted. */
function described(error: unknown): RelaisErrorRecord {
  if (isRecord(error)) return error;
  if (error instanceof WebAssembly.RuntimeError) {
    setTimeout(() => scope.close());
    return failure('fatal', 'panic');
  }
  if (error instanceof WebAssembly.CompileError) return failure('fatal', 'unsupported');
  if (error instanceof DOMException && error.name === 'QuotaExceededError')
    return failure('retry', 'disk_full');
  return failure('retry', 'storage');
}

async function forgetFiles(): Promise<void> {
  const root = await navigator.storage.getDirectory();
  for (let tries = 0; ; tries++) {
    try {
      await root.removeEntry(FOLDER, { recursive: true });
      return;
    } catch (error) {
      if (error instanceof DOMException && error.name === 'NotFoundError') return;
      if (tries === BUSY_TRIES) throw error;
      await pause();
    }
  }
}

const pause = () => new Promise((done) => setTimeout(done, BUSY_PAUSE_MS));

/** The engine's code, there and compiled. */
function ready(): Promise<unknown> {
  loading ??= init({ module_or_path: wasmUrl }).catch((error: unknown) => {
    // Asked for again: a network may be there then.
    loading = null;
    throw error;
  });
  return loading;
}

async function open(secret: vault.Key): Promise<void> {
  await ready();
  if (!(await tab.enter())) throw failure('retry', 'open_elsewhere');
  try {
    for (let tries = 0; core === null; tries++) {
      try {
        core = await Core.open(secret, listener, network);
      } catch (error) {
        if (!isRecord(error) || error.code !== 'busy' || tries === BUSY_TRIES) throw error;
        await pause();
      }
    }
    key = secret;
  } catch (error) {
    tab.leave();
    throw error;
  }
  tell({ vaultChanged: true });
}

function close(): void {
  try {
    core?.close();
  } catch {
    // What was durable stays so; the files are let go with the worker.
  }
  core = null;
  key = null;
  tab.leave();
  tell({ ended: true });
  // The pool of files goes with the worker alone.
  setTimeout(() => scope.close());
}

async function status(): Promise<VaultStatus> {
  if (core) return { state: 'open' };
  if (await tab.isElsewhere()) {
    tab.whenFree(() => tell({ vaultChanged: true }));
    return { state: 'elsewhere' };
  }
  const lock = await vault.lock();
  // While the person types a code, or reads a first screen that comes before it on a slow line.
  setTimeout(() => void ready().catch(() => undefined), lock ? 0 : FIRST_LOOK_MS);
  return lock ? { state: 'locked', ...lock } : { state: 'empty' };
}

const stretch: vault.Stretch = (pin, salt) => stretchPin(pin, salt);

type VaultAnswers = {
  [K in keyof VaultCalls]: (args: VaultCalls[K]['args']) => Promise<VaultCalls[K]['result']>;
};

const vaultCalls: VaultAnswers = {
  'vault.status': status,
  async 'vault.create'({ pin }) {
    await ready();
    // What an earlier key opened cannot be opened any more.
    if (!(await vault.lock())) await forgetFiles();
    await open(await vault.create(pin, stretch));
  },
  async 'vault.unlock'({ pin }) {
    await ready();
    await open(await vault.unlock(pin, stretch));
  },
  async 'vault.unlockWithPasskey'({ secret }) {
    await open(await vault.unlockWithPasskey(secret));
  },
  async 'vault.changePin'({ old, pin }) {
    await ready();
    await vault.changePin(old, pin, stretch);
  },
  async 'vault.addPasskey'({ secret, credential, salt }) {
    if (!key) throw failure('fatal', 'closed');
    await vault.addPasskey(key, { credential, salt }, secret);
  },
  'vault.removePasskey': vault.removePasskey,
  async 'vault.takeOver'() {
    if (!(await tab.takeOver())) throw failure('retry', 'open_elsewhere');
  },
  async 'vault.wipe'() {
    // The keys first: without them the rest is noise.
    await vault.forget();
    await forgetFiles();
  },
};

function isVaultCall(call: keyof AllCalls): call is keyof VaultCalls {
  return call.startsWith('vault.');
}

async function answer({ id, call, args }: Question): Promise<void> {
  try {
    let result: unknown;
    if (isVaultCall(call)) {
      result = await (vaultCalls[call] as (args: unknown) => Promise<unknown>)(args);
    } else {
      if (!core) throw failure('fatal', 'closed');
      result = core.call(call, args);
    }
    tell({ id, result });
  } catch (error) {
    tell({ id, error: described(error) });
  }
}

scope.onmessage = ({ data }: MessageEvent<Question | Network>) => {
  if ('network' in data) {
    network = data.network;
    core?.setNetwork(network);
  } else {
    void answer(data);
  }
};
tab.onOthers({ asked: close, taken: () => tell({ vaultChanged: true }) });
