/** A short vibration where the device has one; the system's own setting decides whether it comes. */
export function haptic(kind: 'tap' | 'done' | 'warn' = 'tap'): void {
  const pattern = { tap: 10, done: [12, 40, 18], warn: [30, 40, 30] }[kind];
  if ('vibrate' in navigator) navigator.vibrate(pattern);
}
