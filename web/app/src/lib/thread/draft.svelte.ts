/** What is being written in a thread: kept in the engine's database, so that a lock or a reload loses nothing. */
import { relais, type Priority } from '$lib/relais';

export interface Draft {
  text: string;
  priority: Priority;
  replyTo: string | null;
}

const EMPTY: Draft = { text: '', priority: 'normal', replyTo: null };
/** The first letter is kept at once, the others with this delay: a lock ends the worker without asking. */
const KEEP_MS = 250;

/** One value of JSON in the settings of this device, under one name. */
export class Kept<T extends object> {
  value: T = $state.raw() as T;
  loaded = $state(false);
  #timer: ReturnType<typeof setTimeout> | undefined;
  #changed = false;

  constructor(
    private readonly name: string,
    private readonly empty: T,
    private readonly isEmpty: (value: T) => boolean,
  ) {
    this.value = empty;
  }

  async load(): Promise<void> {
    try {
      const text = await relais.call('setting', { name: this.name });
      if (text !== null && !this.#changed) this.value = { ...this.empty, ...(JSON.parse(text) as T) };
    } catch {
      // Nothing was kept, or it cannot be read: what is written now counts.
    }
    this.loaded = true;
  }

  set(change: Partial<T>): void {
    this.value = { ...this.value, ...change };
    if (this.#timer === undefined) void this.#keep();
    this.#changed = true;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.flush(), KEEP_MS);
  }

  async clear(): Promise<void> {
    this.value = this.empty;
    this.#changed = true;
    await this.flush();
  }

  async flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    await this.#keep();
  }

  async #keep(): Promise<void> {
    const value = this.isEmpty(this.value) ? null : JSON.stringify(this.value);
    await relais.call('setSetting', { name: this.name, value }).catch(() => undefined);
  }
}

export function messageDraft(thread: string): Kept<Draft> {
  return new Kept(`draft.${thread}`, EMPTY, (draft) => draft.text === '' && draft.replyTo === null);
}
