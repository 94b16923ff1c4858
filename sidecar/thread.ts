import { runWorker } from '@isthmus/ztunnel/worker/run.ts';

// The engine of waypoint/ comes here once there is one.
await runWorker({ l7: undefined });
