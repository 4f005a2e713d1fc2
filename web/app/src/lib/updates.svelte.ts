/** The service worker as the page sees it: a new version waits until the person takes it. */
import { prefs } from './prefs.svelte';
import { router } from './router/router.svelte';
import { scriptUrl } from './trusted';

const EVERY_MS = 60 * 60_000;

class Updates {
  /** A new version is there, complete, and waits. */
  ready = $state(false);
  #waiting: ServiceWorker | null = null;
  #registration: ServiceWorkerRegistration | null = null;
  #applying = false;

  async start(): Promise<void> {
    if (!import.meta.env.PROD || !('serviceWorker' in navigator)) return;
    const { serviceWorker } = navigator;
    serviceWorker.addEventListener('message', ({ data }: MessageEvent<{ open?: string }>) => {
      if (data.open) void router.visit(data.open);
    });
    serviceWorker.addEventListener('controllerchange', () => this.#applying && location.reload());
    try {
      const registration = await serviceWorker.register(scriptUrl('/service-worker.js'), { scope: '/' });
      this.#registration = registration;
      this.#watch(registration);
      registration.addEventListener('updatefound', () => this.#watch(registration));
      setInterval(() => this.check(), EVERY_MS);
      document.addEventListener('visibilitychange', () => !document.hidden && this.check());
      void this.tellLanguage();
    } catch {
      // A private window, or no room: the app works while there is a network.
    }
  }

  /** Asks the server for a newer version. */
  check(): void {
    this.#registration?.update().catch(() => undefined);
  }

  /** Takes the new version: the page is loaded again, once. */
  apply(): void {
    this.#applying = true;
    if (this.#waiting) this.#waiting.postMessage({ apply: true });
    else location.reload();
  }

  /** The language that notifications are shown in. */
  async tellLanguage(): Promise<void> {
    const { active } = await navigator.serviceWorker.ready;
    active?.postMessage({ language: prefs.language });
  }

  #watch(registration: ServiceWorkerRegistration): void {
    const found = (worker: ServiceWorker) => {
      // The first one of all is no update.
      if (!registration.active || registration.active === worker) return;
      this.#waiting = worker;
      this.ready = true;
    };
    if (registration.waiting) found(registration.waiting);
    const { installing } = registration;
    installing?.addEventListener('statechange', () => installing.state === 'installed' && found(installing));
  }
}

export const updates = new Updates();

/** First digits of the hash over every file of this build. */
export const build = document.querySelector<HTMLMetaElement>('meta[name="relais-build"]')?.content ?? '';
