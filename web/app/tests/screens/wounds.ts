/** Wounds: camera, series, measures. */
import type { Ids } from '../practice/practice.ts';
import { m, type Stage } from './stage.ts';
import type { Screen } from './screens.ts';

const series = ({ thread, wound }: Ids) => `/t/${thread}/wounds/${wound}`;
const camera = ({ thread, wound }: Ids) => `/t/${thread}/camera?wound=${wound}`;

async function shoot(stage: Stage): Promise<void> {
  await stage.press(m.shot_take);
  await stage.page.getByRole('toolbar', { name: stage.say(m.mark_tools) }).waitFor();
}

const live = (stage: Stage) =>
  stage.page.getByRole('button', { name: stage.say(m.shot_take), disabled: false }).waitFor();

export const WOUNDS: Screen[] = [
  { name: 'wounds', route: 'wounds', path: ({ thread }) => `/t/${thread}/wounds` },
  {
    name: 'wound-new',
    route: 'newWound',
    path: ({ thread }) => `/t/${thread}/wounds/new?view=back&x=500&y=530`,
  },
  { name: 'wound', route: 'wound', path: series },
  { name: 'wound-curve', route: 'wound', path: series, show: (stage) => stage.toEnd() },
  {
    name: 'wound-visit',
    route: 'wound',
    path: series,
    show: (stage) => stage.page.locator('table').getByRole('button').first().click(),
  },
  { name: 'assess', route: 'assess', path: (ids) => `${series(ids)}/assess` },
  {
    name: 'assess-more',
    route: 'assess',
    path: (ids) => `${series(ids)}/assess`,
    show: async (stage) => {
      await stage.press(m.assess_more_fields);
      await stage.toEnd();
    },
  },
  { name: 'camera', route: 'camera', path: camera, show: live },
  {
    name: 'camera-wound',
    route: 'camera',
    path: camera,
    show: async (stage) => {
      await live(stage);
      await stage.press(m.shot_choose_wound);
    },
  },
  {
    name: 'camera-review',
    route: 'camera',
    path: camera,
    show: async (stage) => {
      await live(stage);
      await shoot(stage);
      await stage.press(m.mark_circle);
      await stage.press(m.mark_centre);
    },
  },
];
