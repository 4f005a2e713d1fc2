import { test } from '../practice/fixture';
test('try', async ({ practice }) => {
  const { phone, ids } = practice;
  console.log(ids);
  await phone.visit('/threads');
  await phone.page.screenshot({ path: '/tmp/s12/rules/threads.png' });
  await phone.visit('/t/' + ids.thread);
  await phone.page.screenshot({ path: '/tmp/s12/rules/thread.png' });
  console.log(phone.complaints);
});
