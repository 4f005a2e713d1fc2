import { expect, test } from './world/index.ts';
import { practice } from './world/practice.ts';

// proves: S5
test('a wipe works without a network: no key, no database, nothing that opens', async ({ world }) => {
  const { claire } = await practice(world);
  const { page } = claire;
  await page.evaluate(() => navigator.serviceWorker.ready.then(() => undefined));
  await page.goto(new URL('/settings/wipe', page.url()).href);
  await claire.unlock();
  await claire.offline(true);
  await claire.button('Effacer maintenant').first().click();
  await page.getByRole('dialog').getByRole('button', { name: 'Effacer maintenant' }).click();
  const welcome = page.getByRole('button', { name: 'Scanner une invitation' });
  await expect(welcome).toBeVisible();

  const left = await page.evaluate(async () => {
    const files: string[] = [];
    for await (const name of (await navigator.storage.getDirectory()).keys()) files.push(name);
    const request = indexedDB.open('relais-vault');
    const keys = await new Promise<unknown[]>((resolve, reject) => {
      request.onerror = () => reject(new Error('storage'));
      request.onsuccess = () => {
        const all = request.result.transaction('vault').objectStore('vault').getAll();
        all.onsuccess = () => resolve(all.result);
      };
    });
    return { files, keys };
  });
  expect(left).toEqual({ files: [], keys: [] });
  await page.reload();
  await expect(welcome).toBeVisible();
  await claire.offline(false);
  await page.reload();
  await expect(welcome).toBeVisible();
});
