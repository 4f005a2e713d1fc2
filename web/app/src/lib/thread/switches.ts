/** The wrong-patient guard: who comes from another patient's thread a moment ago is asked once. */
const QUICK_MS = 15_000;

let last: { thread: string; atMs: number } | null = null;
let came: { thread: string; atMs: number } | null = null;

/** A thread is shown. */
export function entered(thread: string, now = Date.now()): void {
  if (came?.thread === thread) return;
  came = last && last.thread !== thread && now - last.atMs < QUICK_MS ? { thread, atMs: now } : null;
}

/** A thread, or a screen of it, is left. */
export function left(thread: string, now = Date.now()): void {
  last = { thread, atMs: now };
}

/** Whether to ask before something is sent into this thread. */
export function isQuickSwitch(thread: string, now = Date.now()): boolean {
  return came?.thread === thread && now - came.atMs < QUICK_MS;
}

/** The person has said that this is the patient. */
export function confirmed(): void {
  came = null;
}
