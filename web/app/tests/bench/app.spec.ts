/** What a person waits for, on a processor four times slower and on a slow line. */
import { expect, test, type Browser } from '@playwright/test';
import { Colleague } from '../e2e/world/colleague.ts';
import { Device, PIN } from '../e2e/world/device.ts';
import { AGNES, CLAIRE, HERVE, MARC, Server } from '../e2e/world/index.ts';
import { cardOf, confirmed, member } from '../e2e/world/practice.ts';
import { film, type Film } from './camera-film.ts';
import { Line, SLOW_3G } from './line.ts';
import { profile } from './profile.ts';
import { median, report } from './report.ts';
import { slowed } from './slow.ts';
import { loadSpan, span } from './span.ts';

const SLOWER = 4;
const THREADS = 500;
const LONG = 10_000;
const MISSED = 500;
const AT_ONCE = 100;
const ROUNDS = 3;
const SEEDED_MS = 1_200_000;
const SENT_MS = 300_000;
const QUIET_MS = 4_000;
const LONG_THREAD = 'Fil de dix mille messages';
const MISSED_THREAD = 'Fil manqué';

const YANN = { ...MARC, givenName: 'Yann', familyName: 'Le Guen', rpps: '10000000058' };
const ROW = 'main a[href^="/t/"]';
const BUBBLE = '[role="region"] button.bub';

interface Practice {
  agnes: Colleague;
  claire: Device;
  line: Line;
  missed: string;
  url: string;
}

/** `others` open threads, too: a device gives so many keys of a colleague to one person in an hour. */
async function seed(agnes: Colleague, others: Colleague[], person: string): Promise<string> {
  // Nothing was said yet: no past to share.
  const newcomer = { ...member(person), past: { type: 'nothing' as const } };
  const open = (who: Colleague, title: string) =>
    who.call('createThread', { new: { title, header: null, members: [newcomer] } });
  const say = (who: Colleague, thread: string, text: string, priority: 'normal' | 'urgent' = 'normal') =>
    who.call('sendMessage', { thread, text, priority, replyTo: null });
  for (let index = 3; index <= THREADS; index++) {
    const who = others[index % others.length]!;
    const thread = await open(who, `Fil ${index}`);
    await say(who, thread, 'Passage fait, rien à signaler.', index % 50 === 0 ? 'urgent' : 'normal');
  }
  await Promise.all(others.map((other) => other.synced()));
  const missed = await open(agnes, MISSED_THREAD);
  const long = await open(agnes, LONG_THREAD);
  for (let index = 1; index <= LONG; index++) {
    // Ten thousand that wait are nobody's outbox.
    if (index % AT_ONCE === 0) await agnes.synced();
    await say(
      agnes,
      long,
      `Passage ${index} : pansement refait, plaie propre, prochain passage demain matin.`,
    );
  }
  return missed;
}

/** As somebody does: from any state of a page to the open app. */
async function unlock(claire: Device): Promise<void> {
  await claire.page.locator('.lock').waitFor({ timeout: 60_000 });
  await claire.typePin(PIN);
}

async function caughtUp({ page }: Device): Promise<void> {
  await expect(page.getByText(/^À jour à/).first()).toBeVisible({ timeout: SEEDED_MS });
}

async function coldLoads(browser: Browser, { line, url }: Practice): Promise<void> {
  const context = await browser.newContext({ locale: 'fr-FR', viewport: { width: 390, height: 844 } });
  const first = { selector: 'h1' };
  line.limit(SLOW_3G);
  const before = line.down;
  const { page, ms } = await loadSpan(context, url, first);
  const bytes = line.down - before;
  await page.evaluate(() => navigator.serviceWorker.ready.then(() => undefined));
  report({ 'load.without_cache.first_screen_ms': ms, 'load.without_cache.first_screen_kb': bytes / 1000 });
  report({ 'load.without_cache.everything_kb': (line.down - before) / 1000 });
  await page.close();
  const again: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const next = await context.newPage();
    await next.close();
    const loaded = await loadSpan(context, url, first);
    again.push(loaded.ms);
    await loaded.page.close();
  }
  report({ 'load.with_cache.first_screen_ms': median(again) });
  line.limit(null);
  await context.close();
}

async function opening(browser: Browser, { claire, url }: Practice): Promise<void> {
  const [unlocks, threads, longs]: number[][] = [[], [], []];
  for (let round = 0; round < ROUNDS; round++) {
    await claire.page.goto(url);
    await claire.page.locator('.lock').waitFor();
    await slowed(browser, SLOWER, async () => {
      unlocks!.push(await span(claire.page, { selector: ROW }, () => claire.typePin(PIN)));
      await caughtUp(claire);
      threads!.push(
        await span(claire.page, { selector: ROW, text: LONG_THREAD }, () => claire.tab('Fils').click()),
      );
      const row = claire.page.locator(ROW, { hasText: LONG_THREAD });
      longs!.push(await span(claire.page, { selector: BUBBLE }, () => row.click()));
    });
    const nodes = await claire.page.evaluate(() => document.querySelectorAll('*').length);
    if (round === 0) report({ 'thread_of_10000.nodes': nodes });
    await claire.button('Retour').click();
  }
  report({
    'unlock_to_inbox_of_500.ms': median(unlocks!),
    'threads_of_500.ms': median(threads!),
    'thread_of_10000.open_ms': median(longs!),
  });
}

