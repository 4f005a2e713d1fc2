/** Rules of a thread in use: where it opens, what arrives, what is written. */
import { expect, test } from '../practice/fixture.ts';
import type { Practice } from '../practice/practice.ts';

const MANY = 300;
const MOST_NODES = 200;

interface Long {
  thread: string;
  path: string;
}

const LONG = 'Suivi de nuit';
let made: Long | null = null;

/** A thread of many messages that the phone has not read; made once. */
async function longThread({ nurse, ids }: Practice): Promise<Long> {
  if (made) return made;
  const me = await mySelf(nurse);
  const member = {
    role: 'manager' as const,
    expiresAtMs: null,
    roleText: '',
    basis: 'careTeam' as const,
    consentDate: null,
    past: { type: 'everything' as const },
  };
  const thread = await nurse.call('createThread', {
    new: { title: LONG, header: null, members: [me, ids.doctor].map((person) => ({ person, ...member })) },
  });
  for (let number = 1; number <= MANY; number++)
    await nurse.call('sendMessage', {
      thread,
      text: `Relevé ${number} : température 37,${number % 10} °C, rien à signaler.`,
      priority: 'normal',
      replyTo: null,
    });
  await nurse.synced();
  made = { thread, path: `/t/${thread}` };
  return made;
}

/** Who holds the phone, as the nurse knows them. */
async function mySelf(nurse: Practice['nurse']): Promise<string> {
  const people = await nurse.call('people', {});
  return people.find(({ standing }) => standing === 'coordinator')!.person;
}

const region = (practice: Practice) => practice.phone.page.getByRole('region', { name: 'Messages du fil' });

/** A thread opens at what is unread; goes on to its end. */
async function toNewest({ phone }: Practice): Promise<void> {
  await phone.settled();
  const jump = phone.page.getByRole('button', { name: 'Aller au plus récent' });
  if (await jump.isVisible()) await jump.click();
  await expect(jump).toBeHidden();
}

test.beforeEach(async ({ practice }) => {
  await practice.phone.speak('fr');
});

test('rule 9: opens at the first unread message, with a way to the newest', async ({ practice }) => {
  const { phone } = practice;
  const { path } = await longThread(practice);
  await phone.visit('/threads');
  await expect(phone.page.getByRole('link', { name: LONG })).toContainText(/3\d\d non lus/);
  await phone.visit(path);
  const divider = phone.page.getByRole('separator');
  await expect(divider).toBeInViewport();
  await expect(divider).toHaveText(/3\d\d nouveaux/);
  const jump = phone.page.getByRole('button', { name: /nouveau/ });
  await expect(jump).toBeVisible();
  await jump.click();
  await expect(region(practice).getByText(`Relevé ${MANY} :`)).toBeInViewport();
  await expect(jump).toBeHidden();
});

test('rule 9: what is looked at does not move when older messages come', async ({ practice }) => {
  const { phone } = practice;
  await phone.visit((await longThread(practice)).path);
  const list = region(practice);
  await toNewest(practice);
  await expect(list.getByText(`Relevé ${MANY} :`)).toBeInViewport();
  const drift = await list.evaluate(async (element) => {
    const rows = () => [...element.querySelectorAll<HTMLElement>('button.bub')];
    // What was measured before it was painted, nobody saw.
    const painted = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
    let most = 0;
    for (let step = 0; step < 60 && element.scrollTop > 0; step++) {
      element.scrollBy(0, -element.clientHeight / 2);
      await painted();
      const middle = element.getBoundingClientRect().top + element.clientHeight / 2;
      const anchor = rows().find((row) => row.getBoundingClientRect().bottom > middle);
      if (!anchor) continue;
      const text = anchor.textContent;
      const from = anchor.getBoundingClientRect().top;
      for (let frames = 0; frames < 6; frames++) await painted();
      const same = rows().find((row) => row.textContent === text);
      if (same) most = Math.max(most, Math.abs(same.getBoundingClientRect().top - from));
    }
    return most;
  });
  expect(drift).toBeLessThanOrEqual(1);
});

test('rule 10: a long thread is a short list of nodes', async ({ practice }) => {
  const { phone } = practice;
  await phone.visit((await longThread(practice)).path);
  const nodes = () => region(practice).evaluate((element) => element.querySelectorAll('*').length);
  expect(await nodes()).toBeLessThan(MOST_NODES);
  await region(practice).evaluate((element) => element.scrollTo(0, element.scrollHeight / 2));
  await phone.settled();
  expect(await nodes()).toBeLessThan(MOST_NODES);
});

