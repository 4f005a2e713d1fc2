import { createHash } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { build as bundle, type Plugin, type ResolvedConfig } from 'vite';

const PAGE = 'index.html';
const PLACE = '__RELAIS_BUILD__';

/**
 * Makes the service worker once every other file is there: it holds their list, and the hash
 * over them, which the page shows too.
 */
export function serviceWorker(): Plugin {
  let config: ResolvedConfig;
  return {
    name: 'relais-service-worker',
    apply: 'build',
    enforce: 'post',
    configResolved(resolved) {
      config = resolved;
    },
    generateBundle: {
      order: 'post',
      async handler(_, files) {
        if (config.build.ssr) return;
        const page = files[PAGE];
        if (page?.type !== 'asset') return;
        const contents = new Map<string, string | Uint8Array>();
        for (const file of readdirSync(config.publicDir, { recursive: true, withFileTypes: true })) {
          const path = join(file.parentPath, file.name);
          if (file.isFile()) contents.set(path.slice(config.publicDir.length + 1), readFileSync(path));
        }
        for (const [name, file] of Object.entries(files))
          contents.set(name, file.type === 'chunk' ? file.code : file.source);

        const hash = createHash('sha256');
        for (const name of [...contents.keys()].sort())
          hash.update(`${name}\n${createHash('sha256').update(contents.get(name)!).digest('hex')}\n`);
        const version = hash.digest('hex').slice(0, 12);
        page.source = String(page.source).replace(PLACE, version);

        const paths = [...contents.keys()].sort().map((name) => (name === PAGE ? '/' : `/${name}`));
        this.emitFile({
          type: 'asset',
          fileName: 'service-worker.js',
          source: await compile(config.root, {
            FILES: JSON.stringify(paths),
            BUILD: JSON.stringify(version),
          }),
        });
      },
    },
  };
}

/** One classic script: not every browser takes modules here. */
async function compile(root: string, define: Record<string, string>): Promise<string> {
  const output = await bundle({
    configFile: false,
    root,
    publicDir: false,
    logLevel: 'error',
    define,
    build: {
      write: false,
      lib: {
        entry: 'src/service-worker/main.ts',
        formats: ['iife'],
        name: 'relais',
        fileName: 'service-worker',
      },
    },
  });
  const [first] = Array.isArray(output) ? output : [output];
  if (!first || !('output' in first)) throw new Error('the service worker was not built');
  return first.output[0].code;
}
