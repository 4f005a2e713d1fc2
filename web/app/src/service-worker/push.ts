/**
 * What a push says: a generic sentence, never a word of what was written or about whom. The
 * payload is Declarative Web Push or the short form; only urgency, badge and an opaque id are
 * read, and whatever else is in there is not looked at.
 */
export interface PushText {
  body: string;
  urgent: boolean;
  badge: number | null;
  /** 32 hexadecimal digits. */
  thread: string | null;
}

const LONGEST = 4096;
const MOST = 9_999;
const THREAD = /^[0-9a-f]{32}$/i;

const record = (value: unknown): Record<string, unknown> =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};

function parse(payload: string): Record<string, unknown> {
  if (payload.length > LONGEST) return {};
  try {
    return record(JSON.parse(payload));
  } catch {
    return {};
  }
}

function threadOf(push: Record<string, unknown>): string | null {
  const { navigate } = record(push.notification);
  const path = typeof navigate === 'string' ? /\/t\/([^/?#]+)$/.exec(navigate)?.[1] : undefined;
  const thread = push.thread ?? path;
  return typeof thread === 'string' && THREAD.test(thread) ? thread : null;
}

/** What to show for a push; a payload that cannot be read gives the generic text. */
export function describePush(payload: string, language: string): PushText {
  const push = parse(payload);
  const urgent = push.urgent === true;
  const badge = Number(push.badge ?? push.app_badge ?? NaN);
  const french = language.startsWith('fr');
  const [message, alarm] = french ? ['Nouveau message', 'Message urgent'] : ['New message', 'Urgent message'];
  return {
    body: urgent ? alarm : message,
    urgent,
    badge: Number.isInteger(badge) && badge >= 0 ? Math.min(badge, MOST) : null,
    thread: threadOf(push),
  };
}
