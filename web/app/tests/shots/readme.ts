/** The pictures of the repository's first page. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, type Browser } from '@playwright/test';
import { LOOKS, pathOf } from './album.ts';

const SHOWN = ['inbox', 'thread', 'camera', 'wound', 'cockpit'];
const QUALITY = 0.85;
const MOST_BYTES = 150_000;

export async function forReadme(browser: Browser, folder: string): Promise<void> {
  const page = await browser.newPage();
  try {
    for (const name of SHOWN) {
      const png = (await readFile(pathOf(LOOKS[0]!, name))).toString('base64');
      const base64 = await page.evaluate(smaller, { png, quality: QUALITY });
      const picture = Buffer.from(base64, 'base64');
      expect(picture.length, name).toBeLessThan(MOST_BYTES);
      await writeFile(join(folder, `${name}.webp`), picture);
    }
  } finally {
    await page.close();
  }
}

/** Runs in the page: the same picture, in less room. */
async function smaller({ png, quality }: { png: string; quality: number }): Promise<string> {
  const image = new Image();
  image.src = `data:image/png;base64,${png}`;
  await image.decode();
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [image.width, image.height];
  canvas.getContext('2d')!.drawImage(image, 0, 0);
  return canvas.toDataURL('image/webp', quality).split(',')[1]!;
}
