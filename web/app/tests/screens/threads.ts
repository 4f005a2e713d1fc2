/** The threads: lists, a thread with its sheets, patient and circle. */
import { expect } from '@playwright/test';
import { m, type Stage } from './stage.ts';
import type { Screen } from './screens.ts';

/** What was begun before is kept: it is put away. */
async function blank(stage: Stage): Promise<void> {
  const again = stage.page.getByRole('button', { name: stage.say(m.new_thread_again) });
  if (await again.count()) await again.click();
}

async function nameNobody(stage: Stage): Promise<void> {
  await blank(stage);
  await stage.fill(m.patient_birth_name, 'EXEMPLE-LE TALLEC');
  await stage.fill(m.patient_given_names, 'Marie-Thérèse');
  await stage.fill(m.patient_birth_date, '03/12/1941');
  await stage.press(m.sex_female);
}

const timeline = (stage: Stage) => stage.page.locator('.scroller');

/** From the oldest on, half a screen at a time: older messages come when the top is reached. */
async function scrollTo(stage: Stage, text: string): Promise<void> {
  const list = timeline(stage);
  const found = list.getByText(text).first();
  const oldest = list.getByText('a ouvert le fil').or(list.getByText('opened the thread'));
  await expect(async () => {
    await list.evaluate((element) => element.scrollTo(0, 0));
    await stage.phone.settled();
    expect(await oldest.count(), 'the thread is shown from its beginning').toBeGreaterThan(0);
    for (let halves = 0; halves < 40 && !(await found.count()); halves++) {
      await list.evaluate((element) => element.scrollBy(0, element.clientHeight / 2));
      await stage.phone.settled();
    }
    await found.evaluate((element) => element.scrollIntoView({ block: 'center' }), null, { timeout: 1_000 });
    // A row that comes into view may be made anew.
    await stage.phone.settled();
    await stage.phone.listAtRest();
    expect(await found.count(), `${text} is in the thread`).toBeGreaterThan(0);
  }).toPass({ timeout: 30_000 });
}

async function messageSheet(stage: Stage): Promise<void> {
  await scrollTo(stage, 'Pas de pénicilline');
  await timeline(stage).getByText('Pas de pénicilline').first().click();
}

export const THREADS: Screen[] = [
  { name: 'inbox', route: 'inbox', path: () => '/' },
  // Long before anything is sent: coming from another thread is asked about.
  { name: 'no-patient', route: 'thread', path: ({ quiet }) => `/t/${quiet}` },
  { name: 'threads', route: 'threads', path: () => '/threads' },
  {
    name: 'new-thread-error',
    route: 'newThread',
    path: () => '/threads/new',
    show: async (stage) => {
      await blank(stage);
      await stage.press(m.go_on);
    },
  },
  {
    name: 'new-thread',
    route: 'newThread',
    path: () => '/threads/new',
    show: nameNobody,
  },
  {
    name: 'new-thread-circle',
    route: 'newThread',
    path: () => '/threads/new',
    show: async (stage) => {
      await nameNobody(stage);
      await stage.press(m.go_on);
      await stage.pick(stage.say(m.circle_add));
      await stage.pick('Fictif-Châtaignier');
      await (await stage.top()).locator('.dock').getByRole('button').first().click();
    },
  },
  { name: 'thread', route: 'thread', path: ({ thread }) => `/t/${thread}` },
  {
    name: 'thread-wound',
    route: 'thread',
    path: ({ thread }) => `/t/${thread}`,
    show: (stage) => scrollTo(stage, 'Première visite'),
  },
  {
    name: 'thread-answer',
    route: 'thread',
    path: ({ thread }) => `/t/${thread}`,
    show: async (stage) => {
      await messageSheet(stage);
      await stage.press(m.item_reply);
      await stage.page.getByRole('textbox').fill('Je passe à 15 h 30 avec le matériel de prélèvement.');
    },
  },
  {
    name: 'thread-add',
    route: 'thread',
    path: ({ thread }) => `/t/${thread}`,
    show: (stage) => stage.press(m.composer_more),
  },
  {
    name: 'thread-new-task',
    route: 'thread',
    path: ({ thread }) => `/t/${thread}`,
    show: async (stage) => {
      await stage.press(m.composer_more);
      await stage.pick(stage.say(m.composer_new_task));
      await stage.fill(m.task_title, 'Refaire le pansement');
      await stage.press(m.task_due_tomorrow);
    },
  },
  {
    name: 'thread-more',
    route: 'thread',
    path: ({ thread }) => `/t/${thread}`,
    show: (stage) => stage.press(m.thread_more),
  },
  { name: 'message', route: 'thread', path: ({ thread }) => `/t/${thread}`, show: messageSheet },
  {
    name: 'photo',
    route: 'thread',
    path: ({ thread }) => `/t/${thread}`,
    show: async (stage) => {
      await scrollTo(stage, 'Première visite');
      const figure = stage.page.locator('figure').filter({ hasText: 'Première visite' });
      await figure.getByRole('button').first().click();
      await stage.page.getByText(stage.say(m.photo_original)).waitFor();
    },
  },
  { name: 'thread-tasks', route: 'threadTasks', path: ({ thread }) => `/t/${thread}/tasks` },
  {
    name: 'task',
    route: 'threadTasks',
    path: ({ thread }) => `/t/${thread}/tasks`,
    show: (stage) => stage.pick('Prélever un INR'),
  },
  {
    name: 'task-decline',
    route: 'threadTasks',
    path: ({ thread }) => `/t/${thread}/tasks`,
    show: async (stage) => {
      await stage.pick('Prélever un INR');
      await stage.press(m.task_decline);
    },
  },
  { name: 'thread-past', route: 'threadPast', path: ({ thread }) => `/t/${thread}/past` },
  { name: 'handover-write', route: 'handover', path: ({ thread }) => `/t/${thread}/handover` },
  {
    name: 'handover',
    route: 'handoverRead',
    path: ({ thread, handover }) => `/t/${thread}/handovers/${handover}`,
  },
  {
    name: 'handover-acknowledge',
    route: 'handoverRead',
    path: ({ thread, handover }) => `/t/${thread}/handovers/${handover}`,
    show: async (stage) => {
      await stage.fill(m.note_synthesis_field, 'Température à 20 h et à 7 h, j’appelle au-delà de 39 °C.');
      await stage.toEnd();
    },
  },
  { name: 'patient', route: 'header', path: ({ thread }) => `/t/${thread}/header` },
  { name: 'patient-edit', route: 'editHeader', path: ({ thread }) => `/t/${thread}/header/edit` },
  { name: 'circle', route: 'circle', path: ({ thread }) => `/t/${thread}/circle` },
  {
    name: 'member',
    route: 'circle',
    path: ({ thread }) => `/t/${thread}/circle`,
    show: (stage) => stage.pick('Fictif-Châtaignier'),
  },
  {
    name: 'member-add',
    route: 'circle',
    path: ({ thread }) => `/t/${thread}/circle`,
    show: async (stage) => {
      await stage.pick(stage.say(m.circle_add));
      await stage.pick('Essai-Le Bihan');
      await stage.press(m.history_summary);
      await stage.toEnd();
    },
  },
];
