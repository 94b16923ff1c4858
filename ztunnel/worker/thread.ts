import { runWorker } from './run.ts';

// ztunnel carries bytes: it has no L7.
runWorker({ l7: undefined });
