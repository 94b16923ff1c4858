import type { JoinRequest, JoinResponse } from '@isthmus/api/domain/membership.ts';
import type { AskAgent } from '@isthmus/api/domain/question.ts';
import { Certificates } from '@isthmus/api/grpc/certificates.ts';
import { GrpcListener } from '@isthmus/api/grpc/listener.ts';
import { serverOptions } from '@isthmus/api/grpc/options.ts';
import { joiningService, linkService } from '@isthmus/api/grpc/services.ts';
import { certificatePem } from '@isthmus/mesh/pki/issue.ts';
import { HubError } from '../hub-error.ts';
import { RateLimit } from '@isthmus/mesh/process/rate-limit.ts';
import { denialOf } from './denied.ts';
import type { RestoredReports } from './taken-reports.ts';
import { LinkHandlers } from './link-handlers.ts';
import { unary } from './grpc-status.ts';
import type { HubPorts, ServerIdentity } from './ports.ts';
import { auditSubject } from '../command/audit-subject.ts';

export interface Link {
  /** Asks a cluster's agent; rejects with CLUSTER_UNREACHABLE when it is not there. */
  readonly ask: AskAgent;
  stop(): Promise<void>;
}

/** The hub's two listeners, bound: one where clusters join, one where their agents talk. */
export interface LinkListeners {
  /** Begins to answer. Calls that have come since the listeners were bound have waited for it. */
  open(hub: HubPorts, restored: RestoredReports): Link;
  /** Shows another certificate from now on; open connections go on. */
  show(server: ServerIdentity): void;
  close(): void;
}

/** What both listeners show, the CA that agents are verified against, and what they go by. */
export type LinkCertificates = Pick<HubPorts, 'linkCa' | 'clock' | 'log'> & {
  readonly server: ServerIdentity;
};

/**
 * Binds the listeners, which answer nothing yet: a hub takes its epoch only when it has its ports, and nothing may be
 * sent before. Throws LISTEN_FAILED.
 */
export async function bindLink(
  { server, linkCa, clock, log }: LinkCertificates,
  listen: { readonly link: string; readonly join: string },
): Promise<LinkListeners> {
  const handlers = Promise.withResolvers<Handlers>();
  const shown = [new Certificates(server, certificatePem(linkCa)), new Certificates(server)] as const;
  const link = new GrpcListener({
    certificates: shown[0],
    mutual: true,
    proof: 'first-call',
    server: serverOptions(4),
    clock,
    log,
  });
  link.addService(linkService, once(handlers.promise, Object.keys(linkService)));
  const join = new GrpcListener({
    certificates: shown[1],
    mutual: false,
    proof: 'none',
    server: { ...serverOptions(1), 'grpc.max_receive_message_length': 16 * 1024 },
    clock,
    log,
  });
  join.addService(joiningService, once(handlers.promise, Object.keys(joiningService)));
  const close = () => {
    void link.close();
    void join.close();
  };
  try {
    await link.listen(listen.link, '--link-listen');
    await join.listen(listen.join, '--join-listen');
  } catch (error) {
    close();
    throw error;
  }
  return {
    close,
    show: (identity) => shown.forEach((certificates) => certificates.setIdentity(identity)),
    open(hub, restored) {
      const linkHandlers = new LinkHandlers(hub, restored);
      // Each is called with the call and the callback that grpc-js has for its method, as it would be without `once`.
      handlers.resolve({
        ...linkHandlers.handlers(),
        join: unary(joiningService.join, limitedJoin(hub), hub.lines),
      } as never);
      const stopWaking = hub.onChange((changes, now) => linkHandlers.changed(changes, now));
      return {
        ask: (cluster, ask) => linkHandlers.ask(cluster, ask),
        stop() {
          stopWaking();
          linkHandlers.stop();
          close();
          return Promise.resolve();
        },
      };
    },
  };
}

type Handler = (call: { readonly cancelled: boolean }, ...more: readonly unknown[]) => void;
type Handlers = Readonly<Record<string, Handler>>;

/** Handlers that hand over to those that are still to come. */
const once = (handlers: Promise<Handlers>, names: readonly string[]): Handlers =>
  Object.fromEntries(
    names.map((name): [string, Handler] => [
      name,
      (call, ...more) =>
        void handlers.then((all) => {
          if (!call.cancelled) all[name]?.(call, ...more);
        }),
    ]),
  );

/** Nobody guesses secrets here: twenty calls from one address at once, and five a second from then on. */
function limitedJoin(hub: HubPorts) {
  const limit = new RateLimit(hub.clock, 5, 20);
  return async (asked: JoinRequest, call: { getPeer(): string }): Promise<JoinResponse> => {
    const peer = call.getPeer();
    try {
      if (limit.take(peer.slice(0, peer.lastIndexOf(':')))) return await hub.join(asked);
      throw new HubError('TOO_MANY', 'too many attempts to join from this address: wait a few seconds');
    } catch (error) {
      const { cluster, secret } = asked;
      const what = { action: 'join', subject: auditSubject('cluster', cluster), input: { cluster, secret } };
      const denied = denialOf(error, peer, what);
      if (denied) hub.denied(denied);
      throw error;
    }
  };
}
