/** Looks at every screen once, in each theme, size and language, and keeps what breaks a rule. */
import { AxeBuilder } from '@axe-core/playwright';
import type { Browser } from '@playwright/test';
import { SIZES } from '../practice/phone.ts';
import type { Practice } from '../practice/practice.ts';
import { walkGates } from '../screens/gates.ts';
import { walkScreens } from '../screens/screens.ts';
import { Stage, type Language } from '../screens/stage.ts';
import * as measure from './measure.ts';

const NOTHING = {
  /** A screen could not be shown. */
  shown: [] as string[],
  targets: [] as string[],
  reach: [] as string[],
  axe: [] as string[],
  outline: [] as string[],
  reading: [] as string[],
  narrow: [] as string[],
  wide: [] as string[],
  colour: [] as string[],
  large: [] as string[],
  long: [] as string[],
};
export type Findings = typeof NOTHING;

/** Twice the letters, as somebody sets it in their browser. */
const LARGE = '200%';

/** At night only the colours are others. */
async function axe(stage: Stage, theme: 'light' | 'dark'): Promise<string[]> {
  const builder = new AxeBuilder({ page: stage.page });
  const { violations } = await (theme === 'dark' ? builder.withRules('color-contrast') : builder).analyze();
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(
      ({ target, failureSummary }) =>
        `${id}: ${target.join(' ')} ${failureSummary?.split('\n').at(1)?.trim() ?? ''}`,
    ),
  );
}

async function look(stage: Stage, name: string, findings: Findings): Promise<void> {
  const { page, language, phone } = stage;
  const note = (rule: keyof Findings, found: string[]) => {
    findings[rule].push(...found.map((one) => `${name} (${language}): ${one}`));
  };

  note('outline', await page.evaluate(measure.badOutline, language));
  note('reading', await page.evaluate(measure.hardToRead));
  await page.evaluate(measure.lengthen);
  await phone.settled();
  note('long', await page.evaluate(measure.cutText));
  await page.evaluate(measure.shorten);
  // Colours are the same in both languages: each looks at one theme.
  if (language === 'en') return note('axe', await axe(stage, 'light'));

  note('targets', await page.evaluate(measure.smallOrCloseTargets));
  note('targets', await page.evaluate(measure.smallChiefActs));
  note('reach', await page.evaluate(measure.highActs));
  note('colour', await page.evaluate(measure.colourAlone));
  await page.emulateMedia({ colorScheme: 'dark' });
  await phone.settled();
  note('axe', await axe(stage, 'dark'));
  await page.emulateMedia({ colorScheme: 'light' });
  await page.evaluate((size) => (document.documentElement.style.fontSize = size), LARGE);
  await phone.settled();
  note('large', await page.evaluate(measure.cutText));
  await page.evaluate(() => (document.documentElement.style.fontSize = ''));
  await page.setViewportSize(SIZES.small);
  await phone.settled();
  note('narrow', await page.evaluate(measure.cutText));
  note('targets', await page.evaluate(measure.smallOrCloseTargets));
  await page.setViewportSize(SIZES.tablet);
  await phone.settled();
  note('wide', await page.evaluate(measure.cutText));
  await page.setViewportSize(SIZES.phone);
}

export async function walk(browser: Browser, practice: Practice): Promise<Findings> {
  const findings = structuredClone(NOTHING);
  const { phone, ids } = practice;
  const at = (stage: Stage, { name }: { name: string }) => look(stage, name, findings);
  for (const language of ['en', 'fr'] satisfies Language[]) {
    await phone.speak(language);
    findings.shown.push(
      ...(await walkScreens(new Stage(phone, language, ids), at)),
      ...(await walkGates(browser, practice, language, at)),
    );
  }
  return findings;
}
