/**
 * What is being filled in and not sent yet: kept in the database of this device, encrypted like
 * the rest, so that a lock, a call or a reload loses nothing.
 */
import { relais } from './relais';

const PAUSE_MS = 400;

export interface Draft<T> {
  /** The kept value; nothing before it was read, `null` where there was none. */
  readonly kept: T | null | undefined;
  /** Sent or given up: it goes. */
  drop(): Promise<void>;
}

/**
 * To be called while a component is made; `named` is asked once. `current` is read from runes and kept at every pause;
 * `null` keeps nothing.
 */
export function keptDraft<T>(named: () => string, current: () => T | null): Draft<T> {
  const name = named();
  let kept = $state.raw<T | null | undefined>(undefined);
  let last: string | null = null;
  let dropped = false;

  async function write(text: string | null): Promise<void> {
    if (dropped || text === last) return;
    last = text;
    await relais.call('setSetting', { name, value: text }).catch(() => undefined);
  }

  void relais.call('setting', { name }).then(
    (text) => {
      last = text;
      kept = parsed<T>(text);
    },
    () => (kept = null),
  );

  $effect(() => {
    if (kept === undefined) return;
    const value = current();
    const text = value === null ? null : JSON.stringify(value);
    const timer = setTimeout(() => void write(text), PAUSE_MS);
    return () => {
      clearTimeout(timer);
    };
  });

  // The last words before the screen is left.
  $effect(() => () => {
    const value = current();
    if (kept !== undefined) void write(value === null ? null : JSON.stringify(value));
  });

  return {
    get kept() {
      return kept;
    },
    async drop() {
      dropped = true;
      await relais.call('setSetting', { name, value: null }).catch(() => undefined);
    },
  };
}

function parsed<T>(text: string | null): T | null {
  try {
    return text ? (JSON.parse(text) as T) : null;
  } catch {
    return null;
  }
}
