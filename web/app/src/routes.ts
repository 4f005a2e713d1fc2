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
  newThread: {
    path: '/threads/new',
    tab: 'threads',
    load: () => import('./routes/threads/NewThread.svelte'),
  },
  header: { path: '/t/:thread/header', tab: 'threads', load: () => import('./routes/patient/Header.svelte') },
  editHeader: {
    path: '/t/:thread/header/edit',
    tab: 'threads',
    load: () => import('./routes/patient/EditHeader.svelte'),
  },
  circle: { path: '/t/:thread/circle', tab: 'threads', load: () => import('./routes/circle/Circle.svelte') },
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
  person: { path: '/team/:person', tab: 'team', load: () => import('./routes/team/Person.svelte') },
  safety: { path: '/team/:person/safety', tab: 'team', load: () => import('./routes/team/Safety.svelte') },
  coordinator: {
    path: '/team/:person/coordinator',
    load: () => import('./routes/recovery/Coordinator.svelte'),
  },
  invite: { path: '/invite', tab: 'team', load: () => import('./routes/team/Invite.svelte') },
  invitation: { path: '/invite/:person', tab: 'team', load: () => import('./routes/team/Invitation.svelte') },
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
  devices: { path: '/settings/devices', load: () => import('./routes/settings/Devices.svelte') },
  linkDevice: { path: '/settings/link', load: () => import('./routes/settings/LinkDevice.svelte') },
  access: { path: '/settings/access', load: () => import('./routes/settings/Access.svelte') },
  troubles: { path: '/settings/troubles', load: () => import('./routes/settings/Troubles.svelte') },
  wipe: { path: '/settings/wipe', load: () => import('./routes/settings/Wipe.svelte') },
  recovery: { path: '/settings/recovery', load: () => import('./routes/recovery/Recovery.svelte') },
  makeKit: { path: '/settings/recovery/kit', load: () => import('./routes/recovery/MakeKit.svelte') },
  makeShares: {
    path: '/settings/recovery/shares',
    load: () => import('./routes/recovery/MakeShares.svelte'),
  },
  confirmRecovery: {
    path: '/settings/recovery/confirm',
    load: () => import('./routes/recovery/ConfirmRecovery.svelte'),
  },
  replaceRoot: {
    path: '/settings/recovery/replace',
    load: () => import('./routes/recovery/ReplaceRoot.svelte'),
  },
  proposal: { path: '/settings/recovery/:proposal', load: () => import('./routes/recovery/Proposal.svelte') },
  notFound: { path: '/not-found', load: () => import('./routes/NotFound.svelte') },
});

export type RouteName = keyof typeof routes;
