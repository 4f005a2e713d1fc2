export { relais, RelaisError } from './client';
export type * from './types';
export type { VaultStatus } from './client';
