import './app.css';
import { mount } from 'svelte';
import App from './App.svelte';
import { guard } from '$lib/guard';
import { router } from '$lib/router/router.svelte';
import { session } from '$lib/session.svelte';
import { updates } from '$lib/updates.svelte';
import { followKeyboard } from '$lib/viewport';
import '$lib/prefs.svelte';
import { FIRST_LOOK_MS } from './worker/protocol';

const target = document.getElementById('app');
if (!target) throw new Error('the page has no #app');

followKeyboard();
guard.start();
const started = session.start();
router.start();
// All files of the build are fetched once the first screen has what it needs.
void started.finally(() =>
  setTimeout(() => updates.start(), session.stage === 'welcome' ? FIRST_LOOK_MS : 0),
);
target.replaceChildren();
mount(App, { target });
