import { zdsHello } from '@isthmus/api/wire/zds.ts';
import { namespaceIdentity } from '@isthmus/mesh/native/namespace.ts';
import { closeDescriptor } from '@isthmus/mesh/native/native.ts';
import { connectPackets } from '@isthmus/mesh/native/packets.ts';
import { sleep, type Clock } from '@isthmus/mesh/process/clock.ts';
import type { Log } from '@isthmus/mesh/process/log.ts';
import type { ProxyConfig } from '../configuration.ts';
import { EnrolledPods, type EnrolledPodsDeps } from './enrolled-pods.ts';
import { Session } from './session.ts';

/** Between two looks for a node agent. To dial a path at which nobody listens costs some microseconds. */
const retryMillis = 200;

interface FollowDeps extends Pick<EnrolledPodsDeps, 'enrol' | 'leave'> {
  readonly config: Pick<ProxyConfig, 'cluster' | 'zdsPath'>;
  readonly clock: Clock;
  readonly log: Log;
  readonly onSnapshot: () => void;
}

/** Captures the pods that a node agent names over ZDS, for as long as the proxy runs. One that is away changes nothing. */
export async function followNodeAgent(deps: FollowDeps, signal: AbortSignal): Promise<void> {
  const { config, clock, log, enrol, leave, onSnapshot } = deps;
  const { cluster, zdsPath: path } = config;
  const native = { identityOf: namespaceIdentity, close: closeDescriptor };
  const pods = new EnrolledPods({ cluster, log, enrol, leave, ...native });
  let said = '';
  const isOver = () => signal.aborted;
  while (!isOver()) {
    const why = await once();
    if (why !== said && !isOver()) log.warn({ path, error: why }, 'no node agent says which pods there are');
    said = why;
    await sleep(clock, retryMillis, signal).catch(() => undefined);
  }

  /** One connection, from beginning to end: resolves with why it is over. */
  async function once(): Promise<string> {
    let session: Session | undefined;
    const stop = () => session?.end('the proxy stops');
    try {
      const connection = connectPackets(path);
      session = new Session(connection, { pods, close: closeDescriptor, onSnapshot });
      signal.addEventListener('abort', stop, { once: true });
      pods.begin();
      connection.send(Buffer.from(zdsHello.encode({})));
      log.info({ path }, 'connected to the node agent');
      said = '';
    } catch (error) {
      session?.end('it did not take the hello');
      return error instanceof Error ? error.message : String(error);
    }
    const why = await session.over;
    signal.removeEventListener('abort', stop);
    return why;
  }
}
