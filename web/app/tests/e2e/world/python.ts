/** A device in Python, over the generated module that an app of that language would use. */
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { endInput, program, start } from './child.ts';

const DEVICE = fileURLToPath(new URL('../../../../../mobile-bindings/python/device.py', import.meta.url));
const PATIENCE_MS = 40_000;

export class PythonDevice {
  readonly #child: ChildProcessWithoutNullStreams = start('env', [
    `PYTHONPATH=${program('RELAIS_PYTHON_PATH')}`,
    'PYTHONDONTWRITEBYTECODE=1',
    'python3',
    DEVICE,
  ]);
  readonly #lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();

  /** One call after the other. */
  async call(name: string, args: Record<string, string> = {}): Promise<unknown> {
    this.#child.stdin.write(`${JSON.stringify({ call: name, args })}\n`);
    const late = AbortSignal.timeout(PATIENCE_MS);
    const line = await Promise.race([
      this.#lines.next(),
      once(late, 'abort').then(() => Promise.reject(new Error(`${name}: no answer`))),
    ]);
    if (line.done) throw new Error(`${name}: the device ended`);
    const answer = JSON.parse(line.value) as { result?: unknown; error?: string };
    if (answer.error !== undefined) throw new Error(`${name}: ${answer.error}`);
    return answer.result;
  }

  close(): Promise<void> {
    return endInput(this.#child);
  }
}
