/** The rules that hold on every screen, looked at in one walk. */
import { expect, test } from '../practice/fixture.ts';
import { walk, type Findings } from './walk.ts';

const WALK_MS = 420_000;

const RULES: Record<keyof Findings, string> = {
  shown: 'every screen can be shown',
  targets: 'rule 1: targets are 48 px and 8 px apart, what matters most is 56 px',
  reach: 'rule 2: what one does next is in the lower half',
  colour: 'rule 4: nothing is said by a colour alone',
  axe: 'rules 3 and 8: axe finds nothing, its colours not at night either',
  reading: 'rule 7: letters in fields, zoom, reduced motion',
  large: 'rule 7: nothing is cut with text of 200 %',
  narrow: 'rules 7 and 24: nothing is cut at 320 px, with long names',
  wide: 'rule 24: nothing is cut at 768 px',
  outline: 'rule 8: language, one first heading, one main part',
  long: 'rule 29: nothing is cut when every text is 40 % longer',
};

// One test: one that fails is followed by a new practice, and the walk is long.
test('rules 1, 2, 3, 4, 7, 8, 24 and 29 hold on every screen', async ({ browser, practice }) => {
  test.setTimeout(WALK_MS);
  const findings = await walk(browser, practice);
  for (const [rule, words] of Object.entries(RULES))
    expect.soft(findings[rule as keyof Findings], words).toEqual([]);
});
