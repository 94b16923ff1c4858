import type { Log } from '@isthmus/mesh/process/log.ts';
import type { Random } from '@isthmus/mesh/process/random.ts';
import type { WorkloadIssuer } from '../ca/issuer.ts';
import type { HubView } from '../view/hub-view.ts';
import { activated } from './hub-changes.ts';
import type { HubLinks } from './hub-links.ts';
import { readLinkIdentity } from './identity.ts';
import type { Renewals } from './renewals.ts';

interface Deps {
  readonly stateDir: string;
  readonly random: Random;
  readonly log: Log;
  readonly hub: Pick<HubView, 'activations'>;
  readonly issuer: Pick<WorkloadIssuer, 'reload' | 'activate' | 'currentKeyId'>;
  readonly link: Pick<HubLinks, 'take'>;
  readonly renewals: Pick<Renewals, 'take'>;
  /** The time of what is due may be another. */
  readonly arm: () => void;
}

/** What an agent does when another replica of it has written files of the state folder: it goes on with what is in them. */
export const takenFiles =
  ({ stateDir, random, log, hub, issuer, link, renewals, arm }: Deps) =>
  (files: readonly string[]): void => {
    try {
      if (files.includes('intermediate.json')) {
        issuer.reload();
        // The hub may have let it sign before it came here.
        issuer.activate(activated(hub));
      }
      const identity = files.includes('link.json') ? readLinkIdentity(stateDir, random) : undefined;
      if (identity) {
        link.take(identity);
        renewals.take(identity);
      }
      arm();
      log.info({ files, keyId: issuer.currentKeyId }, 'state of another replica taken');
    } catch (error) {
      log.error({ files, error: String(error) }, 'state of another replica cannot be taken');
    }
  };