test('rule 14: what is urgent stays on top when it was read, until it is taken', async ({ practice }) => {
  const { phone, nurse, ids } = practice;
  const { page } = phone;
  const text = 'Saignement sous le pansement, qui vient ?';
  await nurse.call('sendMessage', { thread: ids.thread, text, priority: 'urgent', replyTo: null });
  await phone.visit('/');
  const card = page.getByRole('article').filter({ hasText: text });
  await expect(card).toBeVisible();
  await phone.visit(`/t/${ids.thread}`);
  await toNewest(practice);
  await expect(region(practice).getByText(text)).toBeInViewport();
  await phone.visit('/');
  await expect(card).toBeVisible();
  await card.getByRole('button', { name: 'Je prends' }).click();
  await expect(card).toBeHidden();
});

test('rule 15: whose thread it is never scrolls away; a photo says whose it is and who sees it', async ({
  practice,
}) => {
  const { phone, ids } = practice;
  const { page } = phone;
  await phone.visit(`/t/${ids.thread}`);
  const name = page.getByRole('heading', { level: 1, name: 'Françoise FICTIVE-HÉBRARD' });
  await region(practice).evaluate((element) => element.scrollTo(0, 0));
  await expect(name).toBeInViewport({ ratio: 1 });
  await phone.visit(`/t/${ids.thread}/wounds/${ids.wound}`);
  await page.locator('main').evaluate((element) => element.scrollTo(0, element.scrollHeight));
  await expect(name).toBeInViewport({ ratio: 1 });

  await phone.visit(`/t/${ids.thread}/camera?wound=${ids.wound}`);
  await page.getByRole('button', { name: 'Prendre la photo' }).click();
  await expect(page.getByText('Françoise FICTIVE-HÉBRARD, 88 ans')).toBeInViewport();
  await expect(page.getByText(/^Pour Jérôme Fictif-Châtaignier, Maëlle-Anne/)).toBeInViewport();
  await expect(page.getByRole('button', { name: 'Envoyer à 3 personnes' })).toBeInViewport();
});

test('rule 17: each thread keeps its draft, through a reload and the lock', async ({ practice }) => {
  const { phone, ids } = practice;
  const drafts = [
    [ids.thread, 'Pansement à refaire demain'],
    [ids.quiet, 'Je prends la semaine du 21'],
  ] as const;
  for (const [thread, text] of drafts) {
    await phone.visit(`/t/${thread}`);
    await phone.composer.fill(text);
  }
  await phone.load('/');
  for (const [thread, text] of drafts) {
    await phone.visit(`/t/${thread}`);
    await expect(phone.composer).toHaveValue(text);
    await phone.composer.fill('');
  }
});

test('rule 21: with an open keyboard the composer is whole', async ({ practice }) => {
  const { phone, ids } = practice;
  const { page } = phone;
  await phone.visit(`/t/${ids.thread}`);
  // As `interactive-widget=resizes-content` has it: the keyboard takes its height from the page.
  await page.setViewportSize({ width: 390, height: 844 - 336 });
  await phone.composer.fill('Une ligne\nune autre\nune troisième\nune quatrième');
  for (const name of ['Envoyer', 'Priorité, tâche, transmission, plaie'])
    await expect(page.getByRole('button', { name })).toBeInViewport({ ratio: 1 });
  await expect(phone.composer).toBeInViewport({ ratio: 1 });
  await expect(page.getByRole('link', { name: 'Photographier' })).toBeInViewport({ ratio: 1 });
  await phone.composer.fill('');
  await page.setViewportSize({ width: 390, height: 844 });
});

test('rule 28: nothing jumps when a message arrives while one writes', async ({ practice }) => {
  const { phone, nurse, ids } = practice;
  const { page } = phone;
  await phone.visit(`/t/${ids.thread}`);
  await toNewest(practice);
  await phone.composer.pressSequentially('Je passe ');
  const box = await phone.composer.boundingBox();
  await phone.settled();
  await page.evaluate(() => {
    const seen = { shift: 0 };
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries() as (PerformanceEntry & { value: number })[])
        seen.shift += entry.value;
    }).observe({ type: 'layout-shift' });
    Object.assign(window, { seen });
  });
  const text = 'Le matériel est déjà sur place.';
  await nurse.call('sendMessage', { thread: ids.thread, text, priority: 'normal', replyTo: null });
  await phone.composer.pressSequentially('vers 18 h');
  await expect(region(practice).getByText(text)).toBeInViewport();
  await phone.settled();
  await expect(phone.composer).toHaveValue('Je passe vers 18 h');
  await expect(phone.composer).toBeFocused();
  expect(await phone.composer.boundingBox()).toEqual(box);
  const shift = await page.evaluate(() => (window as unknown as { seen: { shift: number } }).seen.shift);
  expect(shift).toBeLessThan(0.02);
  await phone.composer.fill('');
});
