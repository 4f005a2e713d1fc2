/**
 * What a screen shows of the engine: asked for at once, and again whenever an event says that
 * it may have changed. The old value stays until the new one is there; when what is asked for
 * is another thing (another thread), it goes at once, so that nothing is shown of the wrong one.
 */
import { relais, type RelaisEvent } from './relais';

export interface Live<T> {
  /** The last answer; nothing before the first. */
  readonly value: T | undefined;
  /** Why the last question failed. */
  readonly error: unknown;
  /** The first answer is not there yet. */
  readonly loading: boolean;
  /** Asks again; ends when the answer is there. */
  refresh(): Promise<void>;
}

/** Which events invalidate a value: their types, or a test of one. */
export type Concerns = readonly RelaisEvent['type'][] | ((event: RelaisEvent) => boolean);

/** To be called while a component is made. `query` reads its arguments from runes. */
export function live<T>(query: () => Promise<T>, concerns: Concerns): Live<T> {
  let value = $state.raw<T | undefined>(undefined);
  let error = $state.raw<unknown>(undefined);
  let asking: Promise<void> | null = null;
  let stale = false;
  let round = 0;

  const concerned = (event: RelaisEvent) =>
    event.type === 'missed' ||
    (typeof concerns === 'function' ? concerns(event) : concerns.includes(event.type));

  async function answered(promise: Promise<T>, asked: number): Promise<void> {
    try {
      const answer = await promise;
      if (asked !== round) return;
      value = answer;
      error = undefined;
    } catch (reason) {
      if (asked === round) error = reason;
    }
  }

  function ask(): Promise<void> {
    const asked = round;
    const mine = answered(query(), asked).finally(() => {
      if (asked !== round) return;
      asking = null;
      if (!stale) return;
      stale = false;
      return ask();
    });
    asking = mine;
    return mine;
  }

  function refresh(): Promise<void> {
    if (!asking) return ask();
    stale = true;
    return asking;
  }

  $effect(() => {
    round += 1;
    stale = false;
    value = undefined;
    error = undefined;
    void ask();
    const stop = relais.onEvents((events) => {
      if (events.some(concerned)) void refresh();
    });
    return () => {
      round += 1;
      asking = null;
      stop();
    };
  });

  return {
    get value() {
      return value;
    },
    get error() {
      return error;
    },
    get loading() {
      return value === undefined && error === undefined;
    },
    refresh,
  };
}
