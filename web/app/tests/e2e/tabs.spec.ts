import type { Page } from '@playwright/test';
import { expect, test } from './world/index.ts';
import { practice } from './world/practice.ts';

test('one tab at a time: the other says so, and either takes over', async ({ world }) => {
  const { claire } = await practice(world);
  const first = claire.page;
  const second = await claire.open('/threads');
  const elsewhere = (page: Page) => page.getByText('Relais est ouvert ailleurs');

  for (const [from, to] of [
    [first, second],
    [second, first],
  ] as const) {
    claire.show(to);
    await expect(elsewhere(to)).toBeVisible();
    await claire.button('Continuer ici').click();
    await claire.unlock();
    await expect(elsewhere(to)).toBeHidden();
    await expect(elsewhere(from)).toBeVisible();
    expect(from.workers().length).toBeLessThanOrEqual(1);
  }
  await claire.write('Écrit dans le premier onglet');
  await expect(claire.item('Écrit dans le premier onglet')).toContainText(/Envoyé|Remis/);

  // Once the first is closed, the other goes on by itself.
  await expect(elsewhere(second)).toBeVisible();
  await first.close();
  claire.show(second);
  await claire.unlock();
  await expect(elsewhere(second)).toBeHidden();
});
