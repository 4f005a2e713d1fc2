/** Programs that a test starts, and ends by their own id. */
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';

const PATIENCE_MS = 10_000;

/** The path of a program, told by the environment. */
export function program(variable: string): string {
  const path = process.env[variable];
  if (!path) throw new Error(`${variable} must name a program`);
  return path;
}

export function start(path: string, args: string[]): ChildProcessWithoutNullStreams {
  const child = spawn(path, args, { stdio: 'pipe' });
  // Read, so that a full pipe never stops it.
  child.stderr.on('data', (text: Buffer) => process.env.DEBUG_E2E && process.stderr.write(text));
  return child;
}

/** Asks a program to end, and ends it if it does not. */
export async function end(child: ChildProcessWithoutNullStreams): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), PATIENCE_MS);
  await ended;
  clearTimeout(timer);
}

/** Ends a program that ends with its input. */
export async function endInput(child: ChildProcessWithoutNullStreams): Promise<void> {
  if (child.exitCode === null) {
    const ended = once(child, 'exit', { signal: AbortSignal.timeout(PATIENCE_MS) });
    child.stdin.end();
    await ended.catch(() => undefined);
  }
  await end(child);
}
