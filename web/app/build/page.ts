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

const LINKS: Record<string, Record<string, string>> = {
  js: { rel: 'modulepreload' },
  // Asked for beforehand and not used, which is so on any later visit, it would be complained about.
  css: { rel: 'stylesheet' },
  woff2: { rel: 'preload', as: 'font', type: 'font/woff2' },
};

function link(file: string): HtmlTagDescriptor {
  const attrs = { ...LINKS[file.split('.').at(-1) ?? ''], href: `/${file}`, crossorigin: '' };
  return { tag: 'link', attrs, injectTo: 'head' };
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
        return { html: html.replace('<!-- icons -->', SPRITE), tags: missing.map(link) };
      },
    },
  };
}
