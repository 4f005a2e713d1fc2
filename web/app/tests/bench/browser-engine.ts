/** The engine's worker without the app around it, asked from a bare page of the server's. */
import { expect, type BrowserContext, type Page } from '@playwright/test';
import type { Answer } from '../../src/worker/protocol.ts';
import type { Calls, Card } from '../../src/lib/relais/types.ts';

const PIN = '294718';

/** Runs in the page. */
function start(script: string): void {
  const worker = new Worker(script, { type: 'module' });
  const waiting = new Map<number, (answer: unknown) => void>();
  let asked = 0;
  worker.onmessage = ({ data }: MessageEvent<Answer>) => {
    if ('id' in data) waiting.get(data.id)?.('result' in data ? { result: data.result } : data);
  };
  const ask = (call: string, args: unknown) =>
    new Promise((answered) => {
      waiting.set(++asked, answered);
      worker.postMessage({ id: asked, call, args });
    });
  const time = async (call: string, args: unknown) => {
    const start = performance.now();
    await ask(call, args);
    return performance.now() - start;
  };
  Object.assign(window, { ask, time, tell: (told: unknown) => worker.postMessage(told) });
}

declare const ask: (call: string, args: unknown) => Promise<{ result?: unknown; error?: { code: string } }>;
declare const time: (call: string, args: unknown) => Promise<number>;
declare const tell: (told: unknown) => void;

export class BrowserEngine {
  readonly #page: Page;
  readonly #script: string;

  private constructor(page: Page, script: string) {
    this.#page = page;
    this.#script = script;
  }

  /** The context must let scripts start that are not the app's, and no service worker. */
  static async open(context: BrowserContext, url: string): Promise<BrowserEngine> {
    const page = await context.newPage();
    const script = page.waitForRequest((request) => /\/assets\/main-[^/]+\.js$/.test(request.url()));
    await page.goto(url);
    const worker = (await script).url();
    await page.goto(new URL('/manifest.webmanifest', url).href);
    await page.evaluate(start, worker);
    return new BrowserEngine(page, worker);
  }

  async call<K extends keyof Calls>(name: K, args: Calls[K]['args']): Promise<Calls[K]['result']> {
    return (await this.#ask(name, args)) as Calls[K]['result'];
  }

  /** Milliseconds of a call, as the page sees them. */
  async timed<K extends keyof Calls>(name: K, args: Calls[K]['args']): Promise<number> {
    return this.#page.evaluate(([name, args]) => time(name, args), [name, args] as const);
  }

  /** Milliseconds in which a new worker opens the database with the code. */
  async reopen(): Promise<number> {
    await this.#page.reload();
    await this.#page.evaluate(start, this.#script);
    await this.#page.evaluate(() => ask('vault.status', {}));
    return this.#page.evaluate((pin) => time('vault.unlock', { pin }), PIN);
  }

  async enrol(link: string, card: Card | null = null): Promise<void> {
    await this.#ask('vault.create', { pin: PIN });
    await this.call('join', { link, card });
    await expect.poll(async () => (await this.call('enrolment', {})).type).toBe('enrolled');
    await this.synced();
  }

  async synced(): Promise<void> {
    const state = async () => {
      const { caughtUp, waiting, transfers } = await this.call('syncState', {});
      return { caughtUp, waiting, transfers };
    };
    const done = { caughtUp: true, waiting: 0, transfers: 0 };
    await expect.poll(state, { timeout: 60_000 }).toEqual(done);
  }

  async network(online: boolean): Promise<void> {
    await this.#page.evaluate((network) => tell({ network }), online);
  }

  async #ask(call: string, args: unknown): Promise<unknown> {
    const answer = await this.#page.evaluate(([call, args]) => ask(call, args), [call, args] as const);
    if (answer.error) throw new Error(`${call}: ${answer.error.code}`);
    return answer.result;
  }
}
