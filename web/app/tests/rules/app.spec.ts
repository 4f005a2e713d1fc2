/** Rules of the app as a whole: keyboard, offline, first frame, taps, screen reader. */
import type { Page } from '@playwright/test';
import { expect, test } from '../practice/fixture.ts';

const OFFLINE_MS = 3_000;

test.beforeEach(async ({ practice }) => {
  await practice.phone.speak('fr');
});

const focused = (page: Page) =>
  page.evaluate(() => {
    const element = document.activeElement!;
    return element.getAttribute('aria-label') ?? element.textContent?.trim().slice(0, 60) ?? '';
  });

test('rule 5: a sheet holds the focus; Esc and back close it, and the focus returns', async ({
  practice,
}) => {
  const { phone, ids } = practice;
  const { page } = phone;
  await phone.visit(`/t/${ids.thread}`);
  const more = page.getByRole('button', { name: 'Actions du fil' });
  const sheet = page.getByRole('dialog', { name: 'Actions du fil' });
  for (const close of [() => page.keyboard.press('Escape'), () => page.goBack()]) {
    await more.focus();
    await page.keyboard.press('Enter');
    await expect(sheet).toBeVisible();
    const stops = new Set<string>();
    for (let tab = 0; tab < 8; tab++) {
      await page.keyboard.press('Tab');
      const where = await page.evaluate(() => {
        const element = document.activeElement!;
        return element === document.body || element.closest('dialog[open]') !== null;
      });
      expect(where, 'the focus stays in the sheet').toBe(true);
      stops.add(await focused(page));
    }
    expect(stops.size).toBeGreaterThan(2);
    await close();
    await expect(sheet).toBeHidden();
    expect(new URL(page.url()).pathname).toBe(`/t/${ids.thread}`);
    await expect(more).toBeFocused();
  }
});

test('rule 5: what has the focus is seen, and nothing covers it', async ({ practice }) => {
  const { phone } = practice;
  const { page } = phone;
  for (const path of ['/', '/tasks', '/team', '/settings']) {
    await phone.visit(path);
    for (let tab = 0; tab < 14; tab++) {
      await page.keyboard.press('Tab');
      const told = await page.evaluate(() => {
        const element = document.activeElement as HTMLElement;
        if (element === document.body || element.matches('main, h1')) return null;
        const box = element.getBoundingClientRect();
        const [x, y] = [box.left + box.width / 2, box.top + box.height / 2];
        const over = document.elementFromPoint(x, y);
        const style = getComputedStyle(element);
        const within = element.closest('search, .box, .fld');
        const ring = style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2;
        const frame = within !== null && getComputedStyle(within).boxShadow !== 'none';
        const name = element.getAttribute('aria-label') ?? element.textContent?.trim().slice(0, 40);
        return { name, covered: !over || !element.contains(over), shown: ring || frame };
      });
      if (told) expect(told, path).toEqual({ ...told, covered: false, shown: true });
    }
  }
});

test('rule 6: what a finger draws or drags, buttons do as well', async ({ practice }) => {
  const { phone, ids } = practice;
  const { page } = phone;
  await phone.visit(`/t/${ids.thread}`);
  await page.getByRole('button', { name: 'Actions du fil' }).click();
  await phone.closeSheet();
  await expect(page.getByRole('dialog')).toHaveCount(0);

  await phone.visit(`/t/${ids.thread}/wounds/${ids.wound}`);
  const knob = page.getByRole('slider', { name: 'Déplacer la séparation' });
  const share = async () => Number(await knob.getAttribute('aria-valuenow'));
  const before = await share();
  await page.getByRole('button', { name: 'Vers la gauche' }).click();
  expect(await share()).toBeLessThan(before);
  await page.getByRole('button', { name: 'Vers la droite' }).click();
  expect(await share()).toBe(before);

  await phone.visit(`/t/${ids.thread}/camera`);
  await page.getByRole('button', { name: 'Prendre la photo' }).click();
  const photo = page.getByRole('application', { name: /Photo à envoyer/ });
  await page.getByRole('button', { name: 'Flouter' }).click();
  await page.getByRole('button', { name: 'Poser au centre' }).click();
  await expect(photo).toHaveAccessibleName(/Photo, 1 marque$/);
  await page.getByRole('button', { name: 'Annuler' }).click();
  await expect(photo).toHaveAccessibleName(/Photo, 0 marque/);
});

