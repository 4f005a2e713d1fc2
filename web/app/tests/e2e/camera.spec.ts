import type { Browser } from '@playwright/test';
import { noisyCamera } from './world/camera.ts';
import type { Device } from './world/index.ts';
import { expect, test } from './world/index.ts';
import { practice } from './world/practice.ts';
import { original } from './world/timeline.ts';

/** Rule 25: from the open thread to a photo that is sent. */
const MOST_TAPS = 5;
/** Between neighbours in noise; between neighbours in what was made unreadable. */
const [NOISE, EVEN] = [20, 4];

/** Markers of the segments of a JPEG, up to the picture itself. */
function segments(jpeg: Uint8Array): number[] {
  const found: number[] = [];
  const bytes = Buffer.from(jpeg);
  for (let at = 2; at < bytes.length && bytes[at] === 0xff; at += 2 + bytes.readUInt16BE(at + 2)) {
    found.push(bytes[at + 1]!);
    if (bytes[at + 1] === 0xda) return found;
  }
  throw new Error('not a JPEG');
}

/** APP1 to APP15 and comments: where a position, a camera or a name would be. */
const tells = (marker: number) => (marker > 0xe0 && marker <= 0xef) || marker === 0xfe;

test('a photo is sent in five taps at most, without metadata, and cannot be downloaded', async ({
  world,
}) => {
  const { agnes, claire, thread } = await practice(world);
  const { page } = claire;
  const taps = await claire.taps(async () => {
    await claire.takePhoto();
    await expectNoDownload(claire);
    await claire.sendPhoto();
  });
  expect(taps).toBeGreaterThan(0);
  expect(taps).toBeLessThanOrEqual(MOST_TAPS);

  await claire.page.getByRole('button', { name: 'Agrandir : Photo' }).click();
  await expect(page.getByText('Original affiché')).toBeVisible();
  await expectNoDownload(claire);

  const jpeg = await original(agnes, thread, '');
  expect(segments(jpeg).filter(tells)).toEqual([]);
  const exif = Uint8Array.from([0xff, 0xd8, 0xff, 0xe1, 0, 4, 0, 0, ...jpeg.slice(2)]);
  expect(segments(exif).filter(tells)).toEqual([0xe1]);
});

test('what is blurred is not in the pixels that leave', async ({ browser, world }) => {
  const { agnes, claire, thread } = await practice(world);
  await noisyCamera(claire.page);
  await claire.takePhoto();
  await claire.button('Flouter').click();
  const pad = claire.page.getByRole('application', { name: 'Photo à envoyer' });
  const box = (await pad.boundingBox())!;
  const at = (x: number, y: number) => [box.x + box.width * x, box.y + box.height * y] as const;
  const { mouse } = claire.page;
  await mouse.move(...at(0.4, 0.4));
  await mouse.down();
  await mouse.move(...at(0.6, 0.6), { steps: 4 });
  await mouse.up();
  await expect(claire.button('Annuler')).toBeVisible();
  await claire.sendPhoto();

  const jpeg = await original(agnes, thread, '');
  const [inside, outside] = await roughness(browser, jpeg);
  expect(outside).toBeGreaterThan(NOISE);
  expect(inside).toBeLessThan(EVEN);
});

/** Nothing on the screen gives the picture to a folder of the phone. */
async function expectNoDownload({ page }: Device): Promise<void> {
  await expect(page.locator('a[download], a[href^="blob:"], a[href^="data:"]')).toHaveCount(0);
}

/** How much neighbours differ, in the middle of a picture and in its upper tenth. */
async function roughness(browser: Browser, jpeg: Uint8Array): Promise<[number, number]> {
  const page = await browser.newPage();
  try {
    const base64 = Buffer.from(jpeg).toString('base64');
    return await page.evaluate(async (base64) => {
      const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
      const bitmap = await createImageBitmap(new Blob([bytes], { type: 'image/jpeg' }));
      const { width, height } = bitmap;
      const context = new OffscreenCanvas(width, height).getContext('2d')!;
      context.drawImage(bitmap, 0, 0);
      const rough = (x: number, y: number, w: number, h: number) => {
        const { data } = context.getImageData(x * width, y * height, w * width, h * height);
        let sum = 0;
        for (let at = 4; at < data.length; at += 4) sum += Math.abs(data[at]! - data[at - 4]!);
        return sum / (data.length / 4 - 1);
      };
      return [rough(0.47, 0.47, 0.06, 0.06), rough(0.2, 0.02, 0.6, 0.1)] as [number, number];
    }, base64);
  } finally {
    await page.context().close();
  }
}
