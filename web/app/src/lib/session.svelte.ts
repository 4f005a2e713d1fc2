/**
 * Where this device stands: locked, not joined, ready; who it is; whether it is in touch with
 * the server. What is read from the engine goes when it is locked.
 */
import { flushSync } from 'svelte';
import {
  relais,
  RelaisError,
  type Enrolment,
  type RelaisEvent,
  type SyncState,
  type Trouble,
} from './relais';
import type { Tab } from '../routes';
import type { VaultStatus, WhoAmI } from './relais';

export type Stage =
  | 'starting'
  | 'unsupported'
  | 'elsewhere'
  /** Nothing is on this device. */
  | 'welcome'
  | 'locked'
  /** Open, and not joined yet. */
  | 'enrolling'
  /** Joined for the first time: fingerprint, notifications and storage are offered. */
  | 'finishing'
  | 'ready'
  /** The engine cannot go on. */
  | 'broken';

/** Longer without a connection than this is "offline": a mere change of network is not. */
const OFFLINE_AFTER_MS = 1_500;
/** Minutes in the background, or without a touch, after which the device may be set to lock. */
export const LOCK_MINUTES = [0, 1, 5, 15] as const;
export type LockMinutes = (typeof LOCK_MINUTES)[number];

const LOCK_AFTER = 'lock-minutes';
const LAST_SYNC = 'last-sync';
const WELCOMED = 'welcomed';

class Session {
  stage: Stage = $state('starting');
  vault: VaultStatus | null = $state.raw(null);
  enrolment: Enrolment | null = $state.raw(null);
  me: WhoAmI | null = $state.raw(null);
  sync: SyncState | null = $state.raw(null);
  troubles: Trouble[] = $state.raw([]);
  /** The server was restored from a backup during this visit. */
  serverRestored = $state(false);
  /** Fingerprint or face opens this device too. */
  passkey = $state(false);
  /** Known before the first screen of an open device is shown. */
  lockMinutes: LockMinutes = $state(1);
  error: unknown = $state.raw(undefined);
  /** The link that the app was opened with; it is never in the address bar or the history. */
  link: string | null = $state.raw(null);
  lastSyncMs: number | null = $state(null);
  offline = $state(false);
  /** What waits behind each tab, for the bar of tabs. */
  counts: Partial<Record<Tab, number>> = $state({});
  #looking: Promise<void> | null = null;
  #stop: (() => void) | null = null;
  #offlineTimer: ReturnType<typeof setTimeout> | undefined;
  #lastSyncKept = 0;
  #locks = 0;

