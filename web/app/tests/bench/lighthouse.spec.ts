/** What Lighthouse says of the first page, as a phone on a slow line gets it. */
import { chromium, expect, test } from '@playwright/test';
import lighthouse from 'lighthouse';
import { freePort, Server } from '../e2e/world/server.ts';
import { report } from './report.ts';

const CATEGORIES = ['performance', 'accessibility', 'best-practices'];

test('what Lighthouse says of the first page', async ({ launchOptions }) => {
  const server = await Server.make();
  const port = await freePort();
  const remote = `--remote-debugging-port=${port}`;
  const browser = await chromium.launch({ ...launchOptions, args: [...(launchOptions.args ?? []), remote] });
  try {
    const ran = await lighthouse(server.url, { port, onlyCategories: CATEGORIES, logLevel: 'error' });
    if (!ran) throw new Error('Lighthouse gave nothing');
    for (const [id, { score }] of Object.entries(ran.lhr.categories)) {
      report({ [`lighthouse.${id}`]: score ?? 0 });
      const bad = Object.values(ran.lhr.audits).filter(
        (audit) =>
          audit.score !== null &&
          audit.score < 1 &&
          ran.lhr.categories[id]!.auditRefs.some((ref) => ref.id === audit.id && ref.weight > 0),
      );
      for (const audit of bad) console.log(`  ${audit.id}: ${audit.displayValue ?? audit.title}`);
    }
    for (const name of [
      'first-contentful-paint',
      'largest-contentful-paint',
      'total-blocking-time',
      'total-byte-weight',
    ])
      report({ [`lighthouse.${name}`]: ran.lhr.audits[name]?.numericValue ?? Number.NaN });
    expect(ran.lhr.runtimeError).toBeUndefined();
  } finally {
    await browser.close();
    await server.close();
  }
});
