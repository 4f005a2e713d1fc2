import type { Device } from './world/index.ts';
import { expect, test } from './world/index.ts';
import { practice, YVONNE_NAME } from './world/practice.ts';
import { noisyCamera } from './world/camera.ts';
import { listing, original, seen } from './world/timeline.ts';

test('the page is killed in the middle of an upload: it goes on where it was, the photo arrives once and whole', async ({
  world,
}) => {
  const { agnes, claire, thread } = await practice(world);
  await noisyCamera(claire.page);
  const held = await holdSecondPiece(claire);
  await claire.photograph('Talon gauche');
  await expect.poll(() => held.length).toBe(1);
  await expect(claire.item('Talon gauche')).toContainText(/Envoi de l’original, [1-9]\d?\s%/);

  const crashed = claire.page.waitForEvent('crash');
  const session = await claire.context.newCDPSession(claire.page);
  session.send('Page.crash').catch(() => undefined);
  await crashed;
  await claire.page.close();
  await claire.context.unrouteAll();

  const offsets: (string | null)[] = [];
  claire.context.on('request', (request) => {
    if (request.method() === 'PATCH') offsets.push(request.headers()['upload-offset'] ?? null);
  });
  await claire.open();
  await claire.unlock();
  await claire.openThread(YVONNE_NAME);
  await expect(claire.item('Talon gauche')).toContainText('Remis (1/1)');
  await expect(claire.item('Talon gauche')).not.toContainText('Envoi de l’original');
  expect(offsets).not.toHaveLength(0);
  expect(offsets).not.toContain('0');

  const jpeg = await original(agnes, thread, 'Talon gauche');
  expect([...jpeg.slice(0, 2), ...jpeg.slice(-2)]).toEqual([0xff, 0xd8, 0xff, 0xd9]);
  expect(await listing(agnes, thread)).toEqual(['photo Talon gauche']);
  await expect.poll(() => seen(claire)).toEqual(['photo Talon gauche']);
});

/** The first piece of an upload passes; those after it never come to an end. */
async function holdSecondPiece({ context }: Device): Promise<string[]> {
  const held: string[] = [];
  await context.route('**/v1/blobs/*', async (route, request) => {
    const offset = request.headers()['upload-offset'];
    if (request.method() === 'PATCH' && offset !== '0') held.push(offset ?? '');
    else await route.continue();
  });
  return held;
}