  async start(): Promise<void> {
    this.#takeLink();
    addEventListener('offline', () => this.#connection());
    addEventListener('online', () => this.#connection());
    relais.vault.onChange(() => void this.look());
    await this.look();
  }

  /** Asks the vault where it stands, and goes on from there. */
  look(): Promise<void> {
    this.#looking ??= this.#look().finally(() => (this.#looking = null));
    return this.#looking;
  }

  async #look(): Promise<void> {
    let locks;
    do {
      // In the background no worker is started; one that still unlocks is asked.
      if (document.hidden && this.stage === 'locked' && !relais.vault.running()) return;
      locks = this.#locks;
      try {
        await this.#lookOnce(locks);
      } catch (error) {
        // What a lock cut short is no failure.
        if (locks === this.#locks) this.fail(error);
      }
    } while (locks !== this.#locks);
  }

  async #lookOnce(locks: number): Promise<void> {
    const vault = await relais.vault.status();
    if (locks !== this.#locks) return;
    this.vault = vault;
    switch (vault.state) {
      case 'empty':
        this.#forget();
        this.passkey = false;
        this.stage = 'welcome';
        break;
      case 'locked':
        this.#forget();
        this.passkey = vault.passkey !== null;
        this.stage = 'locked';
        break;
      case 'open':
        await this.opened();
        break;
      default:
        this.stage = vault.state;
    }
  }

  /** The database is open: reads where the enrolment stands. */
  async opened(): Promise<void> {
    const locks = this.#locks;
    this.#stop ??= relais.onEvents((events) => this.#told(events));
    // Asked for at once: the engine connects meanwhile, and each answer in turn would wait for it.
    const [enrolment, me, troubles, lastSync, welcomed, lockAfter] = await Promise.all([
      relais.call('enrolment', {}),
      relais.call('whoami', {}).catch(() => null),
      relais.call('troubles', {}),
      relais.call('setting', { name: LAST_SYNC }),
      relais.call('setting', { name: WELCOMED }),
      relais.call('setting', { name: LOCK_AFTER }),
      this.#readSync(),
    ]);
    // Answered on the way to a lock: nothing is shown of it.
    if (locks !== this.#locks) return;
    this.lockMinutes = LOCK_MINUTES.find((minutes) => String(minutes) === lockAfter) ?? 1;
    if (enrolment.type === 'enrolled') {
      // Why there is none is said by asking again.
      this.me = me ?? (await relais.call('whoami', {}));
      this.troubles = troubles;
    }
    this.enrolment = enrolment;
    this.lastSyncMs ??= Number(lastSync) || null;
    if (enrolment.type !== 'enrolled') this.stage = 'enrolling';
    else this.stage = welcomed ? 'ready' : 'finishing';
  }

  /** What is offered once was seen. */
  async finish(): Promise<void> {
    await relais.call('setSetting', { name: WELCOMED, value: 'yes' });
    this.stage = 'ready';
  }

  async setLockMinutes(minutes: LockMinutes): Promise<void> {
    await relais.call('setSetting', { name: LOCK_AFTER, value: String(minutes) });
    this.lockMinutes = minutes;
  }

  /** Kills the worker: no key is in memory any more. */
  async lock(): Promise<void> {
    if (this.vault?.state !== 'open') return;
    this.#locks += 1;
    this.#forget();
    this.vault = null;
    this.stage = 'locked';
    // The screens go now, and say what they have not kept yet.
    flushSync();
    await relais.vault.lock();
  }

  /** Keys first, then everything else. */
  async wipe(): Promise<void> {
    await relais.vault.wipe();
    await this.look();
  }

  /** What cannot go on is said on a screen of its own. */
  fail(error: unknown): void {
    this.error = error;
    this.stage = error instanceof RelaisError && error.code === 'open_elsewhere' ? 'elsewhere' : 'broken';
  }

  /** Another tab closes the database, and this one opens it. */
  async takeOver(): Promise<void> {
    await relais.vault.takeOver();
    await this.look();
  }

  #takeLink(): void {
    if (location.pathname !== '/join') return;
    if (location.hash.length > 1) this.link = location.href;
    history.replaceState(null, '', '/');
  }

  #forget(): void {
    this.#stop?.();
    this.#stop = null;
    clearTimeout(this.#offlineTimer);
    this.enrolment = this.me = this.sync = null;
    this.troubles = [];
    this.offline = false;
    this.lastSyncMs = null;
  }

  #told(events: RelaisEvent[]): void {
    const types = new Set(events.map((event) => event.type));
    const any = (...wanted: RelaisEvent['type'][]) =>
      types.has('missed') || wanted.some((type) => types.has(type));
    if (types.has('serverRestored')) this.serverRestored = true;
    if (any('syncChanged')) void this.#readSync();
    if (any('wiped')) void this.look();
    else if (any('enrolled', 'returned', 'enrolmentRefused', 'compareCode'))
      void this.opened().catch((e) => this.fail(e));
    else if (any('peopleChanged', 'troubleBegan')) void this.#readMe();
  }

  async #readMe(): Promise<void> {
    if (!this.me) return;
    try {
      this.me = await relais.call('whoami', {});
      this.troubles = await relais.call('troubles', {});
    } catch {
      // Locked or closed meanwhile.
    }
  }

  async #readSync(): Promise<void> {
    try {
      this.sync = await relais.call('syncState', {});
    } catch {
      return;
    }
    this.#connection();
    if (this.sync.phase === 'ready' && this.sync.caughtUp) {
      const now = Date.now();
      this.lastSyncMs = now;
      if (now - this.#lastSyncKept > 60_000) {
        this.#lastSyncKept = now;
        await relais.call('setSetting', { name: LAST_SYNC, value: String(now) }).catch(() => undefined);
      }
    }
  }

  #connection(): void {
    clearTimeout(this.#offlineTimer);
    if (!navigator.onLine) this.offline = true;
    // Before it has joined, a device is not always connected.
    else if (!this.me || !this.sync || this.sync.phase === 'ready') this.offline = false;
    else
      this.#offlineTimer = setTimeout(() => (this.offline = this.sync?.phase !== 'ready'), OFFLINE_AFTER_MS);
  }
}

export const session = new Session();
