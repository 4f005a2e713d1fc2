/** A native device without a screen: the same calls as the page's, by lines of JSON. */
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { expect } from '@playwright/test';
import type { Calls, Card, Invitation } from '../../../src/lib/relais/types.ts';
import { endInput, program, start } from './child.ts';

const PATIENCE_MS = 60_000;

export class Colleague {
  readonly #child: ChildProcessWithoutNullStreams = start(program('RELAIS_COLLEAGUE_BIN'), []);
  readonly #lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  #last: Promise<unknown> = Promise.resolve();

  /** Makes a call of the core. */
  async call<K extends keyof Calls>(name: K, args: Calls[K]['args']): Promise<Calls[K]['result']> {
    return (await this.#inTurn(name, args)) as Calls[K]['result'];
  }

  /** Joins with a link and waits until it is one of the practice. */
  async enrol(link: string, card: Card | null = null): Promise<void> {
    await this.call('join', { link, card });
    await expect.poll(async () => (await this.call('enrolment', {})).type).toBe('enrolled');
    await this.synced();
  }

  /** Invites somebody; the link works once the server has the invitation. */
  async invite(card: Card): Promise<Invitation> {
    const made = await this.call('invite', { card });
    await this.synced();
    return made;
  }

  /** Milliseconds of a call. */
  async timed<K extends keyof Calls>(name: K, args: Calls[K]['args']): Promise<number> {
    const start = performance.now();
    await this.call(name, args);
    return performance.now() - start;
  }

  /** Waits until everything was sent and received. */
  async synced(): Promise<void> {
    await this.#inTurn('waitUntilSynced', { timeoutMs: 30_000 });
  }

  async network(online: boolean): Promise<void> {
    await this.#inTurn('setNetwork', { online });
  }

  /** The only thread, once it is here. */
  async thread(): Promise<string> {
    await expect.poll(async () => (await this.call('threads', {})).length).toBe(1);
    return (await this.call('threads', {}))[0]!.thread;
  }

  close(): Promise<void> {
    return endInput(this.#child);
  }

  #inTurn(call: string, args: unknown): Promise<unknown> {
    const answered = this.#last.then(() => this.#ask(call, args));
    this.#last = answered.catch(() => undefined);
    return answered;
  }

  async #ask(call: string, args: unknown): Promise<unknown> {
    this.#child.stdin.write(`${JSON.stringify({ call, args }, plain)}\n`);
    const late = AbortSignal.timeout(PATIENCE_MS);
    const line = await Promise.race([
      this.#lines.next(),
      once(late, 'abort').then(() => Promise.reject(new Error(`${call}: no answer`))),
    ]);
    if (line.done) throw new Error(`${call}: the colleague ended`);
    const answer = JSON.parse(line.value) as { result?: unknown; error?: { code: string } };
    if (answer.error) throw new Error(`${call}: ${answer.error.code}`);
    if (!('result' in answer)) throw new Error(`${call}: ${line.value}`);
    return answer.result;
  }
}

/** Bytes are numbers in JSON. */
const plain = (_: string, value: unknown) => (value instanceof Uint8Array ? [...value] : value);
