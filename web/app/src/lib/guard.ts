/**
 * The cover and the lock: nothing is readable in the app switcher, and after the set time in
 * the background, or without a touch, the worker that has the keys is killed.
 */
import { session } from './session.svelte';

/** Reading needs no touch: an open screen stays open at least so long. */
const IDLE_AT_LEAST = 5;

class Guard {
  #hiddenAt: number | null = null;
  #touchedAt = Date.now();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #focused: HTMLElement | null = null;

  start(): void {
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
      const now = Date.now();
      const idle = now - this.#touchedAt > Math.max(session.lockMinutes, IDLE_AT_LEAST) * 60_000;
      // What was opened after the person had left is closed too.
      const away = this.#hiddenAt !== null && now - this.#hiddenAt > session.lockMinutes * 60_000;
      if (idle || away) void session.lock();
    }, 10_000);
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
    if (session.lockMinutes === 0) void session.lock();
    else this.#timer = setTimeout(() => void session.lock(), session.lockMinutes * 60_000);
  }

  #returned(): void {
    clearTimeout(this.#timer);
    const away = this.#hiddenAt === null ? 0 : Date.now() - this.#hiddenAt;
    this.#hiddenAt = null;
    this.#touchedAt = Date.now();
    // The timer of a page that sleeps may never have come.
    if (away > session.lockMinutes * 60_000) void session.lock();
    if (session.stage === 'locked') void session.look();
    delete document.documentElement.dataset.covered;
    this.#focused?.focus({ preventScroll: true });
    this.#focused = null;
  }
}

export const guard = new Guard();
