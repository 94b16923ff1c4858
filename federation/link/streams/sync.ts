import { epochHeader } from '@isthmus/api/grpc/services.ts';
import type { SyncMessage } from '@isthmus/api/wire/link.ts';
import { CodedError } from '@isthmus/mesh/process/coded-error.ts';
import { withLink } from '../../observation/record-steps.ts';
import { AgentSync } from '../agent-sync.ts';
import type { StreamKind } from '../stream-kind.ts';

/** What a cluster must know, and what it reports. Its agent is connected as long as this stream is open. */
export const syncStream: StreamKind<SyncMessage, SyncMessage, AgentSync> = {
  method: 'sync',
  holdsLink: true,
  open(link, call, { hub, taken }) {
    const { cluster } = link.agent;
    refuseBehind(hub.snapshot().epoch, Number(call.metadata.get(epochHeader)[0] ?? 0));
    const session = new AgentSync(link, call, hub, taken.of(cluster));
    hub.observe(cluster, (record) => withLink(record, { kind: 'CONNECTED' }));
    hub.log.info({ cluster }, 'agent connected');
    return session;
  },
};

/** An agent that has seen a later epoch would refuse everything that is sent from here. */
function refuseBehind(epoch: number, seen: number): void {
  if (!(seen > epoch)) return;
  throw new CodedError(
    'FENCED',
    `this hub has epoch ${epoch} and the agent has seen ${seen}: another hub is in charge, or this one was restored from a backup; in that case start it with --epoch-above ${seen}`,
  );
}
