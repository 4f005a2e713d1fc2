/**
 * The database's key, wrapped: a key of this browser that it does not give away, together with
 * what the person knows (a code, stretched) or what their authenticator derives (WebAuthn PRF).
 */
import type { Wrapped } from './store';

const text = new TextEncoder();

export function random(length: number): Uint8Array<ArrayBuffer> {
  return crypto.getRandomValues(new Uint8Array(length));
}

export function makeDeviceKey(): Promise<CryptoKey> {
  return crypto.subtle.generateKey({ name: 'HMAC', hash: 'SHA-256', length: 256 }, false, ['sign']);
}

/** One label for each purpose, so that no two derive the same key. */
type Label = 'relais vault pin v1' | 'relais vault passkey v1';

async function wrappingKey(deviceKey: CryptoKey, label: Label, secret: Uint8Array): Promise<CryptoKey> {
  const head = text.encode(label);
  const message = new Uint8Array(head.length + 1 + secret.length);
  message.set(head);
  message.set(secret, head.length + 1);
  const key = await crypto.subtle.sign('HMAC', deviceKey, message);
  return crypto.subtle.importKey('raw', key, 'AES-GCM', false, ['encrypt', 'decrypt']);
}

export async function wrap(
  deviceKey: CryptoKey,
  label: Label,
  secret: Uint8Array,
  key: Uint8Array<ArrayBuffer>,
): Promise<Wrapped> {
  const iv = random(12);
  const wrapping = await wrappingKey(deviceKey, label, secret);
  return { iv, data: await crypto.subtle.encrypt({ name: 'AES-GCM', iv }, wrapping, key) };
}

/** The key, or nothing for another secret. */
export async function unwrap(
  deviceKey: CryptoKey,
  label: Label,
  secret: Uint8Array,
  wrapped: Wrapped,
): Promise<Uint8Array<ArrayBuffer> | null> {
  const wrapping = await wrappingKey(deviceKey, label, secret);
  try {
    const key = await crypto.subtle.decrypt({ name: 'AES-GCM', iv: wrapped.iv }, wrapping, wrapped.data);
    return new Uint8Array(key);
  } catch {
    return null;
  }
}
