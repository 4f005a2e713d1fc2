/// <reference lib="webworker" />
/**
 * The service worker: keeps every file of one build, serves them without a network, and shows
 * pushes. It never takes over by itself: the page asks for it when the person does.
 */
import { describePush } from './push';

declare const self: ServiceWorkerGlobalScope;
/** Every file of the build, and the hash over them; put in by the build. */
declare const FILES: string[];
declare const BUILD: string;

const files = FILES;
const PREFIX = 'relais-';
const CACHE = PREFIX + BUILD;
/** The language of notifications, told by the page. */
const SETTINGS = 'settings';
const LANGUAGE = '/language';

/** Files whose names hold a hash of their content are never fetched twice. */
const isHashed = (path: string) => path.startsWith('/assets/');

async function keep(cache: Cache, path: string): Promise<void> {
  const known = isHashed(path) ? await caches.match(path) : undefined;
  const response = known ?? (await fetch(path, { cache: isHashed(path) ? 'default' : 'reload' }));
  if (!response.ok) throw new Error(`${path}: ${response.status}`);
  await cache.put(path, response);
}

async function install(): Promise<void> {
  const cache = await caches.open(CACHE);
  await Promise.all(files.map((path) => keep(cache, path)));
}

async function activate(): Promise<void> {
  for (const name of await caches.keys()) {
    if (name.startsWith(PREFIX) && name !== CACHE) await caches.delete(name);
  }
  await self.clients.claim();
}

async function answer(request: Request, path: string): Promise<Response> {
  const cache = await caches.open(CACHE);
  return (await cache.match(path)) ?? fetch(request);
}

async function show(data: PushMessageData | null): Promise<void> {
  const kept = await (await caches.open(SETTINGS)).match(LANGUAGE);
  const language = (await kept?.text()) ?? self.navigator.language;
  const push = describePush(data?.text() ?? '', language);
  if (push.badge !== null) await self.navigator.setAppBadge?.(push.badge).catch(() => undefined);
  const options: NotificationOptions & { renotify: boolean } = {
    body: push.body,
    tag: push.thread ?? 'relais',
    renotify: push.urgent,
    requireInteraction: push.urgent,
    icon: '/icons/icon-192.png',
    badge: '/icons/badge-96.png',
    lang: language.slice(0, 2),
    data: { thread: push.thread },
  };
  await self.registration.showNotification('Relais', options);
}

async function open(thread: string | null): Promise<void> {
  const path = thread ? `/t/${thread}` : '/';
  const windows = await self.clients.matchAll({ type: 'window', includeUncontrolled: true });
  const window = windows.find(({ visibilityState }) => visibilityState === 'visible') ?? windows[0];
  if (!window) {
    await self.clients.openWindow(path);
    return;
  }
  window.postMessage({ open: path });
  await window.focus();
}

self.addEventListener('install', (event) => event.waitUntil(install()));
self.addEventListener('activate', (event) => event.waitUntil(activate()));

self.addEventListener('fetch', (event) => {
  const { origin, pathname } = new URL(event.request.url);
  if (event.request.method !== 'GET' || origin !== self.location.origin) return;
  if (event.request.mode === 'navigate') {
    if (!/^\/(v1|health)(\/|$)/.test(pathname)) event.respondWith(answer(event.request, '/'));
  } else if (files.includes(pathname)) event.respondWith(answer(event.request, pathname));
});

self.addEventListener('message', (event) => {
  const { data } = event as { data: { apply?: true; language?: string } };
  if (data.apply) void self.skipWaiting();
  const { language } = data;
  if (language === 'fr' || language === 'en')
    event.waitUntil(caches.open(SETTINGS).then((cache) => cache.put(LANGUAGE, new Response(language))));
});

self.addEventListener('push', (event) => event.waitUntil(show(event.data)));

self.addEventListener('notificationclick', (event) => {
  event.notification.close();
  event.waitUntil(open((event.notification.data as { thread: string | null } | null)?.thread ?? null));
});
