/**
 * The page's side of the worker: calls as promises, events to listeners. A worker that ended
 * is started again with the next question to the vault; the database is locked then.
 */
import workerUrl from '../../worker/main.ts?worker&url';
import type { AllCalls, Answer, Network, Question, VaultStatus as WorkerStatus } from '../../worker/protocol';
import { scriptUrl } from '../trusted';
import { RelaisError } from './error';
import { askPasskey, makePasskey } from './passkey';
import { missingFeature } from './supported';
import type { Calls, RelaisEvent } from './types';

export type VaultStatus = WorkerStatus | { state: 'unsupported'; missing: string };
interface Waiting {
  resolve(result: unknown): void;
  reject(error: RelaisError): void;
}

let worker: Worker | null = null;
/** So long the keys stay at most for what was being written. */
const LAST_WORDS_MS = 1_000;
let locking: Promise<void> | null = null;
let asked = 0;
const waiting = new Map<number, Waiting>();
const eventListeners = new Set<(events: RelaisEvent[]) => void>();
const vaultListeners = new Set<() => void>();

function heard({ data }: MessageEvent<Answer>): void {
  if ('events' in data) {
    eventListeners.forEach((listener) => listener(data.events));
  } else if ('ended' in data) {
    end();
  } else if ('vaultChanged' in data) {
    vaultListeners.forEach((listener) => listener());
  } else {
    const question = waiting.get(data.id);
    waiting.delete(data.id);
    if ('error' in data) {
      question?.reject(RelaisError.of(data.error));
      if (data.error.type === 'fatal' && data.error.code === 'panic') end();
    } else {
      question?.resolve(data.result);
    }
  }
}

/** Ends the worker: with it the keys are gone from memory. What it had not answered fails. */
function end(): void {
  worker?.terminate();
  worker = null;
  const unanswered = [...waiting.values()];
  waiting.clear();
  unanswered.forEach(({ reject }) => reject(new RelaisError('fatal', 'closed')));
  vaultListeners.forEach((listener) => listener());
}

function started(): Worker {
  if (!worker) {
    worker = new Worker(scriptUrl(workerUrl), { type: 'module', name: 'relais' });
    worker.onmessage = heard;
    worker.onerror = end;
    tellNetwork();
  }
  return worker;
}

function tellNetwork(): void {
  const told: Network = { network: navigator.onLine };
  worker?.postMessage(told);
}

addEventListener('online', tellNetwork);
addEventListener('offline', tellNetwork);

function ask<K extends keyof AllCalls>(call: K, args: AllCalls[K]['args']): Promise<AllCalls[K]['result']> {
  return new Promise((resolve, reject) => {
    const id = ++asked;
    waiting.set(id, { resolve: resolve as (result: unknown) => void, reject });
    const question: Question<K> = { id, call, args };
    started().postMessage(question);
  });
}

const none = {} as Record<string, never>;

async function lastWords(): Promise<void> {
  const locked = worker;
  if (!locked) return;
  // Calls are made in turn: whatever was asked before this one is durable when it is answered.
  const heardAll = ask('syncState', none).catch(() => undefined);
  await Promise.race([heardAll, new Promise((late) => setTimeout(late, LAST_WORDS_MS))]);
  if (worker === locked) end();
}

export const relais = {
  /**
   * Makes a call of the core. Throws a `RelaisError`, also where no worker is: what a screen still
   * says while it goes (a draft) must not start one behind the lock.
   */
  call<K extends keyof Calls>(name: K, args: Calls[K]['args']): Promise<Calls[K]['result']> {
    if (!worker) return Promise.reject(new RelaisError('fatal', 'closed'));
    return ask<keyof Calls>(name, args) as Promise<Calls[K]['result']>;
  },

  /** Hears of events, in batches, until the answer is called. */
  onEvents(listener: (events: RelaisEvent[]) => void): () => void {
    eventListeners.add(listener);
    return () => eventListeners.delete(listener);
  },

  vault: {
    async status(): Promise<VaultStatus> {
      const missing = missingFeature();
      // A database that is about to be closed is not open.
      await locking;
      return missing ? { state: 'unsupported', missing } : ask('vault.status', none);
    },

    /** Whether there is a worker, which may have the keys. */
    running: () => worker !== null && locking === null,

    /** Hears that the database was opened, closed or taken over, until the answer is called. */
    onChange(listener: () => void): () => void {
      vaultListeners.add(listener);
      return () => vaultListeners.delete(listener);
    },

    /** A new database, its key wrapped by this code; opens it. */
    create: (pin: string) => ask('vault.create', { pin }),

    /** Throws `pin_wrong`, `pin_delayed`, and `pin_wiped` after the last try. */
    unlock: (pin: string) => ask('vault.unlock', { pin }),
    changePin: (old: string, pin: string) => ask('vault.changePin', { old, pin }),

    /** The authenticator as a second way in. Throws `passkey_unsupported`, `cancelled`. */
    async addPasskey(): Promise<void> {
      await ask('vault.addPasskey', await makePasskey());
    },

    async unlockWithPasskey(): Promise<void> {
      const status = await ask('vault.status', none);
      if (status.state !== 'locked' || !status.passkey) throw new RelaisError('rejected', 'passkey_unknown');
      await ask('vault.unlockWithPasskey', { secret: await askPasskey(status.passkey) });
    },

    removePasskey: () => ask('vault.removePasskey', none),

    /** Closes the database in the tab that has it; this one can open it then. */
    takeOver: () => ask('vault.takeOver', none),

    /** Ends the worker, and with it the keys, once it has heard what screens said as they went. */
    lock(): Promise<void> {
      locking ??= lastWords().finally(() => (locking = null));
      return locking;
    },

    /** Forgets everything on this device, the keys first. */
    async wipe(): Promise<void> {
      end();
      await ask('vault.wipe', none);
    },
  },
};
