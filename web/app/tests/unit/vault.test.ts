import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { VaultRecord } from '../../src/worker/vault/store';
import * as vault from '../../src/worker/vault/vault';

const disk = vi.hoisted(() => ({ record: null as VaultRecord | null }));

vi.mock('../../src/worker/vault/store', () => ({
  load: async () => disk.record && { ...disk.record },
  save: async (record: VaultRecord) => void (disk.record = { ...record }),
  forget: async () => void (disk.record = null),
}));

const PIN = '294718';
const WRONG = '503816';
const HOUR_MS = 3_600_000;

/** What Argon2id is to the vault: 32 bytes that say nothing of the code. */
const stretch: vault.Stretch = (pin, salt) =>
  Uint8Array.from(
    { length: 32 },
    (_, index) => (pin[index % pin.length]! * 31 + salt[index % 16]! * 7 + index) & 255,
  );

const code = (of: Promise<unknown>) =>
  of.then(
    () => 'opened',
    (error: { code: string }) => error.code,
  );
const record = () => {
  if (!disk.record) throw new Error('no record');
  return disk.record;
};

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'], now: new Date(2026, 9, 14, 8) });
  disk.record = null;
});
afterEach(() => vi.useRealTimers());

const later = (ms: number) => vi.setSystemTime(Date.now() + ms);

/** Wrong codes, each after its delay. */
async function wrong(times: number): Promise<string> {
  let last = '';
  for (let time = 0; time < times; time++) {
    last = await code(vault.unlock(WRONG, stretch));
    later(2 * HOUR_MS);
  }
  return last;
}

describe('the vault', () => {
  it('gives the key that was made for the right code alone', async () => {
    const key = await vault.create(PIN, stretch);
    expect(key).toHaveLength(32);
    expect(await vault.unlock(PIN, stretch)).toEqual(key);
    expect(await code(vault.unlock(WRONG, stretch))).toBe('pin_wrong');
    expect(await vault.unlock(PIN, stretch)).toEqual(key);
    expect(await code(vault.create(PIN, stretch))).toBe('vault_exists');
  });

  it('takes six to twelve digits, and nothing else', async () => {
    for (const pin of ['', '12345', '1234567890123', '12345a', '１２３４５６'])
      expect(await code(vault.create(pin, stretch)), pin).toBe('pin_format');
    expect(disk.record).toBeNull();
  });

  // proves: S1
  it('keeps the key wrapped by a device key whose bytes nobody gets, and by the code', async () => {
    const key = await vault.create(PIN, stretch);
    const { deviceKey, byPin, salt } = record();
    expect(deviceKey.extractable).toBe(false);
    await expect(crypto.subtle.exportKey('raw', deviceKey)).rejects.toThrow();
    const bytes = Buffer.concat([Buffer.from(byPin.data), Buffer.from(byPin.iv), Buffer.from(salt)]);
    expect(bytes.includes(Buffer.from(key))).toBe(false);
    expect(bytes.includes(PIN)).toBe(false);
    // The file and the code without this device's key open nothing.
    const foreign = await crypto.subtle.generateKey({ name: 'HMAC', hash: 'SHA-256' }, false, ['sign']);
    disk.record = { ...record(), deviceKey: foreign as CryptoKey };
    expect(await code(vault.unlock(PIN, stretch))).toBe('pin_wrong');
  });

  // proves: S2
  it('forgets the key at the tenth wrong code', async () => {
    await vault.create(PIN, stretch);
    expect(await wrong(9)).toBe('pin_wrong');
    expect((await vault.lock())?.triesLeft).toBe(1);
    expect(await wrong(1)).toBe('pin_wiped');
    expect(disk.record).toBeNull();
    expect(await code(vault.unlock(PIN, stretch))).toBe('key_missing');
  });

  it('counts a try before it is made: whoever ends the program has tried all the same', async () => {
    await vault.create(PIN, stretch);
    const killed: vault.Stretch = () => {
      throw new Error('killed');
    };
    for (let time = 0; time < 10; time++) {
      await vault.unlock(WRONG, killed).catch(() => undefined);
      later(2 * HOUR_MS);
    }
    expect(await code(vault.unlock(PIN, stretch))).toBe('pin_wiped');
    expect(disk.record).toBeNull();
  });

  it('forgets failures once the right code was given', async () => {
    await vault.create(PIN, stretch);
    await wrong(9);
    await vault.unlock(PIN, stretch);
    expect(await vault.lock()).toMatchObject({ triesLeft: 10, waitUntilMs: null });
  });

  it('waits longer after each failure, even for the right code, and does not count what it did not try', async () => {
    await vault.create(PIN, stretch);
    const waits: number[] = [];
    for (let time = 0; time < 9; time++) {
      expect(await code(vault.unlock(WRONG, stretch))).toBe('pin_wrong');
      const { waitUntilMs, triesLeft } = (await vault.lock())!;
      const wait = waitUntilMs === null ? 0 : waitUntilMs - Date.now();
      waits.push(wait / 1000);
      if (wait > 0) {
        expect(await code(vault.unlock(PIN, stretch))).toBe('pin_delayed');
        expect((await vault.lock())?.triesLeft).toBe(triesLeft);
      }
      later(wait);
    }
    expect(waits).toEqual([0, 0, 0, 30, 60, 300, 900, 3600, 3600]);
  });

  it('takes no advantage and no harm from a clock that is put back', async () => {
    await vault.create(PIN, stretch);
    await wrong(3);
    expect(await code(vault.unlock(WRONG, stretch))).toBe('pin_wrong');
    later(-365 * 24 * HOUR_MS);
    const { waitUntilMs, triesLeft } = (await vault.lock())!;
    expect(triesLeft).toBe(6);
    expect(waitUntilMs! - Date.now()).toBe(30_000);
    expect(await code(vault.unlock(PIN, stretch))).toBe('pin_delayed');
  });

  it('opens by a passkey, too, until it is taken away', async () => {
    const key = await vault.create(PIN, stretch);
    const secret = crypto.getRandomValues(new Uint8Array(32));
    const request = { credential: new Uint8Array([1, 2]), salt: new Uint8Array(32) };
    expect(await code(vault.unlockWithPasskey(secret))).toBe('passkey_unknown');
    await vault.addPasskey(key, request, secret);
    expect((await vault.lock())?.passkey).toEqual(request);
    await wrong(5);
    expect(await vault.unlockWithPasskey(secret)).toEqual(key);
    expect((await vault.lock())?.triesLeft).toBe(10);
    expect(await code(vault.unlockWithPasskey(new Uint8Array(32)))).toBe('passkey_unknown');
    await vault.removePasskey();
    expect(await code(vault.unlockWithPasskey(secret))).toBe('passkey_unknown');
    expect(await vault.unlock(PIN, stretch)).toEqual(key);
  });

  it('has another code for the same key, for who knows the old one', async () => {
    const key = await vault.create(PIN, stretch);
    expect(await code(vault.changePin(WRONG, '837261', stretch))).toBe('pin_wrong');
    await vault.changePin(PIN, '837261', stretch);
    expect(await code(vault.unlock(PIN, stretch))).toBe('pin_wrong');
    expect(await vault.unlock('837261', stretch)).toEqual(key);
  });
});
