import { busy, comingBack } from './attacks/coming-back.ts';
import { continuationFlood, cutBlocks } from './attacks/continuations.ts';
import { frameFlood } from './attacks/frame-flood.ts';
import { handshakeFlood } from './attacks/handshake-flood.ts';
import { headerBomb } from './attacks/header-bomb.ts';
import { headerDrip } from './attacks/header-drip.ts';
import { madeYouReset } from './attacks/made-you-reset.ts';
import { rapidReset } from './attacks/rapid-reset.ts';
import { reconnect } from './attacks/reconnect.ts';
import { silence } from './attacks/silence.ts';
import { unread } from './attacks/unread.ts';
import { windowStall } from './attacks/window-stall.ts';
import type { Job, Outcome } from './job.ts';

/** Every attack that the driver's process can make, by name. */
export const attacks: Readonly<Record<string, (job: Job) => Promise<Outcome>>> = {
  'rapid-reset': rapidReset,
  reconnect,
  'made-you-reset': madeYouReset,
  'continuation-flood': continuationFlood,
  'cut-blocks': cutBlocks,
  'frame-flood': frameFlood,
  'header-bomb': headerBomb,
  'header-drip': headerDrip,
  'window-stall': windowStall,
  unread,
  'handshake-flood': handshakeFlood,
  silence,
  'coming-back': comingBack,
  busy,
};
