import type { CDPSession } from '@playwright/test';
import { expect, test } from './world/index.ts';
import { practice, YVONNE_NAME } from './world/practice.ts';

/** The registration of the app's service worker, as the browser counts it. */
async function registration(session: CDPSession): Promise<string> {
  const told = new Promise<string>((resolve) =>
    session.on('ServiceWorker.workerRegistrationUpdated', ({ registrations }) => {
      const found = registrations.find(({ isDeleted }) => !isDeleted);
      if (found) resolve(found.registrationId);
    }),
  );
  await session.send('ServiceWorker.enable');
  return told;
}

// proves: S3
test('a push to a service worker that sleeps shows a generic text', async ({ world }) => {
  const { claire, thread } = await practice(world);
  const { page } = claire;
  const origin = new URL(page.url()).origin;
  await claire.context.grantPermissions(['notifications'], { origin });
  await page.evaluate(() => navigator.serviceWorker.ready.then(() => undefined));
  const session = await claire.context.newCDPSession(page);
  const registrationId = await registration(session);
  const shown = () =>
    page.evaluate(async () => {
      const { active } = await navigator.serviceWorker.ready;
      const found = await (await navigator.serviceWorker.ready).getNotifications();
      return found.map(({ title, body, tag, data }) => ({ title, body, tag, data, state: active?.state }));
    });

  for (const [push, body] of [
    [{ thread, patient: YVONNE_NAME }, 'Nouveau message'],
    [{ thread, urgent: true, title: YVONNE_NAME, body: 'Plaie infectée' }, 'Message urgent'],
  ] as const) {
    await session.send('ServiceWorker.stopAllWorkers');
    await session.send('ServiceWorker.deliverPushMessage', {
      origin,
      registrationId,
      data: JSON.stringify(push),
    });
    await expect
      .poll(shown)
      .toEqual([{ title: 'Relais', body, tag: thread, data: { thread }, state: 'activated' }]);
  }
  const told = JSON.stringify(await shown());
  expect(told).not.toMatch(/TRÉGUIER|Yvonne|Plaie/i);
});
