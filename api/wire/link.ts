/** Every message of the link between agent and hub as a codec: `encode(record)`, `decode(bytes): Result`. */
export * from './link/sync.ts';
export * from './link/report.ts';
export * from './link/health.ts';
export * from './link/directive.ts';
export * from './link/question.ts';
export * from './link/membership.ts';
