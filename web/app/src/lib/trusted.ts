/**
 * The one Trusted Types policy of the app: addresses of its own scripts. The content security
 * policy lets `relais` be made once only, so that the worker and the service worker share it.
 */
interface Policy {
  createScriptURL(url: string): unknown;
}
interface Factory {
  createPolicy(name: string, rules: { createScriptURL(url: string): string }): Policy;
}

const factory = (globalThis as { trustedTypes?: Factory }).trustedTypes;

const policy = factory?.createPolicy('relais', {
  createScriptURL(url) {
    const absolute = new URL(url, location.href);
    if (absolute.origin !== location.origin) throw new TypeError('a script of another origin');
    return absolute.href;
  },
});

/** The address of a script of this app, in the form that `new Worker` and `register` take. */
export function scriptUrl(url: string | URL): string {
  return (policy?.createScriptURL(String(url)) ?? String(url)) as string;
}
