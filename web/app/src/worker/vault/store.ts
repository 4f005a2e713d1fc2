/** Where the wrapped keys are: one record of an IndexedDB database, written through to the disk. */

export interface Wrapped {
  iv: Uint8Array<ArrayBuffer>;
  data: ArrayBuffer;
}

export interface VaultRecord {
  version: 1;
  /** HMAC-SHA-256; the browser never gives its bytes away. */
  deviceKey: CryptoKey;
  /** For Argon2id. */
  salt: Uint8Array<ArrayBuffer>;
  byPin: Wrapped;
  passkey: { credential: Uint8Array<ArrayBuffer>; salt: Uint8Array<ArrayBuffer>; wrapped: Wrapped } | null;
  /** Codes that were tried since the last right one; counted before each try. */
  tries: number;
  /** Milliseconds since the Unix epoch; no code is tried before then. */
  waitUntilMs: number | null;
}

const DATABASE = 'relais-vault';
const STORE = 'vault';
const KEY = 'vault';

function promised<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error('storage'));
  });
}

async function database(): Promise<IDBDatabase> {
  const request = indexedDB.open(DATABASE, 1);
  request.onupgradeneeded = () => request.result.createObjectStore(STORE);
  return promised(request);
}

async function inStore<T>(
  mode: IDBTransactionMode,
  work: (store: IDBObjectStore) => IDBRequest<T>,
): Promise<T> {
  const db = await database();
  try {
    // `strict`: a try that was counted stays counted when the power goes.
    const transaction = db.transaction(STORE, mode, { durability: 'strict' });
    const done = new Promise<void>((resolve, reject) => {
      transaction.oncomplete = () => resolve();
      transaction.onabort = () => reject(transaction.error ?? new Error('storage'));
    });
    const result = await promised(work(transaction.objectStore(STORE)));
    await done;
    return result;
  } finally {
    db.close();
  }
}

export async function load(): Promise<VaultRecord | null> {
  const record = await inStore<VaultRecord | undefined>('readonly', (store) => store.get(KEY));
  return record ?? null;
}

export async function save(record: VaultRecord): Promise<void> {
  await inStore('readwrite', (store) => store.put(record, KEY));
}

export async function forget(): Promise<void> {
  await inStore('readwrite', (store) => store.delete(KEY));
}
