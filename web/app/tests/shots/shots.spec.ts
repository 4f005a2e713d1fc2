/** A picture of every screen, in every look; sheets of them and a few alone are for the repository. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { routes } from '../../src/routes.ts';
import { expect, test } from '../practice/fixture.ts';
import { GATES, walkGates } from '../screens/gates.ts';
import { SCREENS, walkScreens } from '../screens/screens.ts';
import { Stage, type Language } from '../screens/stage.ts';
import { contactSheet, LOOKS, photograph } from './album.ts';
import { forReadme } from './readme.ts';

const DOCS = new URL('../../../../docs/screens/', import.meta.url).pathname;
const NAMES = [...GATES, ...SCREENS].map(({ name }) => name);
const SHEETS = ['fr-390-light', 'fr-390-dark', 'fr-320-light'];
const MOST_BYTES = 600_000;

test('every route has a picture of its own', () => {
  const shown = new Set<string>(SCREENS.map(({ route }) => route));
  expect(Object.keys(routes).filter((route) => !shown.has(route))).toEqual([]);
  expect(new Set(NAMES).size).toBe(NAMES.length);
});

for (const language of ['fr', 'en'] satisfies Language[])
  test(`pictures of every screen, ${language}`, async ({ practice, browser }) => {
    const { phone, ids } = practice;
    await phone.speak(language);
    const picture = (at: Stage, { name }: { name: string }) =>
      test.step(name, () => photograph(at.page, language, name, () => at.phone.settled()));
    const failed = [
      ...(await walkScreens(new Stage(phone, language, ids), picture)),
      ...(await walkGates(browser, practice, language, picture)),
    ];
    expect(failed).toEqual([]);
    expect(phone.errors).toEqual([]);
  });

test('sheets and single pictures', async ({ browser }) => {
  await mkdir(DOCS, { recursive: true });
  for (const look of LOOKS.filter(({ name }) => SHEETS.includes(name))) {
    const sheet = await contactSheet(browser, { names: NAMES, look, columns: 12, width: 150, quality: 0.7 });
    expect(sheet.length).toBeLessThan(MOST_BYTES);
    await writeFile(join(DOCS, `${look.name}.webp`), sheet);
  }
  await forReadme(browser, DOCS);
});
