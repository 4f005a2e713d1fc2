export { relais } from './client';
export type { VaultStatus } from './client';
export { RelaisError } from './error';
export type { ErrorType } from './error';
export type * from './types';
