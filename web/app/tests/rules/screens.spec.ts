/** The rules that hold on every screen, looked at in one walk. */
import { expect, test as base } from '../practice/fixture.ts';
import { walk, type Findings } from './walk.ts';

const WALK_MS = 420_000;

const test = base.extend<object, { findings: Findings }>({
  findings: [
    async ({ browser, practice }, use) => {
      await use(await walk(browser, practice));
    },
    { scope: 'worker', timeout: WALK_MS },
  ],
});

test('every screen can be shown', ({ findings }) => {
  expect(findings.shown).toEqual([]);
});

test('rule 1: targets are 48 px and 8 px apart, what matters most is 56 px', ({ findings }) => {
  expect(findings.targets).toEqual([]);
});

test('rule 2: what one does next is in the lower half', ({ findings }) => {
  expect(findings.reach).toEqual([]);
});

test('rules 3 and 8: axe finds nothing, light in English, dark in French', ({ findings }) => {
  expect(findings.axe).toEqual([]);
});

test('rule 7: letters in fields, zoom, reduced motion', ({ findings }) => {
  expect(findings.reading).toEqual([]);
});

test('rules 7 and 24: nothing is cut at 320 px, with long names', ({ findings }) => {
  expect(findings.narrow).toEqual([]);
});

test('rule 7: nothing is cut with text of 200 %', ({ findings }) => {
  expect(findings.large).toEqual([]);
});

test('rule 8: language, one first heading, one main part', ({ findings }) => {
  expect(findings.outline).toEqual([]);
});

test('rule 29: nothing is cut when every text is 40 % longer', ({ findings }) => {
  expect(findings.long).toEqual([]);
});
