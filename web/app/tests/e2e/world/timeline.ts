/** A thread as each device has it, in the same few words: what tells whether they all have the same. */
import { expect } from '@playwright/test';
import type { Calls } from '../../../src/lib/relais/types.ts';
import type { Colleague } from './colleague.ts';
import type { Device } from './device.ts';

type Item = Calls['timelineBefore']['result']['items'][number];

/** As a colleague's core has it, oldest first; what is not in the log yet is left out. */
export async function listing(colleague: Colleague, thread: string): Promise<string[]> {
  const { items } = await colleague.call('timelineBefore', { thread, beforeSeq: null, limit: 100 });
  const titles = new Map(items.flatMap((item) => titleOf(item)));
  return items.flatMap((item) => words(item, titles));
}

function titleOf({ body }: Item): [string | null, string][] {
  if (body.type !== 'event' || body.content.type !== 'taskCreated') return [];
  return [[body.content.task, body.content.title]];
}

function words({ body, seq }: Item, titles: Map<string | null, string>): string[] {
  if (seq === null || body.type !== 'event') return [];
  const { content } = body;
  switch (content.type) {
    case 'message':
      return [content.text];
    case 'photo':
      return [`photo ${content.caption}`.trim()];
    case 'taskCreated':
      return [`task ${content.title}`];
    case 'taskChanged':
      return [`${content.change} ${titles.get(content.task)}`];
    case 'handover':
      return [`handover ${content.note.request}`];
    case 'handoverAcknowledged':
      return ['acknowledged'];
    default:
      return [];
  }
}

/** Tall enough for all of a short thread. */
const TALL = { width: 390, height: 8_000 };

/** As the open thread of a browser shows it, from top to bottom. */
export async function seen({ page }: Device): Promise<string[]> {
  await page.setViewportSize(TALL);
  const timeline = page.getByRole('region', { name: 'Messages du fil' });
  return timeline.evaluate((region) => {
    const rows = [...region.querySelectorAll('.row')];
    rows.sort((a, b) => a.getBoundingClientRect().top - b.getBoundingClientRect().top);
    return rows.flatMap((row) => {
      const text = (of: string) => row.querySelector(of)?.textContent.trim() ?? '';
      if (row.querySelector('.bub')) return [text('.text')];
      if (row.querySelector('figure')) return [`photo ${text('figcaption p')}`.trim()];
      if (row.querySelector('article.tc')) return [`task ${text('.b > b')}`];
      if (row.querySelector('article.saed')) return [`handover ${text('dd.d')}`];
      const line = text('.line');
      if (line.includes('accusé réception')) return ['acknowledged'];
      const [, change, title] = /a (pris|fait|décliné)\s:\s(.*)/s.exec(line) ?? [];
      const names: Record<string, string> = { pris: 'taken', fait: 'done', décliné: 'declined' };
      return change ? [`${names[change]} ${title}`] : [];
    });
  });
}

/** A colleague has read all of a thread. */
export async function readAll(colleague: Colleague, thread: string): Promise<void> {
  const { seq } = await colleague.call('thread', { thread });
  await colleague.call('markRead', { thread, seq });
}

/** The original of a photo on a colleague's device, once it is there. */
export async function original(colleague: Colleague, thread: string, caption: string): Promise<Uint8Array> {
  let bytes: Uint8Array | null = null;
  const look = async () => {
    const { items } = await colleague.call('timelineBefore', { thread, beforeSeq: null, limit: 100 });
    const photos = items.flatMap(({ body }) =>
      body.type === 'event' && body.content.type === 'photo' ? [body.content] : [],
    );
    const photo = photos.find((one) => one.caption === caption)?.photo;
    if (!photo) return false;
    const progress = await colleague.call('photoProgress', { photo });
    // Asked for, it is fetched.
    bytes = await colleague.call('photo', { photo }).then(
      (numbers) => Uint8Array.from(numbers),
      () => null,
    );
    return progress.state === 'here' && bytes !== null;
  };
  await expect.poll(look, { timeout: 60_000 }).toBe(true);
  return bytes!;
}
