/**
 * The key of the database: made, wrapped, unwrapped, forgotten. Opens nothing itself.
 */
import { failure, refusal, type PasskeyRequest } from '../protocol';
import { forget, load, save, type VaultRecord } from './store';
import { delayAfter, MOST_TRIES, waitsUntil } from './tries';
import { makeDeviceKey, random, unwrap, wrap } from './wrap';

export type Key = Uint8Array<ArrayBuffer>;

/** Argon2id of the core. */
export type Stretch = (pin: Uint8Array, salt: Uint8Array) => Uint8Array;

const PIN = /^\d{6,12}$/;
const text = new TextEncoder();

function checked(pin: string): Uint8Array {
  if (!PIN.test(pin)) throw refusal('pin_format', 'pin');
  return text.encode(pin);
}

async function present(): Promise<VaultRecord> {
  const record = await load();
  if (!record) throw failure('reEnrol', 'key_missing');
  return record;
}

/** Makes a key and keeps it wrapped; durable before there is anything that it opens. */
export async function create(pin: string, stretch: Stretch): Promise<Key> {
  const secret = checked(pin);
  if (await load()) throw refusal('vault_exists');
  const [deviceKey, salt, key] = [await makeDeviceKey(), random(16), random(32)];
  const byPin = await wrap(deviceKey, 'relais vault pin v1', stretch(secret, salt), key);
  await save({ version: 1, deviceKey, salt, byPin, passkey: null, tries: 0, waitUntilMs: null });
  return key;
}

/** The key, for the right code. After the last try everything is forgotten. */
export async function unlock(pin: string, stretch: Stretch): Promise<Key> {
  const record = await present();
  const nowMs = Date.now();
  if (record.tries >= MOST_TRIES) {
    await forget();
    throw failure('reEnrol', 'pin_wiped');
  }
  if (waitsUntil(record.tries, record.waitUntilMs, nowMs) !== null) throw failure('retry', 'pin_delayed');
  const secret = checked(pin);
  const tries = record.tries + 1;
  const delay = delayAfter(tries);
  // Counted first: whoever pulls the plug has tried all the same.
  await save({ ...record, tries, waitUntilMs: delay === 0 ? null : nowMs + delay });
  const key = await unwrap(
    record.deviceKey,
    'relais vault pin v1',
    stretch(secret, record.salt),
    record.byPin,
  );
  if (key) {
    await save({ ...record, tries: 0, waitUntilMs: null });
    return key;
  }
  if (tries < MOST_TRIES) throw refusal('pin_wrong', 'pin');
  await forget();
  throw failure('reEnrol', 'pin_wiped');
}

export async function unlockWithPasskey(secret: Uint8Array): Promise<Key> {
  const record = await present();
  if (!record.passkey) throw refusal('passkey_unknown');
  const { wrapped } = record.passkey;
  const key = await unwrap(record.deviceKey, 'relais vault passkey v1', secret, wrapped);
  if (!key) throw refusal('passkey_unknown');
  if (record.tries > 0) await save({ ...record, tries: 0, waitUntilMs: null });
  return key;
}

export async function changePin(old: string, pin: string, stretch: Stretch): Promise<void> {
  const secret = checked(pin);
  const key = await unlock(old, stretch);
  const [record, salt] = [await present(), random(16)];
  const byPin = await wrap(record.deviceKey, 'relais vault pin v1', stretch(secret, salt), key);
  await save({ ...record, salt, byPin });
}

/** A second way to the same key. */
export async function addPasskey(key: Key, request: PasskeyRequest, secret: Uint8Array): Promise<void> {
  const record = await present();
  const wrapped = await wrap(record.deviceKey, 'relais vault passkey v1', secret, key);
  await save({ ...record, passkey: { ...request, wrapped } });
}

export async function removePasskey(): Promise<void> {
  await save({ ...(await present()), passkey: null });
}

export interface Lock {
  triesLeft: number;
  waitUntilMs: number | null;
  passkey: PasskeyRequest | null;
}

/** How the lock stands; nothing when there is none. */
export async function lock(): Promise<Lock | null> {
  const record = await load();
  if (!record) return null;
  return {
    triesLeft: Math.max(0, MOST_TRIES - record.tries),
    waitUntilMs: waitsUntil(record.tries, record.waitUntilMs, Date.now()),
    passkey: record.passkey && { credential: record.passkey.credential, salt: record.passkey.salt },
  };
}

export { forget };
