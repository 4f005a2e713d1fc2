/** Tasks, search, team and settings. */
import { m } from './stage.ts';
import type { Screen } from './screens.ts';

const PASSPHRASE = 'quatre mots pour un essai';

export const PRACTICE: Screen[] = [
  { name: 'tasks', route: 'tasks', path: () => '/tasks' },
  {
    name: 'tasks-all',
    route: 'tasks',
    path: () => '/tasks',
    show: (stage) => stage.press(m.tasks_all),
  },
  {
    name: 'search-empty',
    route: 'search',
    path: () => '/search',
    show: (stage) => stage.page.getByRole('searchbox').fill(''),
  },
  {
    name: 'search',
    route: 'search',
    path: () => '/search',
    show: async (stage) => {
      await stage.page.getByRole('searchbox').fill('pansement');
      await stage.page.locator('main a').first().waitFor();
    },
  },
  {
    name: 'search-nothing',
    route: 'search',
    path: () => '/search',
    show: async (stage) => {
      await stage.page.getByRole('searchbox').fill('hélicoptère');
      await stage.page.getByText(stage.say(m.search_none), { exact: true }).waitFor();
    },
  },
  { name: 'cockpit', route: 'team', path: () => '/team' },
  { name: 'team', route: 'team', path: () => '/team', show: (stage) => stage.toEnd() },
  { name: 'person', route: 'person', path: ({ nurse }) => `/team/${nurse}` },
  { name: 'safety', route: 'safety', path: ({ nurse }) => `/team/${nurse}/safety` },
  { name: 'coordinator', route: 'coordinator', path: ({ nurse }) => `/team/${nurse}/coordinator` },
  { name: 'invite', route: 'invite', path: () => '/invite' },
  { name: 'invitation', route: 'invitation', path: ({ invited }) => `/invite/${invited}` },
  { name: 'settings', route: 'settings', path: () => '/settings' },
  { name: 'settings-end', route: 'settings', path: () => '/settings', show: (stage) => stage.toEnd() },
  {
    name: 'theme',
    route: 'settings',
    path: () => '/settings',
    show: (stage) => stage.pick(stage.say(m.theme)),
  },
  { name: 'devices', route: 'devices', path: () => '/settings/devices' },
  { name: 'link-device', route: 'linkDevice', path: () => '/settings/link' },
  {
    name: 'link-device-scan',
    route: 'linkDevice',
    path: () => '/settings/link',
    show: (stage) => stage.press(m.device_link_scan),
  },
  { name: 'access', route: 'access', path: () => '/settings/access' },
  { name: 'troubles', route: 'troubles', path: () => '/settings/troubles' },
  { name: 'wipe', route: 'wipe', path: () => '/settings/wipe' },
  { name: 'recovery', route: 'recovery', path: () => '/settings/recovery' },
  {
    name: 'recovery-kit',
    route: 'makeKit',
    path: () => '/settings/recovery/kit',
    show: async (stage) => {
      await stage.fill(m.passphrase_new, PASSPHRASE);
      await stage.press(m.kit_make);
      await stage.page.locator('pre').waitFor({ timeout: 60_000 });
    },
  },
  { name: 'recovery-shares', route: 'makeShares', path: () => '/settings/recovery/shares' },
  { name: 'recovery-confirm', route: 'confirmRecovery', path: () => '/settings/recovery/confirm' },
  { name: 'recovery-replace', route: 'replaceRoot', path: () => '/settings/recovery/replace' },
  { name: 'proposal-missing', route: 'proposal', path: () => '/settings/recovery/none' },
  { name: 'not-found', route: 'notFound', path: () => '/nowhere' },
  {
    name: 'offline',
    route: 'inbox',
    path: () => '/',
    show: async (stage) => {
      await stage.phone.offline(true);
      await stage.page.getByText(stage.say(m.offline), { exact: true }).first().waitFor();
    },
  },
  {
    name: 'offline-thread',
    route: 'thread',
    path: ({ thread }) => `/t/${thread}`,
    show: async (stage) => {
      await stage.page.getByText(stage.say(m.offline), { exact: true }).first().waitFor();
      await stage.page.getByRole('textbox').fill('Constantes prises à 14 h 10, rien de nouveau.');
      await stage.page.keyboard.press('Control+Enter');
      await stage.page.getByText(stage.say(m.timeline_waiting)).first().waitFor();
    },
    after: (stage) => stage.phone.offline(false),
  },
];
