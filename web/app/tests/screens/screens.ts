/** Every screen of the app, by its route; a route without a screen fails the pictures and the rules. */
import type { RouteName } from '../../src/routes.ts';
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

/** Opens a screen, and tells once nothing moves any more. */
export async function open(stage: Stage, screen: Screen): Promise<void> {
  await stage.phone.visit(screen.path(stage.ids));
  await screen.show?.(stage);
  await stage.phone.settled();
}

export async function leave(stage: Stage, screen: Screen): Promise<void> {
  await stage.clear();
  await screen.after?.(stage);
}
