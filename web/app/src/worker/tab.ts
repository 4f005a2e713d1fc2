/**
 * One tab at a time has the database open. Another one may ask for it: then this one closes
 * it first.
 */
const LOCK = 'relais-database';
const CHANNEL = 'relais-tabs';
/** A tab that closes the database takes a moment; one that hangs is not waited for. */
const PATIENCE_MS = 5_000;

let release: (() => void) | null = null;
const channel = new BroadcastChannel(CHANNEL);

/** Takes the lock until `leave`; false while another tab has it. */
export function enter(patienceMs = 0): Promise<boolean> {
  return new Promise((resolve) => {
    const held = (lock: Lock | null): Promise<void> | void => {
      resolve(lock !== null);
      if (!lock) return;
      channel.postMessage('taken');
      return new Promise<void>((done) => (release = done));
    };
    const options: LockOptions =
      patienceMs === 0 ? { ifAvailable: true } : { signal: AbortSignal.timeout(patienceMs) };
    navigator.locks.request(LOCK, options, held).catch(() => resolve(false));
  });
}

export function leave(): void {
  release?.();
  release = null;
}

/** Whether another tab has it. */
export async function isElsewhere(): Promise<boolean> {
  if (release) return false;
  const { held } = await navigator.locks.query();
  return held?.some((lock) => lock.name === LOCK) ?? false;
}

let waiting = false;

/** Tells once the tab that has it is gone: it was closed, or is the one that was just reloaded. */
export function whenFree(told: () => void): void {
  if (waiting) return;
  waiting = true;
  void navigator.locks.request(LOCK, () => {
    waiting = false;
    told();
  });
}

/** Asks the tab that has it to let go, and waits for that. */
export async function takeOver(): Promise<boolean> {
  channel.postMessage('yield');
  const free = await enter(PATIENCE_MS);
  if (free) leave();
  return free;
}

interface Others {
  /** Another tab asks for the database. */
  asked(): void;
  /** Another tab has it now. */
  taken(): void;
}

export function onOthers({ asked, taken }: Others): void {
  channel.onmessage = ({ data }) => {
    if (data === 'yield' && release) asked();
    if (data === 'taken' && !release) taken();
  };
}
