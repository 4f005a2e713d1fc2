/** Pictures on disk, and many of them on one sheet. */
import { mkdir, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from '@playwright/test';
import { SIZES } from '../practice/phone.ts';
import type { Language } from '../screens/stage.ts';

export interface Look {
  name: string;
  language: Language;
  size: keyof typeof SIZES;
  theme: 'light' | 'dark';
}

export const LOOKS: readonly Look[] = [
  { name: 'fr-390-light', language: 'fr', size: 'phone', theme: 'light' },
  { name: 'fr-390-dark', language: 'fr', size: 'phone', theme: 'dark' },
  { name: 'fr-320-light', language: 'fr', size: 'small', theme: 'light' },
  { name: 'fr-320-dark', language: 'fr', size: 'small', theme: 'dark' },
  { name: 'en-390-light', language: 'en', size: 'phone', theme: 'light' },
];

const FOLDER = process.env.RELAIS_SHOTS ?? join(tmpdir(), 'relais-pictures');

export const pathOf = (look: Look, name: string) => join(FOLDER, look.name, `${name}.png`);

/** The same screen in every look of a language. */
export async function photograph(
  page: Page,
  language: Language,
  name: string,
  settled: () => Promise<void>,
): Promise<void> {
  for (const look of LOOKS.filter((one) => one.language === language)) {
    await page.setViewportSize(SIZES[look.size]);
    await page.emulateMedia({ colorScheme: look.theme });
    await settled();
    await mkdir(join(FOLDER, look.name), { recursive: true });
    await page.screenshot({ path: pathOf(look, name), animations: 'disabled', caret: 'hide' });
  }
  await page.setViewportSize(SIZES.phone);
  await page.emulateMedia({ colorScheme: 'light' });
}

interface Sheet {
  names: readonly string[];
  look: Look;
  columns: number;
  /** CSS pixels of one picture. */
  width: number;
  quality: number;
}

/** A WebP of many pictures with their names, drawn on a canvas. */
export async function contactSheet(browser: Browser, sheet: Sheet): Promise<Buffer> {
  const { names, look, columns, width, quality } = sheet;
  const page = await browser.newPage();
  try {
    const pictures = await Promise.all(
      names.map(async (name) => ({ name, png: (await readFile(pathOf(look, name))).toString('base64') })),
    );
    const shape = { ...SIZES[look.size], columns, shown: width, quality, dark: look.theme === 'dark' };
    const base64 = await page.evaluate(draw, { pictures, shape });
    return Buffer.from(base64, 'base64');
  } finally {
    await page.close();
  }
}

interface Drawn {
  pictures: { name: string; png: string }[];
  shape: {
    width: number;
    height: number;
    columns: number;
    shown: number;
    quality: number;
    dark: boolean;
  };
}

/** Runs in the page. */
async function draw({ pictures, shape }: Drawn): Promise<string> {
  const { columns, shown, quality, dark } = shape;
  const [gap, label] = [16, 22];
  const tall = Math.round((shown * shape.height) / shape.width);
  const canvas = document.createElement('canvas');
  canvas.width = gap + columns * (shown + gap);
  canvas.height = gap + Math.ceil(pictures.length / columns) * (tall + label + gap);
  const c = canvas.getContext('2d')!;
  c.imageSmoothingQuality = 'high';
  c.fillStyle = dark ? '#1d262c' : '#dde4e8';
  c.fillRect(0, 0, canvas.width, canvas.height);
  c.font = '600 13px sans-serif';
  for (const [index, { name, png }] of pictures.entries()) {
    const image = new Image();
    image.src = `data:image/png;base64,${png}`;
    await image.decode();
    const x = gap + (index % columns) * (shown + gap);
    const y = gap + Math.floor(index / columns) * (tall + label + gap);
    c.fillStyle = dark ? '#c3ced5' : '#33414a';
    c.fillText(name, x, y + 12, shown);
    c.drawImage(image, x, y + label - 4, shown, tall);
  }
  return canvas.toDataURL('image/webp', quality).split(',')[1]!;
}
