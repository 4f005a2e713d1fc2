/**
 * The same calls of the same engine over the same server: native, and as WASM in a browser's
 * worker. Each device does the same work on its own thread; times are of a call with what
 * carries it, and their ratios say what the browser costs.
 */
import { test, expect } from '@playwright/test';
import type { Calls, Card } from '../../src/lib/relais/types.ts';
import { Colleague } from '../e2e/world/colleague.ts';
import { cardOf, member, YVONNE } from '../e2e/world/practice.ts';
import { AGNES, CLAIRE, HERVE, Server } from '../e2e/world/index.ts';
import { drawWound } from '../practice/photo.ts';
import { BrowserEngine } from './browser-engine.ts';
import { profile } from './profile.ts';
import { median, report } from './report.ts';

const MESSAGES = 300;
const THREADS = 20;
const READS = 50;
const PHOTOS = 7;

/** What both are asked. */
interface Engine {
  call<K extends keyof Calls>(name: K, args: Calls[K]['args']): Promise<Calls[K]['result']>;
  timed<K extends keyof Calls>(name: K, args: Calls[K]['args']): Promise<number>;
  enrol(link: string, card?: Card | null): Promise<void>;
  synced(): Promise<void>;
  network(online: boolean): Promise<void>;
}

async function times(count: number, work: (index: number) => Promise<number>): Promise<number> {
  const taken: number[] = [];
  for (let index = 0; index < count; index++) taken.push(await work(index));
  return median(taken);
}

/** Milliseconds of each operation. */
async function measured(engine: Engine, other: Colleague, person: string, photo: Uint8Array) {
  const found: Record<string, number> = {};
  const titled = (title: string) => ({ new: { title, header: YVONNE, members: [] } });
  found.create_thread = await times(THREADS, (index) => engine.timed('createThread', titled(`Fil ${index}`)));
  const thread = await engine.call('createThread', titled('Mesures'));
  const message = (thread: string, index: number) => ({
    thread,
    text: `Pansement refait, plaie propre, passage ${index}`,
    priority: 'normal' as const,
    replyTo: null,
  });
  found.send_message = await times(MESSAGES, (index) => engine.timed('sendMessage', message(thread, index)));
  await engine.synced();
  found.threads = await times(READS, () => engine.timed('threads', {}));
  found.to_do = await times(READS, () => engine.timed('toDo', { limit: 30 }));
  const page = { thread, beforeSeq: null, limit: 50 };
  found.page_of_50 = await times(READS, () => engine.timed('timelineBefore', page));
  const wanted = { text: 'pansement', thread: null, after: null, limit: 20 };
  found.search = await times(READS, () => engine.timed('search', wanted));
  const place = { caption: '', bodySite: 'Talon', laterality: 'left' as const, wound: null };
  found.send_photo = await times(PHOTOS, () => engine.timed('sendPhoto', { thread, photo, ...place }));
  await engine.synced();

  // What came meanwhile, from the network's return until all of it can be read.
  const shared = await other.call('createThread', {
    new: { title: 'Rattrapage', header: null, members: [member(person)] },
  });
  await other.synced();
  const here = async () => (await engine.call('threads', {})).find((one) => one.thread === shared);
  await expect.poll(async () => (await here())?.state.type).toBe('joined');
  await engine.synced();
  await engine.network(false);
  for (let index = 0; index < MESSAGES; index++) await other.call('sendMessage', message(shared, index));
  await other.synced();
  const unread = async () => (await here())?.unread ?? 0;
  const all = (await unread()) + MESSAGES;
  const start = performance.now();
  await engine.network(true);
  while ((await unread()) < all && performance.now() - start < 120_000);
  found.receive_message = (performance.now() - start) / MESSAGES;
  expect(await unread()).toBe(all);
  return found;
}

test('the engine in a browser against the native one', async ({ browser, launchOptions }) => {
  const server = await Server.make();
  const coordinator = new Colleague();
  const native = new Colleague();
  const own = await profile({ ...launchOptions, bypassCSP: true, serviceWorkers: 'block' });
  try {
    const page = await BrowserEngine.open(own.context, server.url);
    await coordinator.enrol(server.setUpLink, cardOf(AGNES));
    const photo = await drawWound(browser, {
      lengthMm: 40,
      widthMm: 25,
      slough: 0.3,
      necrosis: 0.1,
      seed: 3,
      size: 2048,
    });
    const figures: Record<string, Record<string, number>> = {};
    for (const [name, engine, who] of [
      ['native', native, CLAIRE],
      ['wasm', page, HERVE],
    ] as const) {
      const { link, person } = await coordinator.invite(cardOf(who));
      await engine.enrol(link);
      figures[name] = await measured(engine, coordinator, person, photo);
    }
    for (const [operation, ms] of Object.entries(figures.native!)) {
      const there = figures.wasm![operation]!;
      report({
        [`engine.${operation}.native_ms`]: ms,
        [`engine.${operation}.wasm_ms`]: there,
        [`engine.${operation}.ratio`]: there / ms,
      });
    }
    report({ 'engine.open.wasm_ms': await page.reopen() });
  } finally {
    await own.close();
    await native.close();
    await coordinator.close();
    await server.close();
  }
});
