/** One practice for all tests of a worker. */
import { test as base } from '@playwright/test';
import { Server, World } from '../e2e/world/index.ts';
import { foundPractice, type Practice } from './practice.ts';

const SEED_MS = 240_000;

export const test = base.extend<object, { practice: Practice }>({
  practice: [
    async ({ browser }, use) => {
      const world = new World(browser, await Server.make());
      try {
        await use(await foundPractice(browser, world));
      } finally {
        await world.close();
      }
    },
    { scope: 'worker', timeout: SEED_MS },
  ],
});

export { expect } from '@playwright/test';
