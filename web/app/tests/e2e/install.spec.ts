import { expect, test } from './world/index.ts';

test('the app can be installed, and its files are there without a network', async ({ world }) => {
  const device = await world.device();
  const page = await device.open();
  await page.evaluate(() => navigator.serviceWorker.ready.then(() => undefined));
  const session = await device.context.newCDPSession(page);
  const { installabilityErrors } = await session.send('Page.getInstallabilityErrors');
  // A private window, which a test's is, installs nothing.
  expect(installabilityErrors.filter(({ errorId }) => errorId !== 'in-incognito')).toEqual([]);
  const { data, errors } = await session.send('Page.getAppManifest');
  expect(errors).toEqual([]);
  const manifest = JSON.parse(data!) as {
    display: string;
    start_url: string;
    icons: { sizes: string; purpose?: string }[];
  };
  expect(manifest).toMatchObject({ display: 'standalone', start_url: '/' });
  expect(manifest.icons.some(({ purpose }) => purpose === 'maskable')).toBe(true);

  const asked = page.evaluate(async () => {
    const found = await caches.keys();
    const cache = await caches.open(found.find((name) => name !== 'settings')!);
    return (await cache.keys()).map(({ url }) => new URL(url).pathname);
  });
  const kept = await asked;
  expect(kept).toContain('/');
  expect(kept.filter((path) => path.endsWith('.wasm'))).toHaveLength(1);
  await device.offline(true);
  await page.reload();
  await expect(page.getByRole('heading', { level: 1 })).toBeVisible();
});
