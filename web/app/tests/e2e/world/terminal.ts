/** A device of the command line: each command opens its profile, acts, and ends. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { program } from './child.ts';

const PATIENCE_MS = 40_000;
const run = promisify(execFile);

type Item = { seq: number | null; kind: string } & Record<string, string>;

export class Terminal {
  readonly #profile: string;

  private constructor(profile: string) {
    this.#profile = profile;
  }

  static async make(): Promise<Terminal> {
    return new Terminal(await mkdtemp(join(tmpdir(), 'relais-e2e-terminal-')));
  }

  /** Runs a command, and gives what it prints. */
  async run(...words: string[]): Promise<Record<string, unknown>> {
    const all = ['--profile', this.#profile, '--json', ...words];
    const { stdout } = await run(program('RELAIS_CLI_BIN'), all, { timeout: PATIENCE_MS });
    return JSON.parse(stdout) as Record<string, unknown>;
  }

  /** A thread as its own listing has it, in the words of `listing`. */
  async listing(thread: string): Promise<string[]> {
    const { items } = (await this.run('thread', 'show', thread)) as { items: Item[] };
    const created = items.filter(({ kind }) => kind === 'task_created');
    const titles = new Map(created.map(({ task, title }) => [task, title]));
    return items
      .filter(({ seq }) => seq !== null)
      .flatMap((item) => {
        switch (item.kind) {
          case 'message':
            return [item.text!];
          case 'photo':
            return [`photo ${item.caption}`.trim()];
          case 'task_created':
            return [`task ${item.title}`];
          case 'task_changed':
            return [`${item.change} ${titles.get(item.task)}`];
          case 'handover_note':
            return [`handover ${item.request}`];
          case 'handover_acknowledged':
            return ['acknowledged'];
          default:
            return [];
        }
      });
  }

  async close(): Promise<void> {
    await rm(this.#profile, { recursive: true, force: true });
  }
}
