import { CodedError } from '@isthmus/mesh/process/coded-error.ts';

/** Every code of the errors that the sandbox throws. */
export type SandboxErrorCode =
  | 'API_ERROR'
  | 'BLOCK_IN_USE'
  | 'INSTANCE_DAMAGED'
  | 'INSTANCE_RUNS'
  | 'NO_FREE_BLOCK'
  | 'PROGRAM_ENDED'
  | 'STOPPED'
  | 'TIMED_OUT'
  | 'USER_ERROR';

export class SandboxError extends CodedError<SandboxErrorCode> {}
