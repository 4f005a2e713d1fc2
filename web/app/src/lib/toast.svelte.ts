/** Short notices at the bottom of the screen; the newest only. */
import { announce } from './announce.svelte';

export interface Notice {
  id: number;
  text: string;
  tone: 'plain' | 'done' | 'urgent';
  action?: { label: string; run(): void };
}

class Toasts {
  now: Notice | null = $state(null);
  #count = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  show(text: string, tone: Notice['tone'] = 'plain', action?: Notice['action']): void {
    this.now = { id: ++this.#count, text, tone, action };
    announce(text, tone === 'urgent' ? 'assertive' : 'polite');
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.dismiss(), action || tone === 'urgent' ? 9_000 : 4_500);
  }

  dismiss(): void {
    clearTimeout(this.#timer);
    this.now = null;
  }
}

export const toasts = new Toasts();

/** Shows a notice and tells it to a screen reader. */
export function toast(text: string, tone?: Notice['tone'], action?: Notice['action']): void {
  toasts.show(text, tone, action);
}
