import type { Plugin } from 'vite';
import { ICONS } from '../src/lib/ui/icons.ts';

const SPRITE = Object.entries(ICONS)
  .map(([name, drawing]) => `<symbol id="i-${name}" viewBox="0 0 24 24">${drawing}</symbol>`)
  .join('');

/**
 * Puts the icons into the page itself, so that none appears late, and asks for the font at once: on a
 * slow line after scripts and styles, without which nothing is shown.
 */
export function page(): Plugin {
  return {
    name: 'relais-page',
    transformIndexHtml: {
      order: 'post',
      handler(html, { bundle }) {
        const font = Object.keys(bundle ?? {}).find((file) => file.endsWith('.woff2'));
        const attrs = {
          rel: 'preload',
          as: 'font',
          type: 'font/woff2',
          href: `/${font}`,
          crossorigin: '',
          fetchpriority: 'low',
        };
        return {
          html: html.replace('<!-- icons -->', SPRITE),
          tags: font ? [{ tag: 'link', attrs, injectTo: 'head' }] : [],
        };
      },
    },
  };
}
