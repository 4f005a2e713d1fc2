import type { HtmlTagDescriptor, Plugin, Rolldown } from 'vite';
import { ICONS } from '../src/lib/ui/icons.ts';

const SPRITE = Object.entries(ICONS)
  .map(([name, drawing]) => `<symbol id="i-${name}" viewBox="0 0 24 24">${drawing}</symbol>`)
  .join('');
/** What is shown on a device that has nothing yet. */
const FIRST = '/routes/enrol/Welcome.svelte';

type Bundle = Record<string, Rolldown.OutputChunk | Rolldown.OutputAsset>;

/** A file of scripts with those that it imports, and their styles. */
function filesOf(bundle: Bundle, file: string, found = new Set<string>()): Set<string> {
  const chunk = bundle[file];
  if (chunk?.type !== 'chunk' || found.has(file)) return found;
  found.add(file);
  chunk.viteMetadata?.importedCss.forEach((style) => found.add(style));
  for (const imported of chunk.imports) filesOf(bundle, imported, found);
  return found;
}

function preload(file: string): HtmlTagDescriptor {
  const rel = file.endsWith('.js') ? 'modulepreload' : 'preload';
  const kind = { css: { as: 'style' }, woff2: { as: 'font', type: 'font/woff2' } }[file.split('.').at(-1)!];
  return { tag: 'link', attrs: { rel, ...kind, href: `/${file}`, crossorigin: '' }, injectTo: 'head' };
}

/**
 * Puts the icons into the page itself, so that none appears late, and asks for the font and the first
 * screen at once.
 */
export function page(): Plugin {
  return {
    name: 'relais-page',
    transformIndexHtml: {
      order: 'post',
      handler(html, { bundle = {} }) {
        const files = Object.keys(bundle).filter((file) => file.endsWith('.woff2'));
        for (const [file, chunk] of Object.entries(bundle))
          if (chunk.type === 'chunk' && chunk.moduleIds.some((id) => id.endsWith(FIRST)))
            files.push(...filesOf(bundle, file));
        const missing = files.filter((file) => !html.includes(`"/${file}"`));
        return { html: html.replace('<!-- icons -->', SPRITE), tags: missing.map(preload) };
      },
    },
  };
}
