/** Stands in front of a server, and after `release` answers as its next release would: the files of another build. */
import { once } from 'node:events';
import { createServer, request, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';

const HOST = '127.0.0.1';
/** The page names the build, and the service worker keeps its files under that name. */
const NAMING = ['/', '/service-worker.js'];
const BUILD = /name="relais-build" content="([0-9a-f]{12})"/;

export class Releases {
  readonly #server: Server;
  readonly #sockets = new Set<Duplex>();
  readonly #port: () => number;
  readonly port: number;
  /** The build that the server has, once its page was asked for. */
  build = '';
  next: string | null = null;

  private constructor(server: Server, port: () => number) {
    this.#server = server;
    this.#port = port;
    this.port = (server.address() as AddressInfo).port;
    server.on('connection', (socket: Socket) => this.#sockets.add(socket));
    server.on('request', (asked, answer) => this.#carry(asked, answer));
    server.on('upgrade', (asked: IncomingMessage, near: Duplex) => this.#join(asked, near));
  }

  static async before(port: () => number): Promise<Releases> {
    const server = createServer().listen(0, HOST);
    await once(server, 'listening');
    return new Releases(server, port);
  }

  /** From now on there is another build. */
  release(): string {
    this.next = [...this.build].reverse().join('');
    return this.next;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #carry(asked: IncomingMessage, answer: ServerResponse): void {
    const named = NAMING.includes(asked.url ?? '');
    const headers = { ...asked.headers };
    if (named) {
      headers['accept-encoding'] = 'identity';
      delete headers['if-none-match'];
    }
    const far = request({ host: HOST, port: this.#port(), method: asked.method, path: asked.url, headers });
    far.on('error', () => answer.destroy());
    far.on('response', (response) => {
      if (!named) {
        answer.writeHead(response.statusCode ?? 502, response.headers);
        response.pipe(answer);
        return;
      }
      const parts: Buffer[] = [];
      response.on('data', (part: Buffer) => parts.push(part));
      response.on('end', () => {
        const body = this.#named(Buffer.concat(parts).toString());
        const length = String(Buffer.byteLength(body));
        answer.writeHead(response.statusCode ?? 502, { ...response.headers, 'content-length': length });
        answer.end(body);
      });
    });
    asked.pipe(far);
  }

  #named(body: string): string {
    this.build ||= BUILD.exec(body)?.[1] ?? '';
    return this.next && this.build ? body.replaceAll(this.build, this.next) : body;
  }

  #join(asked: IncomingMessage, near: Duplex): void {
    const far = connect(this.#port(), HOST);
    this.#sockets.add(far);
    const lines = asked.rawHeaders.flatMap((name, at, all) => (at % 2 ? [] : [`${name}: ${all[at + 1]}`]));
    far.write([`${asked.method} ${asked.url} HTTP/1.1`, ...lines, '', ''].join('\r\n'));
    near.pipe(far).pipe(near);
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const)
      socket.on('error', () => other.destroy()).on('close', () => other.destroy());
  }
}
