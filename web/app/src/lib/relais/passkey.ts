/**
 * WebAuthn's PRF extension: a secret that the device's authenticator derives after it has
 * seen the person's finger or face.
 */
import type { PasskeyRequest } from '../../worker/protocol';
import { RelaisError } from './error';

const random = (length: number) => crypto.getRandomValues(new Uint8Array(length));

/** ES256, RS256 (COSE). */
const ALGORITHMS = [-7, -257];

function bytes(source: BufferSource | undefined): Uint8Array<ArrayBuffer> | null {
  if (!source) return null;
  const copy =
    source instanceof ArrayBuffer
      ? new Uint8Array(source)
      : new Uint8Array(source.buffer as ArrayBuffer, source.byteOffset, source.byteLength);
  return copy.slice();
}

async function asked<T>(work: Promise<T | null>): Promise<T> {
  let answer: T | null;
  try {
    answer = await work;
  } catch (error) {
    const gaveUp =
      error instanceof DOMException && (error.name === 'NotAllowedError' || error.name === 'AbortError');
    throw new RelaisError('retry', gaveUp ? 'cancelled' : 'passkey_unsupported');
  }
  if (!answer) throw new RelaisError('retry', 'cancelled');
  return answer;
}

/** Asks for the secret of a passkey that was made here. */
export async function askPasskey({ credential, salt }: PasskeyRequest): Promise<Uint8Array> {
  const found = (await asked(
    navigator.credentials.get({
      publicKey: {
        challenge: random(32),
        allowCredentials: [{ type: 'public-key', id: credential }],
        userVerification: 'required',
        extensions: { prf: { eval: { first: salt } } },
      },
    }),
  )) as PublicKeyCredential;
  const secret = bytes(found.getClientExtensionResults().prf?.results?.first);
  if (!secret) throw new RelaisError('rejected', 'passkey_unsupported');
  return secret;
}

/** Makes a passkey on this device and asks for its secret. */
export async function makePasskey(): Promise<PasskeyRequest & { secret: Uint8Array }> {
  if (!navigator.credentials || typeof PublicKeyCredential === 'undefined') {
    throw new RelaisError('rejected', 'passkey_unsupported');
  }
  const salt = random(32);
  const made = (await asked(
    navigator.credentials.create({
      publicKey: {
        rp: { name: 'Relais' },
        // Says nothing of the person: it only opens this browser's copy.
        user: { id: random(16), name: 'Relais', displayName: 'Relais' },
        challenge: random(32),
        pubKeyCredParams: ALGORITHMS.map((alg) => ({ type: 'public-key', alg })),
        authenticatorSelection: { authenticatorAttachment: 'platform', userVerification: 'required' },
        extensions: { prf: { eval: { first: salt } } },
      },
    }),
  )) as PublicKeyCredential;
  const { prf } = made.getClientExtensionResults();
  if (!prf?.enabled && !prf?.results) throw new RelaisError('rejected', 'passkey_unsupported');
  const request = { credential: new Uint8Array(made.rawId), salt };
  // Some say the secret at once, others only when asked.
  return { ...request, secret: bytes(prf.results?.first) ?? (await askPasskey(request)) };
}
