import { AGNES, Device, expect, Server, test } from './world/index.ts';
import { Releases } from './world/releases.ts';

test('a new version waits until the person takes it, and says which one it is', async ({ browser }) => {
  let server: Server | null = null;
  const releases = await Releases.before(() => server?.port ?? 0);
  server = await Server.make(releases.port);
  const agnes = new Device(await browser.newContext(), server.url);
  try {
    await agnes.enrol(server.setUpLink, AGNES);
    const { page } = agnes;
    await page.evaluate(() => navigator.serviceWorker.ready.then(() => undefined));
    const { build } = releases;
    expect(build).toMatch(/^[0-9a-f]{12}$/);
    await agnes.visit('/settings');
    await expect(page.getByText(build)).toBeVisible();

    const next = releases.release();
    const offer = page.getByRole('status').filter({ hasText: 'Nouvelle version' });
    await agnes.hide(true);
    await agnes.hide(false);
    await expect(offer).toBeVisible();

    // It is not there before it was taken, whatever is loaded again.
    await page.reload();
    await agnes.unlock();
    await expect(page.getByText(build)).toBeVisible();
    await expect(page.getByText(next)).toHaveCount(0);

    await offer.getByRole('button', { name: 'Installer' }).click();
    await agnes.unlock();
    await expect(page.getByText(next)).toBeVisible();
    await expect(offer).toBeHidden();
    const kept = await page.evaluate(() => caches.keys());
    expect(kept.filter((name) => name !== 'settings')).toEqual([`relais-${next}`]);
    expect(agnes.errors).toEqual([]);
  } finally {
    await agnes.context.close();
    await server.close();
    await releases.close();
  }
});
