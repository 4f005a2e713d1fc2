import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defineConfig } from '@playwright/test';
import e2e from './playwright.config.ts';

/** What the app takes, on a slow processor and a slow line; and the engine here and native. */
export default defineConfig({
  ...e2e,
  testDir: 'tests/bench',
  outputDir: join(tmpdir(), 'relais-web-bench'),
  timeout: 1_800_000,
  projects: [
    { name: 'phone', use: { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true } },
  ],
});
