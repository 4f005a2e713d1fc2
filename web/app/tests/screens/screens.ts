/** Every screen of the app, by its route; a route without a screen fails the pictures and the rules. */
import type { RouteName } from '../../src/routes.ts';
import { SIZES } from '../practice/phone.ts';
import type { Ids } from '../practice/practice.ts';
import { PRACTICE } from './practice.ts';
import type { Stage } from './stage.ts';
import { THREADS } from './threads.ts';
import { WOUNDS } from './wounds.ts';

export interface Screen {
  /** Of its picture, and in what a rule says of it. */
  name: string;
  route: RouteName;
  path: (ids: Ids) => string;
  /** From the path to what is shown. */
  show?: (stage: Stage) => Promise<void>;
  /** What it leaves behind is taken back. */
  after?: (stage: Stage) => Promise<void>;
}

export const SCREENS: readonly Screen[] = [...THREADS, ...WOUNDS, ...PRACTICE];

/** A screen that does not come is waited for; so many of them are enough to know. */
const MOST_FAILED = 5;

/** Opens a screen, and tells once nothing moves any more. */
async function open(stage: Stage, screen: Screen): Promise<void> {
  await stage.phone.visit(screen.path(stage.ids));
  await screen.show?.(stage);
  await stage.phone.settled();
}

async function leave(stage: Stage, screen: Screen): Promise<void> {
  await stage.clear();
  await screen.after?.(stage);
}

/** As it was before the first screen. */
async function startOver({ phone }: Stage): Promise<void> {
  await phone.offline(false);
  await phone.page.setViewportSize(SIZES.phone);
  await phone.page.emulateMedia({ colorScheme: 'light' });
  await phone.load('/');
}

/** Stops at every screen; gives those that could not be shown. After each of these the app starts over. */
export async function walkScreens(
  stage: Stage,
  at: (stage: Stage, screen: Screen) => Promise<void>,
): Promise<string[]> {
  const failed: string[] = [];
  for (const screen of SCREENS) {
    try {
      await open(stage, screen);
      await at(stage, screen);
      await leave(stage, screen);
    } catch (error) {
      failed.push(`${screen.name} (${stage.language}): ${String(error)}`);
      if (failed.length === MOST_FAILED) return [...failed, 'the walk ends here'];
      await startOver(stage);
    }
  }
  return failed;
}
