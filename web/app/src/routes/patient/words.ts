/** Words for what a patient header says in codes. */
import { m } from '$messages';
import type { Register } from '$lib/patient/ins';
import type { AlertKind, IdentityStatus } from '$lib/relais';
import type { IconName } from '$lib/ui/icons';

export function statusOptions(): { value: IdentityStatus; text: string }[] {
  return [
    { value: 'provisional', text: m.status_provisional() },
    { value: 'retrieved', text: m.status_retrieved() },
    { value: 'validated', text: m.status_validated() },
    { value: 'qualified', text: m.status_qualified() },
  ];
}

export function statusHint(status: IdentityStatus): string {
  switch (status) {
    case 'provisional':
      return m.status_hint_provisional();
    case 'retrieved':
      return m.status_hint_retrieved();
    case 'validated':
      return m.status_hint_validated();
    case 'qualified':
      return m.status_hint_qualified();
  }
}

export function registerName(register: Register): string {
  switch (register) {
    case 'nir':
      return m.register_nir();
    case 'nia':
      return m.register_nia();
    case 'test':
      return m.register_test();
    case 'demo':
      return m.register_demo();
  }
}

export function alertKindName(kind: AlertKind | null): string {
  switch (kind) {
    case 'allergy':
      return m.alert_allergy();
    case 'risk':
      return m.alert_risk();
    default:
      return m.alert_other();
  }
}

export function alertKinds(): { value: AlertKind; text: string }[] {
  return (['allergy', 'risk', 'other'] as const).map((value) => ({ value, text: alertKindName(value) }));
}

export function alertIcon(kind: AlertKind | null): IconName {
  return kind === 'allergy' ? 'pill' : kind === 'risk' ? 'alert' : 'flag';
}
