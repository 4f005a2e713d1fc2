/**
 * A browser with a profile on disk, as people have one. In a private window, which tests use elsewhere, each write
 * to a file is a message to another process.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium, type Browser, type BrowserContext } from '@playwright/test';

type Options = NonNullable<Parameters<typeof chromium.launchPersistentContext>[1]>;

export interface Profile {
  context: BrowserContext;
  browser: Browser;
  close(): Promise<void>;
}

export async function profile(options: Options): Promise<Profile> {
  const folder = await mkdtemp(join(tmpdir(), 'relais-bench-profile-'));
  const context = await chromium.launchPersistentContext(folder, options);
  const browser = context.browser();
  if (!browser) throw new Error('no browser');
  const close = async () => {
    await context.close();
    await rm(folder, { recursive: true, force: true });
  };
  return { context, browser, close };
}
