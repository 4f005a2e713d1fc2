/** A camera's picture as a file of frames for Chromium's fake camera: large, and with grain as skin has. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser } from '@playwright/test';

/** Runs in the page. */
async function frame(): Promise<string> {
  const canvas = new OffscreenCanvas(2560, 1920);
  const context = canvas.getContext('2d', { willReadFrequently: true })!;
  const shade = context.createRadialGradient(1200, 900, 100, 1280, 960, 1600);
  shade.addColorStop(0, '#a8352f');
  shade.addColorStop(0.25, '#d9a287');
  shade.addColorStop(1, '#b07a62');
  context.fillStyle = shade;
  context.fillRect(0, 0, canvas.width, canvas.height);
  const pixels = context.getImageData(0, 0, canvas.width, canvas.height);
  let state = 1;
  for (let index = 0; index < pixels.data.length; index += 4) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const grain = ((state >>> 16) & 31) - 16;
    for (let colour = 0; colour < 3; colour++) pixels.data[index + colour]! += grain;
  }
  context.putImageData(pixels, 0, 0);
  const blob = await canvas.convertToBlob({ type: 'image/jpeg', quality: 0.9 });
  const bytes = new Uint8Array(await blob.arrayBuffer());
  let text = '';
  for (let from = 0; from < bytes.length; from += 32_768)
    text += String.fromCharCode(...bytes.subarray(from, from + 32_768));
  return btoa(text);
}

export interface Film {
  path: string;
  frameBytes: number;
  remove(): void;
}

export async function film(browser: Browser): Promise<Film> {
  const page = await browser.newPage();
  const bytes = Buffer.from(await page.evaluate(frame), 'base64');
  await page.context().close();
  const folder = mkdtempSync(join(tmpdir(), 'relais-film-'));
  const path = join(folder, 'camera.mjpeg');
  // A film of one frame ends before it was seen.
  writeFileSync(path, Buffer.concat(Array.from({ length: 8 }, () => bytes)));
  return { path, frameBytes: bytes.length, remove: () => rmSync(folder, { recursive: true }) };
}
