/** What a scenario is played in: a server, browsers, native colleagues. All of it ends with the test. */
import { test as base, expect, type Browser } from '@playwright/test';
import { Colleague } from './colleague.ts';
import { Device, type Person } from './device.ts';
import { PythonDevice } from './python.ts';
import { Server } from './server.ts';
import { Terminal } from './terminal.ts';

export { expect, Colleague, Device, Server };
export { PIN } from './device.ts';

/** Nobody of this name and number exists. */
export const AGNES: Person = {
  givenName: 'Agnès',
  familyName: 'Kerboul',
  profession: 'Infirmier',
  rpps: '10000000017',
};
export const CLAIRE: Person = {
  givenName: 'Claire',
  familyName: 'Le Goff',
  profession: 'Infirmier',
  rpps: '10000000025',
};
export const HERVE: Person = {
  givenName: 'Hervé',
  familyName: 'Quéméneur',
  profession: 'Médecin',
  rpps: '10000000033',
};
export const MARC: Person = {
  givenName: 'Marc',
  familyName: 'Le Bihan',
  profession: 'Infirmier',
  rpps: '10000000041',
};

export class World {
  readonly #browser: Browser;
  readonly devices: Device[] = [];
  readonly #others: { close(): Promise<void> }[] = [];
  readonly server: Server;

  constructor(browser: Browser, server: Server) {
    this.#browser = browser;
    this.server = server;
  }

  /** Somebody's browser, with nothing in it. */
  async device(): Promise<Device> {
    const device = new Device(await this.#browser.newContext(), this.server.url);
    this.devices.push(device);
    return device;
  }

  /** Somebody's native device. */
  colleague(): Colleague {
    return this.#with(new Colleague());
  }

  /** Somebody's command line. */
  async terminal(): Promise<Terminal> {
    return this.#with(await Terminal.make());
  }

  /** Somebody's device in Python. */
  python(): PythonDevice {
    return this.#with(new PythonDevice());
  }

  #with<T extends { close(): Promise<void> }>(other: T): T {
    this.#others.push(other);
    return other;
  }

  async close(): Promise<void> {
    await Promise.all(this.devices.map(({ context }) => context.close()));
    await Promise.all(this.#others.map((other) => other.close()));
    await this.server.close();
  }
}

export const test = base.extend<{ world: World }>({
  world: async ({ browser }, use) => {
    const world = new World(browser, await Server.make());
    try {
      await use(world);
      expect(world.devices.flatMap(({ errors }) => errors)).toEqual([]);
    } finally {
      await world.close();
    }
  },
});
