import { expect, it } from 'vitest';
import { describePush } from '../../src/service-worker/push';

const THREAD = '0123456789abcdef0123456789abcdef';
const generic = { body: 'Nouveau message', urgent: false, badge: null, thread: null };

it('reads the short form and the declarative one', () => {
  const short = JSON.stringify({ urgent: true, badge: 3, thread: THREAD });
  expect(describePush(short, 'fr')).toEqual({
    body: 'Message urgent',
    urgent: true,
    badge: 3,
    thread: THREAD,
  });
  const declarative = JSON.stringify({
    web_push: 8030,
    app_badge: '2',
    notification: { title: 'Mme Durand', navigate: `https://relais.example/t/${THREAD}` },
  });
  expect(describePush(declarative, 'en-GB')).toEqual({
    body: 'New message',
    urgent: false,
    badge: 2,
    thread: THREAD,
  });
});

it.each([
  '',
  'null',
  '"Mme Durand"',
  '{"urgent":"yes"}',
  '{"title":"Mme Durand","body":"<b>talon</b>"}',
  '{"thread":"../../Mme Durand"}',
  '{"notification":{"navigate":"https://evil.example/t/Mme Durand"}}',
  '{"urgent":true',
  '{"badge":-1}',
  '['.repeat(2_000),
  `{"urgent":true,"x":"${'y'.repeat(5_000)}"}`,
])('gives the generic text for %s', (payload) => {
  expect(describePush(payload, 'fr')).toEqual(generic);
});
