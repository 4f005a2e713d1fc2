/**
 * The cover and the lock: nothing is readable in the app switcher, and after the set time in
 * the background, or without a touch, the worker that has the keys is killed.
 */
import { relais } from './relais';
import { session } from './session.svelte';

/** Minutes that a person can choose from. */
export const LOCK_MINUTES = [0, 1, 5, 15] as const;
export type LockMinutes = (typeof LOCK_MINUTES)[number];

const SETTING = 'lock-minutes';
/** Reading needs no touch: an open screen stays open at least so long. */
const IDLE_AT_LEAST = 5;

class Guard {
  minutes: LockMinutes = $state(1);
  #hiddenAt: number | null = null;
  #touchedAt = Date.now();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #focused: HTMLElement | null = null;

  start(): void {
    $effect.root(() => {
      $effect(() => {
        if (session.stage === 'ready') void this.#load();
      });
    });
    document.addEventListener('visibilitychange', () => (document.hidden ? this.#left() : this.#returned()));
    addEventListener('pagehide', () => this.#left());
    addEventListener('pageshow', () => !document.hidden && this.#returned());
    // A phone takes the picture for its app switcher before the page is hidden.
    const switcher = matchMedia('(display-mode: standalone) and (pointer: coarse)');
    addEventListener('blur', () => switcher.matches && this.#cover());
    addEventListener('focus', () => !document.hidden && this.#returned());
    for (const event of ['pointerdown', 'keydown', 'wheel', 'touchmove'])
      addEventListener(event, () => (this.#touchedAt = Date.now()), { passive: true, capture: true });
    setInterval(() => {
      const idle = Date.now() - this.#touchedAt;
      if (idle > Math.max(this.minutes, IDLE_AT_LEAST) * 60_000) void session.lock();
    }, 10_000);
  }

  /** Reads the time that was set, now that the database is open. */
  async #load(): Promise<void> {
    const kept = await relais.call('setting', { name: SETTING }).catch(() => null);
    this.minutes = LOCK_MINUTES.find((minutes) => String(minutes) === kept) ?? this.minutes;
  }

  async set(minutes: LockMinutes): Promise<void> {
    await relais.call('setSetting', { name: SETTING, value: String(minutes) });
    this.minutes = minutes;
  }

  #cover(): void {
    const root = document.documentElement;
    if (root.dataset.covered !== undefined) return;
    this.#focused = document.activeElement instanceof HTMLElement ? document.activeElement : null;
    root.dataset.covered = '';
  }

  #left(): void {
    this.#cover();
    if (this.#hiddenAt !== null) return;
    this.#hiddenAt = Date.now();
    if (this.minutes === 0) void session.lock();
    else this.#timer = setTimeout(() => void session.lock(), this.minutes * 60_000);
  }

  #returned(): void {
    clearTimeout(this.#timer);
    const away = this.#hiddenAt === null ? 0 : Date.now() - this.#hiddenAt;
    this.#hiddenAt = null;
    this.#touchedAt = Date.now();
    // The timer of a page that sleeps may never have come.
    if (away > this.minutes * 60_000) void session.lock();
    if (session.stage === 'locked') void session.look();
    delete document.documentElement.dataset.covered;
    this.#focused?.focus({ preventScroll: true });
    this.#focused = null;
  }
}

export const guard = new Guard();