test('rule 12: what is offline says so within three seconds, and from a cold start', async ({ practice }) => {
  const { phone } = practice;
  const { page } = phone;
  await phone.visit('/');
  const banner = page.locator('.offline');
  await phone.offline(true);
  await expect(banner).toBeVisible({ timeout: OFFLINE_MS });
  await expect(banner).toContainText(/Dernière synchro .* Rien n’est perdu\./);
  await phone.visit('/tasks');
  await expect(banner).toBeInViewport({ ratio: 1 });
  await phone.offline(false);
  await expect(banner).toBeHidden();
});

test('rule 22: the first frame at night is dark', async ({ practice }) => {
  const { phone } = practice;
  const { page } = phone;
  await page.emulateMedia({ colorScheme: 'dark' });
  await page.addInitScript(() => {
    const frames: string[] = [];
    Object.assign(window, { frames });
    const look = () => {
      if (document.body) frames.push(getComputedStyle(document.body).backgroundColor);
      if (frames.length < 30) requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
  });
  await page.reload();
  await page.locator('.lock').waitFor();
  const frames = await page.evaluate(() => (window as unknown as { frames: string[] }).frames);
  expect(frames.length).toBeGreaterThan(0);
  for (const colour of new Set(frames)) {
    const [red, green, blue] = (/\d+, \d+, \d+/.exec(colour)?.[0] ?? '255, 255, 255').split(', ').map(Number);
    expect(red! + green! + blue!, colour).toBeLessThan(3 * 60);
  }
  await page.emulateMedia({ colorScheme: 'light' });
  await phone.unlock();
});

test('rule 25: a photo in five taps, a task ticked in two', async ({ practice }) => {
  const { phone } = practice;
  const { page } = phone;
  let taps = 0;
  const tap = async (target: ReturnType<Page['locator']>) => {
    taps += 1;
    await target.click();
  };
  await phone.visit('/');
  await tap(phone.tab('Fils'));
  await expect(page.getByRole('heading', { level: 1, name: 'Fils' })).toBeVisible();
  await tap(page.getByRole('link', { name: /Françoise FICTIVE-HÉBRARD/ }));
  await tap(page.getByRole('link', { name: 'Photographier' }));
  await tap(page.getByRole('button', { name: 'Prendre la photo' }));
  await tap(page.getByRole('button', { name: 'Envoyer à 3 personnes' }));
  await expect(page.getByRole('status').filter({ hasText: 'Photo dans le fil' })).toBeVisible();
  expect(taps).toBeLessThanOrEqual(5);

  taps = 0;
  await phone.visit('/');
  await tap(phone.tab('Tâches'));
  const tick = page.getByRole('button', { name: /Renouveler la compression veineuse/ }).first();
  await tap(tick);
  await expect(tick).toBeHidden();
  expect(taps).toBeLessThanOrEqual(2);
});

test('rule 30: from inbox to thread to answer by what a screen reader is told', async ({ practice }) => {
  const { phone } = practice;
  const { page } = phone;
  await phone.visit('/threads');
  const main = page.getByRole('main');
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Fils');
  await expect(page.getByRole('navigation', { name: 'Navigation principale' })).toBeVisible();
  await phone.visit('/');
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('À traiter');
  await expect(main.getByRole('heading', { level: 2 }).first()).toBeVisible();
  await main
    .getByRole('link', { name: /Françoise FICTIVE-HÉBRARD/ })
    .first()
    .press('Enter');
  await expect(page.getByRole('heading', { level: 1 })).toHaveText(/Françoise FICTIVE-HÉBRARD\s+88 ans/);
  await expect(page.getByRole('region', { name: 'Messages du fil' })).toBeVisible();
  const field = page.getByRole('textbox', { name: 'Message' });
  await field.focus();
  await page.keyboard.type('Je suis en route.');
  await page.keyboard.press('Tab');
  await page.keyboard.press('Tab');
  expect(await focused(page)).toBe('Envoyer');
  await page.keyboard.press('Enter');
  await expect(page.getByRole('button', { name: /Je suis en route\..*(Envoyé|Remis|Lu)/ })).toBeVisible();
  // One's own words are not read out again.
  await expect(page.getByRole('status').filter({ hasText: 'Je suis en route.' })).toHaveCount(0);
});
