/** What a hostile colleague writes, and a page that notices when any of it runs. */
import { expect, type Page } from '@playwright/test';
import type { Device } from './device.ts';

const RUN = 'hostile()';

const SHAPES = [
  `<img src=x onerror=${RUN}>`,
  `<script>${RUN}</script>`,
  `<svg onload=${RUN}>`,
  `<iframe srcdoc="<script>parent.${RUN}</script>">`,
  `<iframe src=javascript:parent.${RUN}>`,
  `<a href="javascript:${RUN}">ici</a>`,
  `javascript:${RUN}//`,
  `<details open ontoggle=${RUN}>`,
  `<input autofocus onfocus=${RUN}>`,
  `<video><source onerror=${RUN}>`,
  `<body onload=${RUN}>`,
  `<object data="javascript:${RUN}">`,
  `<embed src="javascript:${RUN}">`,
  `<base href="//hostile.invalid/">`,
  `<meta http-equiv=refresh content="0;url=javascript:${RUN}">`,
  `<style>@import "//hostile.invalid/";</style>`,
  `<link rel=stylesheet href="//hostile.invalid/">`,
  `<math><mi xlink:href="javascript:${RUN}">m</mi></math>`,
  `<template><img src=x onerror=${RUN}></template>`,
  `<noscript><p title="</noscript><img src=x onerror=${RUN}>">`,
  ` onmouseover=${RUN} autofocus onfocus=${RUN} x=`,
  `{{constructor.constructor('${RUN}')()}}`,
  `\${${RUN}}{@html '<img src=x onerror=${RUN}>'}`,
  `&lt;img src=x onerror=${RUN}&gt;`,
  `%3Cimg%20src=x%20onerror=${RUN}%3E`,
];
/** Ways out of where a text may stand. */
const BREAKS = ['', '"', "'", '">', "'>", '</textarea>', '</script>', '-->'];

export const PAYLOADS = BREAKS.flatMap((out) => SHAPES.map((shape) => out + shape));

/** A text for a field: its name, then one of the payloads that are not too long for it. */
export function hostile(field: string, most = 80): string {
  const fitting = PAYLOADS.filter((payload) => field.length + 1 + payload.length <= most);
  const sum = [...field].reduce((all, letter) => (all * 31 + letter.charCodeAt(0)) >>> 0, 7);
  return `${field} ${fitting[sum % fitting.length]}`;
}

/** Notices, on every page of a browser from now on, what runs or tries to. */
export async function watchFor(device: Device): Promise<void> {
  await device.context.addInitScript(() => {
    const seen: string[] = [];
    Object.assign(window, { seen, hostile: () => seen.push('ran') });
    document.addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI }) =>
      seen.push(`${violatedDirective} ${blockedURI}`),
    );
  });
  device.context.on('dialog', (dialog) => {
    device.errors.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
}

/** What ran, and what the browser kept from running. */
export function noticed(page: Page): Promise<string[]> {
  return page.evaluate(() => (window as unknown as { seen: string[] }).seen);
}

/** All of these texts are on the screen, and are nothing but text. */
export async function expectText(page: Page, texts: string[]): Promise<void> {
  const missing = () =>
    page.evaluate((wanted) => {
      const plain = (text: string) => text.replace(/\s+/g, ' ').toLocaleLowerCase('fr');
      const fields = [...document.querySelectorAll<HTMLInputElement>('input, textarea')];
      const shown = plain([document.body.textContent, ...fields.map(({ value }) => value)].join('\n'));
      return wanted.filter((text) => !shown.includes(plain(text)));
    }, texts);
  await expect.poll(missing).toEqual([]);
  const foreign =
    'iframe, object, embed, base, math, marquee, template, [src="x"], [href^="javascript:" i], [onerror], [onload], [onfocus]';
  await expect(page.locator(foreign)).toHaveCount(0);
  expect(await noticed(page)).toEqual([]);
  const wide = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
  expect(wide, 'the screen is wider than the phone').toBe(false);
}
