/** The pictures of the repository's first page. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, type Browser } from '@playwright/test';
import { LOOKS, pathOf } from './album.ts';

const SHOWN = ['inbox', 'thread', 'camera', 'wound', 'cockpit'];
const WIDTH = 390;
const MOST_BYTES = 150_000;

export async function forReadme(browser: Browser, folder: string): Promise<void> {
  const page = await browser.newPage();
  try {
    for (const name of SHOWN) {
      const png = (await readFile(pathOf(LOOKS[0]!, name))).toString('base64');
      const base64 = await page.evaluate(half, { png, width: WIDTH });
      const small = Buffer.from(base64, 'base64');
      expect(small.length, name).toBeLessThan(MOST_BYTES);
      await writeFile(join(folder, `${name}.png`), small);
    }
  } finally {
    await page.close();
  }
}

/** Runs in the page. */
async function half({ png, width }: { png: string; width: number }): Promise<string> {
  const image = new Image();
  image.src = `data:image/png;base64,${png}`;
  await image.decode();
  const canvas = document.createElement('canvas');
  canvas.width = width;
  canvas.height = Math.round((width * image.height) / image.width);
  const c = canvas.getContext('2d')!;
  c.imageSmoothingQuality = 'high';
  c.drawImage(image, 0, 0, canvas.width, canvas.height);
  return canvas.toDataURL('image/png').split(',')[1]!;
}
