/** What a screen reader is told: politely, or at once when it is urgent. */
class Announcer {
  polite = $state('');
  assertive = $state('');
}

export const announcer = new Announcer();

export function announce(text: string, how: 'polite' | 'assertive' = 'polite'): void {
  // The same sentence twice is told twice.
  announcer[how] = announcer[how] === text ? `${text} ` : text;
}
