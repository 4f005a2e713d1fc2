import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defineConfig } from '@playwright/test';
import e2e from './playwright.config.ts';

/** Pictures of every screen, for people to look at: `npm run screenshots`. */
export default defineConfig({
  ...e2e,
  testDir: 'tests/shots',
  outputDir: join(tmpdir(), 'relais-shots'),
  timeout: 900_000,
  projects: [{ name: 'pictures' }],
});
