/** What this device and browser can do. */

/** iPhone and iPad, whose home-screen apps have a storage of their own. */
export const isApple =
  /iP(hone|ad|od)/.test(navigator.userAgent) ||
  (navigator.platform === 'MacIntel' && navigator.maxTouchPoints > 1);

/** Opened from the home screen, and not in a tab. */
export const isInstalled = () => matchMedia('(display-mode: standalone)').matches;

/** Whether the browser keeps the data of this app until a person removes it. */
export async function isPersistent(): Promise<boolean> {
  return (await navigator.storage?.persisted?.()) ?? false;
}

/** Asks the browser to keep the data. */
export async function persist(): Promise<boolean> {
  return (await navigator.storage?.persist?.()) ?? false;
}

/** Bytes that the app takes on this device. */
export async function storageUsed(): Promise<number | null> {
  return (await navigator.storage?.estimate?.())?.usage ?? null;
}

export type NotificationState = 'granted' | 'denied' | 'default' | 'missing';

export function notificationState(): NotificationState {
  return 'Notification' in window ? Notification.permission : 'missing';
}

/** Asks the person; to be called from a press of a button. */
export async function allowNotifications(): Promise<NotificationState> {
  return 'Notification' in window ? await Notification.requestPermission() : 'missing';
}

/** Shows the notification that a push would show, and answers after how many milliseconds it is there. */
export async function testNotification(title: string, body: string): Promise<number> {
  const begun = performance.now();
  const registration = await navigator.serviceWorker.ready;
  await registration.showNotification(title, { body, tag: 'test', icon: '/icons/icon-192.png' });
  for (let waited = 0; waited < 40; waited += 1) {
    const shown = await registration.getNotifications({ tag: 'test' });
    if (shown.length > 0) return performance.now() - begun;
    await new Promise((later) => setTimeout(later, 50));
  }
  throw new Error('not shown');
}

/** Hands a link to another app, or copies it. Answers what was done; nothing when it was called off. */
export async function shareLink(title: string, url: string): Promise<'shared' | 'copied' | null> {
  if ('share' in navigator) {
    try {
      await navigator.share({ title, url });
      return 'shared';
    } catch (error) {
      if (error instanceof DOMException && error.name === 'AbortError') return null;
    }
  }
  await navigator.clipboard.writeText(url);
  return 'copied';
}
