/** The rows of a timeline: its items, the days between them, the line before what is new. */
import type { Content, TimelineItem } from '$lib/relais';

export type Row =
  | { kind: 'day'; key: string; ms: number }
  | { kind: 'unread'; key: string; count: number }
  | {
      kind: 'item';
      key: string;
      item: TimelineItem;
      /** The first of several of the same person: it names them. */
      first: boolean;
    };

interface Reading {
  me: string;
  /** What the person had read when they came; nothing when the line is not to be shown. */
  readSeq: number | null;
  /** How much is new, where more of it is there than these items. */
  unread: number;
  /** Entries that begin a page: nothing is grouped across them, so that older pages move nothing. */
  breaks: readonly number[];
}

/** Longer apart than this, two messages of a person are not one group. */
const GROUP_MS = 5 * 60_000;

/** A name for a row that stays its own while items come and go. */
export function itemKey(item: TimelineItem): string {
  const { body } = item;
  if (body.type === 'event') return body.event;
  if (body.type === 'circleChange') return `circle ${item.timeMs}`;
  return `${body.kind} ${item.seq} ${body.person ?? ''} ${body.detail}`;
}

/** What is told of a thread and its circle, and is nothing that somebody said. */
const TOLD: ReadonlySet<Content['type']> = new Set(['threadOpened', 'membershipNote', 'historyShared']);

/** Whether an item is what somebody else said or did: what can be unread. */
export function isOfOthers({ body, author }: TimelineItem, me: string): boolean {
  return body.type === 'event' && author !== me && !TOLD.has(body.content.type);
}

function isBubble(item: TimelineItem): boolean {
  return item.body.type === 'event' && ['message', 'photo'].includes(item.body.content.type);
}

const sameDay = (a: number, b: number) => new Date(a).toDateString() === new Date(b).toDateString();

/** The rows of items, the oldest first. */
export function rowsOf(items: readonly TimelineItem[], reading: Reading): Row[] {
  const { me, readSeq } = reading;
  const breaks = new Set(reading.breaks);
  const rows: Row[] = [];
  const used = new Map<string, number>();
  // A clock that was wrong can bring a day back; a notice can be told twice at one place.
  const unique = (key: string) => {
    const again = used.get(key) ?? 0;
    used.set(key, again + 1);
    return again ? `${key} ${again}` : key;
  };
  const fresh = (item: TimelineItem) =>
    readSeq !== null && item.seq !== null && item.seq > readSeq && isOfOthers(item, me);
  const news = items.reduce((count, item) => count + (fresh(item) ? 1 : 0), 0);
  let before: TimelineItem | null = null;
  let told = false;
  for (const item of items) {
    let apart = before === null || (item.seq !== null && breaks.has(item.seq));
    if (before === null || !sameDay(before.timeMs, item.timeMs)) {
      const key = unique(`day ${new Date(item.timeMs).toDateString()}`);
      rows.push({ kind: 'day', key, ms: item.timeMs });
      apart = true;
    }
    if (!told && fresh(item)) {
      rows.push({ kind: 'unread', key: 'unread', count: Math.max(news, reading.unread) });
      told = apart = true;
    }
    const follows =
      !apart &&
      before !== null &&
      isBubble(before) &&
      isBubble(item) &&
      before.author === item.author &&
      item.timeMs - before.timeMs < GROUP_MS;
    rows.push({ kind: 'item', key: unique(itemKey(item)), item, first: !follows });
    before = item;
  }
  return rows;
}

/**
 * Items that were read again, in the place of those that were there: `from` and `until` are
 * entries; what is not settled comes last and is replaced with the end.
 */
export function splice(
  items: readonly TimelineItem[],
  from: number,
  until: number,
  again: readonly TimelineItem[],
): TimelineItem[] {
  const settled = items.filter((item) => item.seq !== null);
  const ends = until === Infinity;
  return [
    ...settled.filter((item) => (item.seq ?? 0) <= from),
    ...again,
    ...(ends ? [] : items.filter((item) => item.seq === null || item.seq > until)),
  ];
}
