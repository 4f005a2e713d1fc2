/* Stands in for the worker's client until it is merged: everything says so. */
import type { Calls, RelaisEvent } from './types';

export type VaultStatus =
  | { state: 'empty' }
  | { state: 'locked'; triesLeft: number; waitUntilMs: number | null; passkey: boolean }
  | { state: 'open' }
  | { state: 'elsewhere' }
  | { state: 'unsupported'; missing: string };

export type ErrorType = 'retry' | 'rejected' | 'reEnrol' | 'updateNeeded' | 'fatal';

export class RelaisError extends Error {
  constructor(
    readonly type: ErrorType,
    readonly code: string,
    readonly key: string = `error.${code}`,
    readonly field: string | null = null,
  ) {
    super(code);
  }
}

const missing = async (): Promise<never> => {
  throw new RelaisError('fatal', 'unavailable');
};

export const relais = {
  call: missing as <K extends keyof Calls>(name: K, args: Calls[K]['args']) => Promise<Calls[K]['result']>,
  onEvents:
    (listener: (events: RelaisEvent[]) => void): (() => void) =>
    () =>
      void listener,
  vault: {
    status: async (): Promise<VaultStatus> => ({ state: 'unsupported', missing: 'engine' }),
    create: missing as (pin: string) => Promise<void>,
    unlock: missing as (pin: string) => Promise<void>,
    changePin: missing as (old: string, pin: string) => Promise<void>,
    addPasskey: missing as () => Promise<void>,
    unlockWithPasskey: missing as () => Promise<void>,
    removePasskey: missing as () => Promise<void>,
    lock: missing as () => Promise<void>,
    wipe: missing as () => Promise<void>,
  },
};
