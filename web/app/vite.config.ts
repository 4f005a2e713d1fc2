import { paraglideVitePlugin } from '@inlang/paraglide-js';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import tailwindcss from '@tailwindcss/vite';
import { defineConfig } from 'vitest/config';
import { svelteTesting } from '@testing-library/svelte/vite';
import { page } from './build/page.ts';
import { serviceWorker } from './build/service-worker.ts';

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
  },
  test: {
    environment: 'happy-dom',
    include: ['tests/unit/**/*.test.ts', 'src/**/*.test.ts'],
  },
});
