import { expect, test } from './world/index.ts';
import { practice } from './world/practice.ts';

/** Rule 25: with one hand, from the first screen. */
const MOST_TAPS = 2;

test('an urgent request is taken, and a task ticked, in two taps', async ({ world }) => {
  const { agnes, claire, thread, person } = await practice(world);
  const { page } = claire;
  const urgent = 'Fièvre à 38,5 °C, qui passe ?';
  await agnes.call('sendMessage', { thread, text: urgent, priority: 'urgent', replyTo: null });
  const task = { detail: '', owner: person, priority: 'normal', dueMs: null, about: null } as const;
  await agnes.call('createTask', { thread, new: { ...task, title: 'Commander les compresses' } });
  await claire.button('Retour').click();
  await claire.tab('À traiter').click();

  const request = page.getByRole('article').filter({ hasText: urgent });
  const taken = await claire.taps(async () => {
    await request.getByRole('button', { name: 'Je prends' }).click();
    await expect(request).toHaveCount(0);
  });
  const ticked = await claire.taps(async () => {
    await claire.tab('Tâches').click();
    await page.getByRole('button', { name: 'Cocher : Commander les compresses' }).click();
  });
  const status = async (title: string) =>
    (await agnes.call('tasks', { thread })).find((one) => one.title === title)?.status;
  await expect.poll(() => status(urgent)).toBe('taken');
  await expect.poll(() => status('Commander les compresses')).toBe('done');
  for (const taps of [taken, ticked]) {
    expect(taps).toBeGreaterThan(0);
    expect(taps).toBeLessThanOrEqual(MOST_TAPS);
  }
});
