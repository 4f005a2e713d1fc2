/**
 * What page and worker say to each other. The page asks; the worker answers each question
 * once, in any order, and tells of events unasked.
 */
import type { Calls, RelaisError as RelaisErrorRecord, RelaisEvent } from '../lib/relais/types';

export type VaultStatus =
  /** Nothing on this device yet. */
  | { state: 'empty' }
  /** There is a database; its key is wrapped. */
  | { state: 'locked'; triesLeft: number; waitUntilMs: number | null; passkey: PasskeyRequest | null }
  | { state: 'open' }
  /** Another tab has it open. */
  | { state: 'elsewhere' };

/** Nothing but the first screen is fetched for so long on a device that has nothing yet. */
export const FIRST_LOOK_MS = 2_000;

/** What the page needs to ask the browser's authenticator for a secret. */
export interface PasskeyRequest {
  credential: Uint8Array<ArrayBuffer>;
  salt: Uint8Array<ArrayBuffer>;
}

/** What the vault can be asked; the calls of the core are beside it. */
export interface VaultCalls {
  'vault.status': { args: Record<string, never>; result: VaultStatus };
  'vault.create': { args: { pin: string }; result: void };
  'vault.unlock': { args: { pin: string }; result: void };
  'vault.unlockWithPasskey': { args: { secret: Uint8Array }; result: void };
  'vault.changePin': { args: { old: string; pin: string }; result: void };
  'vault.addPasskey': { args: PasskeyRequest & { secret: Uint8Array }; result: void };
  'vault.removePasskey': { args: Record<string, never>; result: void };
  'vault.takeOver': { args: Record<string, never>; result: void };
  'vault.wipe': { args: Record<string, never>; result: void };
}

export type AllCalls = Calls & VaultCalls;

export interface Question<K extends keyof AllCalls = keyof AllCalls> {
  id: number;
  call: K;
  args: AllCalls[K]['args'];
}

/** What the page tells the worker unasked: a worker that began without a network hears nothing of one that comes. */
export interface Network {
  network: boolean;
}

export type Answer =
  | { id: number; result: unknown }
  | { id: number; error: RelaisErrorRecord }
  | { events: RelaisEvent[] }
  /** The database is open now. */
  | { vaultChanged: true }
  /** This worker closed the database and is gone. */
  | { ended: true };

/** An error of the worker's own, as the core's are. */
export function failure(type: 'retry' | 'reEnrol' | 'fatal', code: string): RelaisErrorRecord {
  return { type, code, key: `error.${code}` };
}

export function refusal(code: string, field: string | null = null): RelaisErrorRecord {
  return { type: 'rejected', code, key: `error.${code}`, field };
}
