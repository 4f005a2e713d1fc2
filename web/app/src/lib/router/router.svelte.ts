/**
 * Where the app is. Paths are typed by the table in `routes.ts`; sheets are entries of the
 * history, so that "back" closes them.
 */
import { tick, type Component } from 'svelte';
import { routes, type RouteName, type Tab } from '../../routes';
import { entry } from './history';
import { fill, match, type Params } from './match';

type PathOf<N extends RouteName> = (typeof routes)[N]['path'];
type Given<N extends RouteName> = keyof Params<PathOf<N>> extends never ? [] : [params: Params<PathOf<N>>];

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- each screen has its own parameters
export type Screen = Component<any>;

interface Place {
  name: RouteName;
  params: Record<string, string>;
  query: URLSearchParams;
  screen: Screen;
  /** Another one for each visit, so that a screen starts afresh. */
  key: string;
}

/** The address of a screen. */
export function href<N extends RouteName>(name: N, ...[params]: Given<N>): string {
  return fill(routes[name].path, (params ?? {}) as Record<string, string>);
}

function find(path: string): { name: RouteName; params: Record<string, string> } {
  for (const [name, route] of Object.entries(routes)) {
    const params = match(route.path, path);
    if (params) return { name: name as RouteName, params };
  }
  return { name: 'notFound', params: {} };
}

const still = () => matchMedia('(prefers-reduced-motion: reduce)').matches;

class Router {
  place: Place | null = $state.raw(null);
  /** A screen could not be loaded: no connection, or a new version was installed. */
  failed = $state(false);
  #overlays: (() => void)[] = [];
  #scroll = new Map<string, number>();
  #returning: Promise<void> | null = null;
  #returned: (() => void) | null = null;
  #depth = 0;
  #opening: Promise<void> | null = null;

  start(): void {
    history.scrollRestoration = 'manual';
    this.#depth = entry().depth;
    history.replaceState({ depth: this.#depth, overlay: 0 }, '');
    addEventListener('popstate', (event) => this.#popped(event));
    document.addEventListener('click', (event) => this.#clicked(event));
  }

  /** Shows where the app was opened, once. */
  open(): void {
    this.#opening ??= this.#show('none');
  }

  get tab(): Tab | null {
    return this.place ? (routes[this.place.name].tab ?? null) : null;
  }

  /** Goes to a screen. */
  go<N extends RouteName>(name: N, ...params: Given<N>): Promise<void> {
    return this.visit(href(name, ...params));
  }

  /** Puts a screen in the place of the present one: "back" goes to the one before. */
  replace<N extends RouteName>(name: N, ...params: Given<N>): Promise<void> {
    return this.visit(href(name, ...params), true);
  }

  /** Goes to a path of this app. */
  async visit(path: string, replace = false): Promise<void> {
    await this.#returning;
    const here = entry();
    const url = new URL(path, location.origin);
    const from = this.place ? routes[this.place.name] : null;
    const to = routes[find(url.pathname).name];
    const tabs = Boolean(from?.root && to.root);
    // The entry of an open sheet becomes that of the screen.
    const depth = replace || here.overlay || tabs ? here.depth : here.depth + 1;
    const state = { depth, overlay: 0 };
    for (const close of this.#overlays.splice(0)) close();
    this.#remember();
    if (depth > here.depth) history.pushState(state, '', url);
    else history.replaceState(state, '', url);
    this.#depth = depth;
    await this.#show(tabs ? 'tab' : 'forward');
  }

  /** Goes back, or to `fallback` where the app was opened right here. */
  back(fallback: string = '/'): void {
    if (entry().depth > 0) history.back();
    else void this.visit(fallback, true);
  }

  /** A sheet opens: "back" calls `close`. Returns what is called when it closes otherwise. */
  overlay(close: () => void): () => void {
    const here = entry();
    this.#overlays.push(close);
    history.pushState({ depth: here.depth + 1, overlay: here.overlay + 1 }, '');
    this.#depth = here.depth + 1;
    return () => {
      const index = this.#overlays.indexOf(close);
      if (index < 0) return;
      this.#overlays.splice(index, 1);
      if (entry().overlay === 0) return;
      this.#returning = new Promise((resolve) => (this.#returned = resolve));
      history.back();
    };
  }

  /** Keeps how far a screen was scrolled, for the way back. */
  scrolled(top: number): void {
    this.#scroll.set(this.#key(), top);
  }

  /** How far this screen was scrolled when it was left. */
  get scrollTop(): number {
    return this.#scroll.get(this.#key()) ?? 0;
  }

  #key(): string {
    return `${this.#depth} ${location.pathname}${location.search}`;
  }

  #remember(): void {
    for (const key of this.#scroll.keys()) {
      if (Number(key.split(' ')[0]) > this.#depth) this.#scroll.delete(key);
    }
  }

  #popped(event: PopStateEvent): void {
    const before = this.#depth;
    const now = entry(event.state);
    this.#depth = now.depth;
    if (this.#returned) {
      this.#returned();
      this.#returned = null;
      this.#returning = null;
      return;
    }
    if (this.#overlays.length > now.overlay) {
      for (const close of this.#overlays.splice(now.overlay).reverse()) close();
      if (now.depth === before - 1) return;
    }
    // Forward to a sheet that is gone.
    if (now.overlay > this.#overlays.length) return history.back();
    void this.#show(now.depth < before ? 'back' : 'forward');
  }

  #clicked(event: MouseEvent): void {
    if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey)
      return;
    const link = (event.target as Element).closest?.('a[href]');
    if (!(link instanceof HTMLAnchorElement) || link.origin !== location.origin || link.target) return;
    if (link.getAttribute('href')?.startsWith('#')) return;
    event.preventDefault();
    if (link.pathname + link.search !== location.pathname + location.search)
      void this.visit(link.pathname + link.search);
  }

  async #show(direction: 'forward' | 'back' | 'tab' | 'none'): Promise<void> {
    const { name, params } = find(location.pathname);
    const path = location.pathname + location.search;
    let screen: Screen;
    try {
      screen = (await routes[name].load()).default as Screen;
      this.failed = false;
    } catch {
      this.failed = true;
      return;
    }
    if (path !== location.pathname + location.search) return; // Went on meanwhile.
    const key = this.#key();
    const put = async () => {
      this.place = { name, params, query: new URLSearchParams(location.search), screen, key };
      await tick();
    };
    document.documentElement.dataset.direction = direction;
    if (direction === 'none' || still() || !document.startViewTransition) await put();
    else await document.startViewTransition(put).updateCallbackDone;
    if (direction !== 'none') document.querySelector<HTMLElement>('h1')?.focus({ preventScroll: true });
  }
}

export const router = new Router();
