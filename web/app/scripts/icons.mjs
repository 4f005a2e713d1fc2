// Draws the icons of the app from one drawing. CHROMIUM names the browser that draws them.
import { mkdirSync } from 'node:fs';
import { chromium } from '@playwright/test';

const folder = new URL('../public/icons/', import.meta.url).pathname;
const mark = (colour) =>
  `<path d="M17 40c7 0 8-16 15-16s8 16 15 16" fill="none" stroke="${colour}" stroke-width="5" stroke-linecap="round"/>` +
  `<circle cx="17" cy="40" r="5" fill="${colour}"/><circle cx="47" cy="40" r="5" fill="${colour}"/>`;

/** `radius` of the ground's corners, and the share of the side that the mark's square takes. */
function drawing({ radius, share, ground = '#0b6574', colour = '#ffffff' }) {
  const shift = 32 * (1 - share);
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64"><rect width="64" height="64" rx="${radius}" fill="${ground}"/>` +
    `<g transform="translate(${shift} ${shift}) scale(${share})">${mark(colour)}</g></svg>`
  );
}

const icons = [
  { name: 'icon-192', side: 192, radius: 14, share: 1 },
  { name: 'icon-512', side: 512, radius: 14, share: 1 },
  // The system cuts these to its own shape.
  { name: 'maskable-192', side: 192, radius: 0, share: 0.8 },
  { name: 'maskable-512', side: 512, radius: 0, share: 0.8 },
  { name: 'icon-180', side: 180, radius: 0, share: 0.9 },
  // The small one in the status bar: its shape alone counts.
  { name: 'badge-96', side: 96, radius: 0, share: 1.2, ground: 'none' },
];

mkdirSync(folder, { recursive: true });
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium' });
for (const { name, side, ...look } of icons) {
  const page = await browser.newPage({ viewport: { width: side, height: side } });
  await page.setContent(`<body style="margin:0;display:grid">${drawing(look)}</body>`);
  await page.screenshot({ path: `${folder}${name}.png`, omitBackground: true });
  await page.close();
}
await browser.close();
