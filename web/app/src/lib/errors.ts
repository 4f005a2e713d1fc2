/**
 * What a person is told of an error: what happened, what is safe, what to do. The core gives
 * a class and a code; a code that is not known here has the words for the unexpected.
 */
import { m } from '$messages';
import { RelaisError } from './relais';

export interface ErrorText {
  what: string;
  safe: string;
  todo: string;
  /** Trying the same again can help. */
  retry: boolean;
}

type Words = readonly [what: () => string, todo: () => string];

/** Every code of the core, of the façade and of the vault. */
export const ERRORS: Readonly<Record<string, Words>> = {
  invalid: [m.error_invalid, m.error_invalid_todo],
  unknown: [m.error_unknown, m.error_unknown_todo],
  not_allowed: [m.error_not_allowed, m.error_not_allowed_todo],
  not_yet: [m.error_not_yet, m.error_not_yet_todo],
  not_enrolled: [m.error_not_enrolled, m.error_not_enrolled_todo],
  already_enrolled: [m.error_already_enrolled, m.error_already_enrolled_todo],
  bad_link: [m.error_bad_link, m.error_bad_link_todo],
  enrolment_refused: [m.error_enrolment_refused, m.error_enrolment_refused_todo],
  frozen: [m.error_frozen, m.error_frozen_todo],
  recovery: [m.error_recovery, m.error_recovery_todo],
  photo: [m.error_photo, m.error_photo_todo],
  photo_unsupported: [m.error_photo_unsupported, m.error_photo_unsupported_todo],
  photo_too_large: [m.error_photo_too_large, m.error_photo_too_large_todo],
  photo_damaged: [m.error_photo_damaged, m.error_photo_damaged_todo],
  not_here_yet: [m.error_not_here_yet, m.error_not_here_yet_todo],
  blob: [m.error_blob, m.error_blob_todo],
  database: [m.error_database, m.error_database_todo],
  storage: [m.error_storage, m.error_storage_todo],
  mls: [m.error_mls, m.error_mls_todo],
  corrupt: [m.error_corrupt, m.error_corrupt_todo],
  wrong_key: [m.error_wrong_key, m.error_wrong_key_todo],
  key_missing: [m.error_key_missing, m.error_key_missing_todo],
  busy: [m.error_busy, m.error_busy_todo],
  closed: [m.error_closed, m.error_closed_todo],
  panic: [m.error_panic, m.error_panic_todo],
  threads: [m.error_threads, m.error_threads_todo],
  randomness: [m.error_randomness, m.error_randomness_todo],
  platform: [m.error_platform, m.error_platform_todo],
  too_new: [m.error_too_new, m.error_too_new_todo],
  timeout: [m.error_timeout, m.error_timeout_todo],
  cancelled: [m.error_cancelled, m.error_cancelled_todo],
  secret_store_locked: [m.error_secret_store_locked, m.error_secret_store_locked_todo],
  secret_store_unavailable: [m.error_secret_store_unavailable, m.error_secret_store_unavailable_todo],
  pin_wrong: [m.error_pin_wrong, m.error_pin_wrong_todo],
  pin_delayed: [m.error_pin_delayed, m.error_pin_delayed_todo],
  pin_wiped: [m.error_pin_wiped, m.error_pin_wiped_todo],
  passkey_unsupported: [m.error_passkey_unsupported, m.error_passkey_unsupported_todo],
  pin_format: [m.error_pin_format, m.error_pin_format_todo],
  vault_exists: [m.error_vault_exists, m.error_vault_exists_todo],
  passkey_unknown: [m.error_passkey_unknown, m.error_passkey_unknown_todo],
  open_elsewhere: [m.error_open_elsewhere, m.error_open_elsewhere_todo],
  disk_full: [m.error_disk_full, m.error_disk_full_todo],
  unsupported: [m.error_unsupported, m.error_unsupported_todo],
  arguments: [m.error_arguments, m.error_arguments_todo],
  not_manager: [m.error_not_manager, m.error_not_manager_todo],
  no_manager_reachable: [m.error_no_manager_reachable, m.error_no_manager_reachable_todo],
  last_manager: [m.error_last_manager, m.error_last_manager_todo],
  removes_oneself: [m.error_removes_oneself, m.error_removes_oneself_todo],
  shares_with_oneself: [m.error_shares_with_oneself, m.error_shares_with_oneself_todo],
  not_professional: [m.error_not_professional, m.error_not_professional_todo],
  role: [m.error_role, m.error_role_todo],
  content_kind: [m.error_content_kind, m.error_content_kind_todo],
  thread_closed: [m.error_thread_closed, m.error_thread_closed_todo],
  goes_on_by_itself: [m.error_goes_on_by_itself, m.error_goes_on_by_itself_todo],
  task_state: [m.error_task_state, m.error_task_state_todo],
  not_receiver: [m.error_not_receiver, m.error_not_receiver_todo],
  nothing_given_up: [m.error_nothing_given_up, m.error_nothing_given_up_todo],
  not_coordinator: [m.error_not_coordinator, m.error_not_coordinator_todo],
  linked_device: [m.error_linked_device, m.error_linked_device_todo],
  too_many_devices: [m.error_too_many_devices, m.error_too_many_devices_todo],
  device_revoked: [m.error_device_revoked, m.error_device_revoked_todo],
  person_left: [m.error_person_left, m.error_person_left_todo],
  unconfirmed: [m.error_unconfirmed, m.error_unconfirmed_todo],
  coordinator_already: [m.error_coordinator_already, m.error_coordinator_already_todo],
  no_coordinator: [m.error_no_coordinator, m.error_no_coordinator_todo],
  last_coordinator: [m.error_last_coordinator, m.error_last_coordinator_todo],
  standing_ended: [m.error_standing_ended, m.error_standing_ended_todo],
  standing_first: [m.error_standing_first, m.error_standing_first_todo],
  needs_no_return: [m.error_needs_no_return, m.error_needs_no_return_todo],
  root_elsewhere: [m.error_root_elsewhere, m.error_root_elsewhere_todo],
  recovery_unproved: [m.error_recovery_unproved, m.error_recovery_unproved_todo],
  two_coordinators: [m.error_two_coordinators, m.error_two_coordinators_todo],
  proposal_closed: [m.error_proposal_closed, m.error_proposal_closed_todo],
  own_proposal: [m.error_own_proposal, m.error_own_proposal_todo],
  proposer_gone: [m.error_proposer_gone, m.error_proposer_gone_todo],
  recovery_not_this: [m.error_recovery_not_this, m.error_recovery_not_this_todo],
  recovery_version: [m.error_recovery_version, m.error_recovery_version_todo],
  recovery_character: [m.error_recovery_character, m.error_recovery_character_todo],
  recovery_length: [m.error_recovery_length, m.error_recovery_length_todo],
  recovery_damaged: [m.error_recovery_damaged, m.error_recovery_damaged_todo],
  recovery_other_structure: [m.error_recovery_other_structure, m.error_recovery_other_structure_todo],
  recovery_other_root: [m.error_recovery_other_root, m.error_recovery_other_root_todo],
  recovery_wrong_passphrase: [m.error_recovery_wrong_passphrase, m.error_recovery_wrong_passphrase_todo],
  recovery_weak_passphrase: [m.error_recovery_weak_passphrase, m.error_recovery_weak_passphrase_todo],
  recovery_parameters: [m.error_recovery_parameters, m.error_recovery_parameters_todo],
  recovery_threshold: [m.error_recovery_threshold, m.error_recovery_threshold_todo],
  recovery_too_few_shares: [m.error_recovery_too_few_shares, m.error_recovery_too_few_shares_todo],
  recovery_mixed_shares: [m.error_recovery_mixed_shares, m.error_recovery_mixed_shares_todo],
  recovery_not_the_root: [m.error_recovery_not_the_root, m.error_recovery_not_the_root_todo],
  unexpected: [m.error_unexpected, m.error_unexpected_todo],
};

const SAFE = {
  retry: m.safe_retry,
  rejected: m.safe_rejected,
  reEnrol: m.safe_re_enrol,
  updateNeeded: m.safe_update_needed,
  fatal: m.safe_fatal,
} as const;

export function describe(error: unknown): ErrorText {
  const known = error instanceof RelaisError ? error : null;
  const [what, todo] = ERRORS[known?.code ?? ''] ?? [m.error_unexpected, m.error_unexpected_todo];
  const type = known?.type ?? 'retry';
  return { what: what(), safe: SAFE[type](), todo: todo(), retry: type === 'retry' || !known };
}

/** The field that an error names, to be marked in a form. */
export function wrongField(error: unknown): string | null {
  return error instanceof RelaisError ? error.field : null;
}