async function photo(browser: Browser, { claire, line }: Practice, { frameBytes }: Film): Promise<void> {
  const { page } = claire;
  const [shutters, waiting, told, sent]: number[][] = [[], [], [], []];
  let uploaded = 0;
  for (let round = 0; round < ROUNDS; round++) {
    await claire.openThread(LONG_THREAD);
    await page.getByRole('link', { name: /photo/i }).first().click();
    await expect(page.locator('.shutter')).toBeEnabled();
    line.limit(SLOW_3G);
    const before = line.up;
    const caption = `Mesure ${round}`;
    await slowed(browser, SLOWER, async () => {
      const send = page.getByRole('button', { name: /^Envoyer/ });
      shutters!.push(
        await span(page, { selector: 'textarea, input' }, () => page.locator('.shutter').click()),
      );
      await expect(send).toBeEnabled();
      await page.getByLabel('Légende').fill(caption);
      waiting!.push(await span(page, { selector: 'figure', text: caption }, () => send.click()));
      const start = performance.now();
      const mine = page.locator('figure').filter({ hasText: caption });
      await expect(mine).toContainText(/Envoyé|Remis/, { timeout: SENT_MS });
      told!.push(performance.now() - start);
      // The original follows in pieces, with pauses far shorter than this.
      await expect.poll(() => performance.now() - line.lastUp > QUIET_MS, { timeout: SENT_MS }).toBe(true);
      sent!.push(line.lastUp - start);
    });
    uploaded = line.up - before;
    line.limit(null);
    await claire.button('Retour').click();
  }
  report({
    'photo.frame_kb': frameBytes / 1000,
    'photo.shutter_to_review_ms': median(shutters!),
    'photo.send_to_thread_ms': median(waiting!),
    'photo.thumbnail_sent_ms': median(told!),
    'photo.original_sent_ms': median(sent!),
    'photo.sent_kb': uploaded / 1000,
  });
}

async function catchUp(browser: Browser, { agnes, claire, line, missed, url }: Practice): Promise<void> {
  await claire.page.goto('about:blank');
  for (let index = 1; index <= MISSED; index++)
    await agnes.call('sendMessage', {
      thread: missed,
      text: `Manqué ${index}`,
      priority: 'normal',
      replyTo: null,
    });
  await agnes.synced();
  await claire.page.goto(new URL('/threads', url).href);
  await claire.page.locator('.lock').waitFor();
  line.limit(SLOW_3G);
  const before = line.down;
  const ms = await slowed(browser, SLOWER, () =>
    span(claire.page, { selector: ROW, text: `${MISSED} non lus` }, () => unlock(claire)),
  );
  report({ 'catch_up_of_500.ms': ms, 'catch_up_of_500.kb': (line.down - before) / 1000 });
  line.limit(null);
}

test('what a person waits for', async ({ browser, launchOptions }) => {
  const { viewport, hasTouch, isMobile, locale, timezoneId, reducedMotion } = test.info().project.use;
  const camera = await film(browser);
  const args = [...(launchOptions.args ?? []), `--use-file-for-fake-video-capture=${camera.path}`];
  const own = await profile({
    viewport,
    hasTouch,
    isMobile,
    locale,
    timezoneId,
    reducedMotion,
    ...launchOptions,
    args,
  });
  let server: Server | null = null;
  const line = await Line.to(() => server?.port ?? 0);
  server = await Server.make(line.port);
  const agnes = new Colleague();
  const others = [new Colleague(), new Colleague(), new Colleague()];
  try {
    await agnes.enrol(server.setUpLink, cardOf(AGNES));
    const { link, person } = await agnes.invite(cardOf(CLAIRE));
    const claire = new Device(own.context, server.url);
    claire.networkFails = true;
    await claire.enrol(link);
    await confirmed(agnes, person);
    const start = performance.now();
    for (const [index, who] of [HERVE, MARC, YANN].entries()) {
      const invited = await agnes.invite(cardOf(who));
      await others[index]!.enrol(invited.link);
      await confirmed(agnes, invited.person);
    }
    const missed = await seed(agnes, others, person);
    await agnes.synced();
    await caughtUp(claire);
    report({ prepared_s: (performance.now() - start) / 1000 });
    const practice = { agnes, claire, line, missed, url: server.url };
    await coldLoads(browser, practice);
    await opening(own.browser, practice);
    await photo(own.browser, practice, camera);
    await catchUp(own.browser, practice);
    expect(claire.errors).toEqual([]);
  } finally {
    await own.close();
    await Promise.all([agnes, ...others].map((colleague) => colleague.close()));
    await server.close();
    await line.close();
    camera.remove();
  }
});
