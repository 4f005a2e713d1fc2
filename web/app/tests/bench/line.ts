/** A slow line between browser and server: latency and a limited rate for all connections together. */
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

export interface Speed {
  /** Each way. */
  latencyMs: number;
  bytesPerSecond: number;
}

/** What Chromium's developer tools called "slow 3G": 400 ms there and back, 400 kbit/s. */
export const SLOW_3G: Speed = { latencyMs: 200, bytesPerSecond: 50_000 };
const TICK_MS = 10;

export class Line {
  readonly #sockets = new Set<Socket>();
  readonly #server: Server;
  readonly port: number;
  #speed: Speed | null = null;
  /** When each direction has carried all that was given to it, by the clock of `performance`. */
  #free = { up: 0, down: 0 };
  /** Bytes that came from the server. */
  down = 0;
  up = 0;
  /** When something last went to the server, by the clock of `performance`. */
  lastUp = 0;

  private constructor(server: Server) {
    this.#server = server;
    this.port = (server.address() as AddressInfo).port;
  }

  static async to(port: () => number): Promise<Line> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const line = new Line(server);
    server.on('connection', (near) => line.#carry(near, connect(port(), '127.0.0.1')));
    return line;
  }

  /** From now on; null is as fast as it can be. */
  limit(speed: Speed | null): void {
    this.#speed = speed;
    this.#free = { up: 0, down: 0 };
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #carry(near: Socket, far: Socket): void {
    this.#pipe(near, far, 'up');
    this.#pipe(far, near, 'down');
  }

  #pipe(from: Socket, to: Socket, way: 'up' | 'down'): void {
    this.#sockets.add(from);
    let late: Promise<unknown> = Promise.resolve();
    from.on('data', (bytes) => {
      this[way] += bytes.length;
      if (way === 'up') this.lastUp = performance.now();
      const arrival = this.#arrival(bytes.length, way);
      if (arrival === null) {
        late = late.then(() => to.write(bytes));
        return;
      }
      // What waits on the line is not read any more, as a full buffer of a modem.
      from.pause();
      const wait = arrival - performance.now();
      setTimeout(() => from.resume(), Math.max(wait - (this.#speed?.latencyMs ?? 0), TICK_MS));
      late = late.then(() => until(arrival)).then(() => to.write(bytes));
    });
    const end = () => {
      this.#sockets.delete(from);
      void late.then(() => to.destroy());
    };
    from.on('close', end);
    from.on('error', end);
  }

  #arrival(bytes: number, way: 'up' | 'down'): number | null {
    if (!this.#speed) return null;
    const { latencyMs, bytesPerSecond } = this.#speed;
    const carried = Math.max(this.#free[way], performance.now()) + (bytes / bytesPerSecond) * 1000;
    this.#free[way] = carried;
    return carried + latencyMs;
  }
}

const until = (time: number) =>
  new Promise((done) => setTimeout(done, Math.max(0, time - performance.now())));
