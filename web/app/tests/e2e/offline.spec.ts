import { expect, test } from './world/index.ts';
import { practice, YVONNE_NAME } from './world/practice.ts';
import { listing, original, seen } from './world/timeline.ts';

/** Rule 12. */
const BANNER_MS = 3_000;

test('offline: what is written and photographed waits, survives, and leaves in order, once', async ({
  world,
}) => {
  const { agnes, claire, thread } = await practice(world);
  await claire.page.evaluate(() => navigator.serviceWorker.ready.then(() => undefined));
  await claire.write('Avant');
  await expect(claire.item('Avant')).toContainText('Remis');
  const banner = () => claire.page.getByText('Hors ligne', { exact: true }).first();

  await claire.offline(true);
  await expect(banner()).toBeVisible({ timeout: BANNER_MS });
  await claire.write('Pendant');
  await claire.photograph('Sans réseau');
  await claire.write('Après la photo');
  const written = ['Pendant', 'Sans réseau', 'Après la photo'];
  for (const text of written) await expect(claire.item(text)).toContainText('En attente');
  await claire.composer.fill('Brouillon à finir');

  // The service worker serves the app; nothing was only in memory.
  await claire.hide(true);
  await claire.page.reload();
  await claire.unlock();
  await expect(banner()).toBeVisible({ timeout: BANNER_MS });
  await expect(claire.composer).toHaveValue('Brouillon à finir');
  for (const text of written) await expect(claire.item(text)).toContainText('En attente');

  // A cold start says when it last heard of the others.
  await claire.page.close();
  await claire.open();
  await claire.unlock();
  await expect(banner()).toBeVisible({ timeout: BANNER_MS });
  await expect(claire.page.getByText(/Dernière synchro à \d+\sh\s\d+/)).toBeVisible();
  await claire.openThread(YVONNE_NAME);
  for (const text of written) await expect(claire.item(text)).toContainText('En attente');

  await agnes.call('sendMessage', { thread, text: 'Du bureau', priority: 'normal', replyTo: null });
  await claire.offline(false);
  for (const text of written) await expect(claire.item(text)).toContainText('Remis');
  await expect(banner()).toBeHidden();
  await expect(claire.item('Du bureau')).toBeVisible();
  await expect(claire.composer).toHaveValue('Brouillon à finir');

  const own = ['Avant', 'Pendant', 'photo Sans réseau', 'Après la photo'];
  await expect
    .poll(async () => (await listing(agnes, thread)).filter((text) => text !== 'Du bureau'))
    .toEqual(own);
  expect(await original(agnes, thread, 'Sans réseau')).not.toHaveLength(0);
  await expect.poll(() => seen(claire)).toEqual(await listing(agnes, thread));
});
