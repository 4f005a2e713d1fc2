/** A real server with a data folder of its own, on a free port of the loopback. */
import { execFileSync, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { end, program, start } from './child.ts';

const PATIENCE_MS = 20_000;

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

export class Server {
  readonly url: string;
  /** Makes the first coordinator, once. */
  readonly setUpLink: string;
  readonly port: number;
  readonly #folder: string;
  #child: ChildProcessWithoutNullStreams | null = null;

  private constructor(port: number, folder: string, seenAt: number) {
    this.port = port;
    this.#folder = folder;
    this.url = `http://localhost:${seenAt}`;
    const args = ['init', '--data', join(folder, 'data'), '--url', this.url];
    const told = execFileSync(program('RELAIS_SERVER_BIN'), args, { timeout: PATIENCE_MS }).toString();
    const link = /http\S+\/join#\S+/.exec(told)?.[0];
    if (!link) throw new Error('the server printed no link');
    this.setUpLink = link;
  }

  /** `seenAt`: the port that others know it by, if something stands between. */
  static async make(seenAt?: number): Promise<Server> {
    const folder = await mkdtemp(join(tmpdir(), 'relais-e2e-server-'));
    const port = await freePort();
    const server = new Server(port, folder, seenAt ?? port);
    await server.start();
    return server;
  }

  /** Serves the same data at the same address. */
  async start(): Promise<void> {
    const listen = `127.0.0.1:${this.port}`;
    const child = start(program('RELAIS_SERVER_BIN'), [
      'serve',
      '--data',
      join(this.#folder, 'data'),
      '--listen',
      listen,
    ]);
    this.#child = child;
    const lines = createInterface({ input: child.stdout });
    await Promise.race([
      once(lines, 'line', { signal: AbortSignal.timeout(PATIENCE_MS) }),
      once(child, 'exit').then(() => Promise.reject(new Error('the server ended'))),
    ]);
  }

  async stop(): Promise<void> {
    if (this.#child) await end(this.#child);
    this.#child = null;
  }

  /** Ends it and forgets its data. */
  async close(): Promise<void> {
    await this.stop();
    await rm(this.#folder, { recursive: true, force: true });
  }
}
