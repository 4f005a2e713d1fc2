/** The core's errors, as the page throws them. */
import type { RelaisError as RelaisErrorRecord } from './types';

export type ErrorType = RelaisErrorRecord['type'];

/** Why a call failed; `type` says what to do next, `code` why. */
export class RelaisError extends Error {
  constructor(
    readonly type: ErrorType,
    readonly code: string,
    readonly key: string = `error.${code}`,
    readonly field: string | null = null,
  ) {
    super(code);
  }

  static of(record: RelaisErrorRecord): RelaisError {
    return new RelaisError(
      record.type,
      record.code,
      record.key,
      record.type === 'rejected' ? record.field : null,
    );
  }
}
