/**
 * Patient headers of many threads, each asked for when it is first looked at, and again when
 * its thread changed. They live as long as the screen that made them.
 */
import { SvelteMap } from 'svelte/reactivity';
import { relais, type PatientHeader } from '$lib/relais';

export interface Headers {
  /** Nothing while it is being asked for; `null` where the thread has none. */
  of(thread: string): PatientHeader | null | undefined;
  /** Asks for those of these threads that are not here yet. */
  load(threads: readonly string[]): void;
}

/** To be called while a component is made. */
export function patientHeaders(): Headers {
  const known = new SvelteMap<string, PatientHeader | null>();
  const asked: Record<string, true> = {};

  async function ask(thread: string): Promise<void> {
    asked[thread] = true;
    try {
      known.set(thread, (await relais.call('patientHeader', { thread }))?.header ?? null);
    } catch {
      delete asked[thread];
    }
  }

  $effect(() =>
    relais.onEvents((events) => {
      for (const event of events) {
        if (event.type === 'threadChanged' && asked[event.thread]) void ask(event.thread);
        if (event.type === 'missed') Object.keys(asked).forEach((thread) => void ask(thread));
      }
    }),
  );

  return {
    of: (thread) => known.get(thread),
    load: (threads) => threads.filter((thread) => !asked[thread]).forEach((thread) => void ask(thread)),
  };
}
