import { paraglideVitePlugin } from '@inlang/paraglide-js';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import tailwindcss from '@tailwindcss/vite';
import { defineConfig } from 'vitest/config';
import { svelteTesting } from '@testing-library/svelte/vite';
import { page } from './build/page.ts';
import { serviceWorker } from './build/service-worker.ts';

/** Less than this is put to what nearly the same screens share. */
const SHARED_BYTES = 30_000;

/** Without the list of those who share it. */
const short = (name = 'file') => name.replace(/~.*|\.\w+$/, '');

export default defineConfig({
  plugins: [
    paraglideVitePlugin({
      project: './project.inlang',
      outdir: './src/paraglide',
      outputStructure: 'message-modules',
      strategy: ['globalVariable', 'baseLocale'],
      emitTsDeclarations: true,
      isServer: 'false',
    }),
    tailwindcss(),
    svelte(),
    svelteTesting(),
    page(),
    serviceWorker(),
  ],
  resolve: {
    alias: {
      $lib: new URL('./src/lib', import.meta.url).pathname,
      $messages: new URL('./src/paraglide/messages.js', import.meta.url).pathname,
    },
  },
  worker: { format: 'es' },
  build: {
    target: ['chrome116', 'safari16.4', 'firefox119'],
    modulePreload: { polyfill: false },
    // The content security policy allows no data: font, script or style.
    assetsInlineLimit: 0,
    rolldownOptions: {
      output: {
        chunkFileNames: ({ name }) => `assets/${short(name)}-[hash].js`,
        assetFileNames: ({ names: [name] }) => `assets/${short(name)}-[hash][extname]`,
        codeSplitting: {
          groups: [
            { name: 'start', tags: ['$initial'], priority: 1 },
            // What screens share, by which of them: a file of its own for each message and button would
            // cost a screen dozens of requests.
            {
              name: 'shared',
              minShareCount: 2,
              entriesAware: true,
              entriesAwareMergeThreshold: SHARED_BYTES,
            },
          ],
        },
      },
    },
  },
  test: {
    environment: 'happy-dom',
    include: ['tests/unit/**/*.test.ts', 'src/**/*.test.ts'],
  },
});
