/**
 * Every screen, by its address. Each is loaded when it is first shown. `tab` is the tab that
 * it belongs to; `root` is the first screen of a tab, between which "back" does not go.
 */
export type Tab = 'inbox' | 'threads' | 'tasks' | 'team';

interface Route<Path extends string = string> {
  path: Path;
  load: () => Promise<{ default: unknown }>;
  tab?: Tab;
  root?: boolean;
  /** The bar of tabs is shown under it. */
  tabs?: boolean;
}

function table<const T extends Record<string, string>>(routes: { [Name in keyof T]: Route<T[Name]> }) {
  return routes;
}

export const routes = table({
  inbox: {
    path: '/',
    tab: 'inbox',
    root: true,
    tabs: true,
    load: () => import('./routes/inbox/Inbox.svelte'),
  },
  threads: {
    path: '/threads',
    tab: 'threads',
    root: true,
    tabs: true,
    load: () => import('./routes/threads/Threads.svelte'),
  },
  tasks: {
    path: '/tasks',
    tab: 'tasks',
    root: true,
    tabs: true,
    load: () => import('./routes/tasks/Tasks.svelte'),
  },
  team: {
    path: '/team',
    tab: 'team',
    root: true,
    tabs: true,
    load: () => import('./routes/team/Team.svelte'),
  },
  thread: { path: '/t/:thread', tab: 'threads', load: () => import('./routes/thread/Thread.svelte') },
  threadTasks: {
    path: '/t/:thread/tasks',
    tab: 'threads',
    load: () => import('./routes/thread/ThreadTasks.svelte'),
  },
  threadPast: {
    path: '/t/:thread/past',
    tab: 'threads',
    load: () => import('./routes/thread/Past.svelte'),
  },
  handover: {
    path: '/t/:thread/handover',
    tab: 'threads',
    load: () => import('./routes/thread/HandoverForm.svelte'),
  },
  handoverRead: {
    path: '/t/:thread/handovers/:handover',
    tab: 'threads',
    load: () => import('./routes/thread/Handover.svelte'),
  },
  wounds: {
    path: '/t/:thread/wounds',
    tab: 'threads',
    load: () => import('./routes/wounds/Wounds.svelte'),
  },
  newWound: {
    path: '/t/:thread/wounds/new',
    tab: 'threads',
    load: () => import('./routes/wounds/NewWound.svelte'),
  },
  wound: {
    path: '/t/:thread/wounds/:wound',
    tab: 'threads',
    load: () => import('./routes/wounds/WoundSeries.svelte'),
  },
  assess: {
    path: '/t/:thread/wounds/:wound/assess',
    tab: 'threads',
    load: () => import('./routes/wounds/Assess.svelte'),
  },
  camera: {
    path: '/t/:thread/camera',
    tab: 'threads',
    load: () => import('./routes/camera/Camera.svelte'),
  },
  settings: { path: '/settings', tabs: true, load: () => import('./routes/settings/Settings.svelte') },
  notFound: { path: '/not-found', load: () => import('./routes/NotFound.svelte') },
});

export type RouteName = keyof typeof routes;
