import { CodedError } from '@isthmus/mesh/process/coded-error.ts';

/** Every code of the errors that a node agent throws. */
export type NodeAgentErrorCode =
  /** A program that reads or writes rules failed, did not end, or left the rules other than they must be. */
  | 'RULES_FAILED'
  /** No program of this node can write rules. */
  | 'NO_RULES_PROGRAM'
  /** A namespace is not there, or not readable. */
  | 'NO_NAMESPACE';

export class NodeAgentError extends CodedError<NodeAgentErrorCode> {}
