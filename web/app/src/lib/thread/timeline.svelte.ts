/**
 * The part of a timeline that is loaded: a window that begins around the first unread item,
 * grows at both ends as it is scrolled, and is read again when the thread changed.
 */
import { relais, type RelaisEvent, type TimelineItem } from '$lib/relais';
import { isOfOthers, splice } from './rows';

/** Entries of a page. */
const PAGE = 60;
/** More unread than this, and the window begins in the middle of the thread. */
const UNREAD_WHOLE = 200;
/** At most so many entries at the end are read again after each change. */
const AGAIN = 150;

export class Timeline {
  items: TimelineItem[] = $state.raw([]);
  /** Entries that begin a page. */
  breaks: readonly number[] = $state.raw([]);
  loaded = $state(false);
  /** The oldest item is there, the newest is. */
  atStart = $state(false);
  atEnd = $state(false);
  error: unknown = $state.raw(undefined);
  /** How often older items were put before the others. */
  prepended = $state(0);
  #beforeSeq: number | null = null;
  #stop: (() => void) | null = null;
  #busy: Promise<void> = Promise.resolve();
  #older = false;
  #newer = false;
  #again = false;

  constructor(
    private readonly thread: string,
    private readonly me: () => string,
    /** Hears of what others wrote while the thread is open. */
    private readonly arrived: (items: TimelineItem[]) => void,
  ) {}

  /** Loads the window around the first item after `readSeq`, and follows the thread. */
  async open(readSeq: number, unread: number): Promise<void> {
    this.#stop ??= relais.onEvents((events) => this.#told(events));
    await this.#alone(async () => {
      if (unread > UNREAD_WHOLE) {
        const page = await this.#before(readSeq + 1, PAGE / 2);
        const rest = await this.#after(readSeq, PAGE);
        this.items = [...page.items, ...rest];
        this.#begun(page.beforeSeq);
        this.atEnd = rest.length < PAGE;
      } else {
        const page = await this.#before(null, Math.max(PAGE, unread + PAGE / 2));
        this.items = page.items;
        this.#begun(page.beforeSeq);
        this.atEnd = true;
      }
      this.loaded = true;
    });
  }

  close(): void {
    this.#stop?.();
    this.#stop = null;
  }

  async older(): Promise<void> {
    if (this.#older || this.atStart || !this.loaded) return;
    this.#older = true;
    await this.#alone(async () => {
      const page = await this.#before(this.#beforeSeq, PAGE);
      this.prepended += 1;
      this.items = [...page.items, ...this.items];
      this.#begun(page.beforeSeq);
    });
    this.#older = false;
  }

  async newer(): Promise<void> {
    if (this.#newer || this.atEnd || !this.loaded) return;
    this.#newer = true;
    await this.#alone(async () => {
      const last = this.#lastSeq();
      const more = await this.#after(last, PAGE);
      this.items = splice(this.items, last, Infinity, more);
      const settled = more.filter((item) => item.seq !== null);
      this.atEnd = settled.length < PAGE;
    });
    this.#newer = false;
  }

  /** The end of the thread, wherever the window was. */
  async toEnd(): Promise<void> {
    if (this.atEnd) return;
    await this.#alone(async () => {
      const page = await this.#before(null, PAGE);
      this.items = page.items;
      this.breaks = [];
      this.#begun(page.beforeSeq);
      this.atEnd = true;
    });
  }

  /** Whether an event is in the window. */
  has(event: string): boolean {
    return this.items.some((item) => item.body.type === 'event' && item.body.event === event);
  }

  async refresh(): Promise<void> {
    if (this.#again) return;
    this.#again = true;
    await this.#alone(async () => {
      this.#again = false;
      if (!this.loaded) return;
      const settled = this.items.filter((item) => item.seq !== null);
      const first = this.#beforeSeq ?? 0;
      const from = settled.length > AGAIN ? (settled.at(-AGAIN)?.seq ?? 1) - 1 : Math.max(first - 1, 0);
      const before = this.#lastSeq();
      const again = this.atEnd
        ? await this.#after(from, 100_000)
        : (await this.#after(from, AGAIN)).filter((item) => item.seq !== null && item.seq <= before);
      this.items = splice(this.items, from, this.atEnd ? Infinity : before, again);
      const news = again.filter((item) => (item.seq ?? 0) > before && isOfOthers(item, this.me()));
      if (news.length) this.arrived(news);
    });
  }

  #told(events: RelaisEvent[]): void {
    const own = (event: RelaisEvent) =>
      event.type === 'missed' ||
      event.type === 'threadsChanged' ||
      (event.type === 'threadChanged' && event.thread === this.thread);
    if (events.some(own)) void this.refresh();
  }

  /** One change of the window after the other. */
  #alone(work: () => Promise<void>): Promise<void> {
    this.#busy = this.#busy.then(async () => {
      try {
        await work();
        this.error = undefined;
      } catch (error) {
        this.error = error;
      }
    });
    return this.#busy;
  }

  #begun(beforeSeq: number | null): void {
    this.#beforeSeq = beforeSeq;
    this.atStart = beforeSeq === null;
    const first = this.items.find((item) => item.seq !== null)?.seq;
    if (first !== undefined && first !== null) this.breaks = [...this.breaks, first];
  }

  #lastSeq(): number {
    return this.items.reduce((last, item) => Math.max(last, item.seq ?? 0), 0);
  }

  #before(beforeSeq: number | null, limit: number) {
    return relais.call('timelineBefore', { thread: this.thread, beforeSeq, limit });
  }

  #after(afterSeq: number, limit: number) {
    return relais.call('timelineAfter', { thread: this.thread, afterSeq, limit });
  }
}
