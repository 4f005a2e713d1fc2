import { expect, test } from './world/index.ts';
import { practice } from './world/practice.ts';
import { listing } from './world/timeline.ts';

test('a server that restarts: everybody comes back by themselves, nothing is lost or doubled', async ({
  world,
}) => {
  const { agnes, claire, thread } = await practice(world);
  await claire.write('Avant');
  await expect(claire.item('Avant')).toContainText('Remis');

  claire.networkFails = true;
  await world.server.stop();
  await claire.write('Pendant');
  await agnes.call('sendMessage', { thread, text: 'Du natif', priority: 'normal', replyTo: null });
  await expect(claire.item('Pendant')).toContainText('En attente');
  await expect(claire.page.getByText('Hors ligne').first()).toBeVisible();

  await world.server.start();
  await expect(claire.item('Pendant')).toContainText('Remis', { timeout: 60_000 });
  await expect(claire.item('Du natif')).toBeVisible();
  await expect(claire.page.getByText('Hors ligne')).toHaveCount(0);
  await claire.write('Après');
  await expect(claire.item('Après')).toContainText('Remis');

  const known = await listing(agnes, thread);
  expect(known.filter((text) => text !== 'Du natif')).toEqual(['Avant', 'Pendant', 'Après']);
  expect(known).toHaveLength(4);
  for (const text of known) await expect(claire.item(text)).toHaveCount(1);
});
