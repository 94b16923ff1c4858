import { pino } from 'pino';
import { terminalText } from './terminal-text.ts';

/** Structured logging: fields first, then a short sentence without a trailing period. Never a key or a token. */
export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
  child(fields: object): Log;
}

/** JSON lines on standard output, one object a line. `level` is one of debug, info, warn, error. */
export function createLog(program: string, level = 'info'): Log {
  return pino({
    level,
    base: { program },
    timestamp: pino.stdTimeFunctions.isoTime,
    // JSON escapes only some of what a terminal obeys, and logs are read on terminals.
    hooks: { streamWrite: terminalText },
  });
}

/** For tests and for library defaults: says nothing. */
export const silentLog: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => silentLog,
};
