import { tick } from 'svelte';

/** Brings the first field that needs another look into sight, and the focus into it. */
export async function showFirstProblem(root: ParentNode = document): Promise<void> {
  await tick();
  const field = root.querySelector('.field:has(.wrong)');
  field?.scrollIntoView({ block: 'center' });
  field?.querySelector<HTMLElement>('input, textarea, select, [role=radio][tabindex="0"]')?.focus();
}
