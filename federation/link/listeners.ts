import { Server } from '@grpc/grpc-js';
import type { AskAgent } from '@isthmus/api/domain/question.ts';
import { Certificates, mutualServerCredentials, serverCredentials } from '@isthmus/api/grpc/certificates.ts';
import { serverOptions } from '@isthmus/api/grpc/options.ts';
import { joiningService, linkService } from '@isthmus/api/grpc/services.ts';
import { certificatePem } from '@isthmus/mesh/pki/issue.ts';
import { CodedError } from '@isthmus/mesh/process/coded-error.ts';
import { RateLimit } from '@isthmus/mesh/process/rate-limit.ts';
import { LinkDoors } from './doors.ts';
import { unary } from './grpc-status.ts';
import type { HubPorts } from './ports.ts';
import type { Reports } from './reports.ts';

export interface Link {
  /** Asks a cluster's agent; rejects with CLUSTER_UNREACHABLE when it is not there. */
  readonly ask: AskAgent;
  stop(): Promise<void>;
}

/** Opens the hub's two listeners: one where clusters join, one where their agents talk. */
export async function startLink(
  hub: HubPorts,
  listen: { readonly link: string; readonly join: string },
  restored: ReadonlyMap<string, Reports>,
): Promise<Link> {
  const doors = new LinkDoors(hub, restored);
  const ca = certificatePem(hub.linkCa);
  const link = new Server(serverOptions(4));
  link.addService(linkService, doors.handlers() as never);
  const join = new Server({ ...serverOptions(1), 'grpc.max_receive_message_length': 16 * 1024 });
  join.addService(joiningService, { join: unary(limitedJoin(hub), hub.log) });
  await bind(link, listen.link, mutualServerCredentials(new Certificates(hub.server, ca)));
  await bind(join, listen.join, serverCredentials(new Certificates(hub.server)));
  const stopWaking = hub.onChange(() => doors.wakeAll());
  return {
    ask: (cluster, ask) => doors.ask(cluster, ask),
    stop() {
      stopWaking();
      doors.stop();
      link.forceShutdown();
      join.forceShutdown();
      return Promise.resolve();
    },
  };
}

/** Nobody guesses secrets here: twenty calls from one address at once, and five a second from then on. */
function limitedJoin(hub: HubPorts) {
  const limit = new RateLimit(hub.clock, 5, 20);
  return (request: unknown, call: { getPeer(): string }): Promise<unknown> => {
    const peer = call.getPeer();
    if (limit.take(peer.slice(0, peer.lastIndexOf(':')))) return hub.join(request as never);
    throw new CodedError('TOO_MANY', 'too many attempts to join from this address: wait a few seconds');
  };
}

function bind(
  server: Server,
  address: string,
  credentials: ReturnType<typeof serverCredentials>,
): Promise<void> {
  return new Promise((resolve, reject) => {
    server.bindAsync(address, credentials, (error) => {
      if (error)
        reject(
          new CodedError('LISTEN_FAILED', `cannot listen on ${address}: ${error.message}`, { cause: error }),
        );
      else resolve();
    });
  });
}
