import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defineConfig } from '@playwright/test';

/** A picture of the viewfinder's, and no question about the camera. */
const FAKE_CAMERA = ['--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream'];

const phone = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true };
const desktop = { viewport: { width: 1280, height: 800 } };

export default defineConfig({
  testDir: 'tests/e2e',
  outputDir: join(tmpdir(), 'relais-e2e'),
  // Two cores are enough for a server and three devices.
  workers: 1,
  timeout: 120_000,
  expect: { timeout: 20_000 },
  forbidOnly: Boolean(process.env.CI),
  reporter: [['list']],
  use: {
    locale: 'fr-FR',
    timezoneId: 'Europe/Paris',
    reducedMotion: 'reduce',
    actionTimeout: 20_000,
    navigationTimeout: 20_000,
    screenshot: 'only-on-failure',
    launchOptions: {
      executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
      args: ['--no-sandbox', ...FAKE_CAMERA],
    },
  },
  projects: [
    // Phones of their own, by `tests/practice`: one practice for all of it.
    { name: 'rules', testDir: 'tests/rules' },
    { name: 'phone', use: phone },
    { name: 'desktop', use: desktop, testMatch: ['enrolment.spec.ts', 'tabs.spec.ts'] },
  ],
});
