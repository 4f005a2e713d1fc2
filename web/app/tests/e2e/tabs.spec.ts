import { expect, test } from './world/index.ts';
import { practice } from './world/practice.ts';

test('one tab at a time: the other says so, and either takes over', async ({ world }) => {
  const { claire } = await practice(world);
  const first = claire.page;
  const second = await claire.open('/threads');
  const elsewhere = { name: 'Relais est ouvert ailleurs' };

  for (const [from, to] of [
    [first, second],
    [second, first],
  ] as const) {
    claire.show(to);
    await expect(to.getByRole('heading', elsewhere)).toBeVisible();
    await claire.button('Continuer ici').click();
    await claire.unlock();
    await expect(to.getByRole('heading', elsewhere)).toBeHidden();
    await expect(from.getByRole('heading', elsewhere)).toBeVisible();
    expect(from.workers().length).toBeLessThanOrEqual(1);
  }
  await claire.write('Écrit dans le premier onglet');
  await expect(claire.item('Écrit dans le premier onglet')).toContainText(/Envoyé|Remis/);
});
