import { answerStream } from './answer.ts';
import { healthStream } from './health.ts';
import { syncStream } from './sync.ts';

/** The streams of a link. */
export const streamKinds = [syncStream, healthStream, answerStream] as const;
