import { runWorker } from './run.ts';

// ztunnel carries bytes: it has no L7.
await runWorker({ l7: undefined });
