import { m } from '$messages';
import type { LockMinutes } from '$lib/session.svelte';

/** After how long in the background the app locks, in words. */
export function lockText(minutes: LockMinutes): string {
  return minutes === 0 ? m.lock_at_once() : m.lock_after({ time: m.minutes({ count: minutes }) });
}
