/** Exit statuses that scripts may rely on. */
export const exit = {
  done: 0,
  failed: 1,
  usage: 2,
  unreachable: 3,
  notFound: 4,
  conflict: 5,
  denied: 6,
  /** The hub was replaced by another process. */
  fenced: 7,
  /** `isthmus check` found warnings and nothing worse. */
  warnings: 10,
} as const;

export type ExitStatus = (typeof exit)[keyof typeof exit];

/** Ends a command with a status and one sentence. */
export class CliError extends Error {
  readonly status: ExitStatus;

  constructor(status: ExitStatus, message: string) {
    super(message);
    this.status = status;
  }
}

const byCode: Readonly<Record<string, ExitStatus>> = {
  NOT_FOUND: exit.notFound,
  PLAN_UNKNOWN: exit.notFound,
  CONFLICT: exit.conflict,
  STALE_REVISION: exit.conflict,
  PLAN_STALE: exit.conflict,
  UNAUTHENTICATED: exit.denied,
  DENIED: exit.denied,
  FENCED: exit.fenced,
  INVALID: exit.usage,
  CLUSTER_UNREACHABLE: exit.unreachable,
  CLUSTER_SILENT: exit.unreachable,
};

/** The status for a code of the API. */
export const statusOf = (code: string | undefined): ExitStatus => byCode[code ?? ''] ?? exit.failed;
