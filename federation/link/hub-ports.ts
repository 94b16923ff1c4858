import type { ClusterLimits } from '@isthmus/api/domain/limits.ts';
import { createHash } from 'node:crypto';
import type {
  JoinRequest,
  JoinResponse,
  SignIntermediateRequest,
  SignIntermediateResponse,
} from '@isthmus/api/domain/membership.ts';
import { readCsr } from '@isthmus/mesh/pki/csr.ts';
import { certificatePem } from '@isthmus/mesh/pki/issue.ts';
import { publicKeyDer } from '@isthmus/mesh/pki/key.ts';
import type { KeyProvider } from '@isthmus/mesh/pki/seal.ts';
import type { Clock } from '@isthmus/mesh/process/clock.ts';
import { HubError } from '../hub-error.ts';
import { LimitedLines } from '@isthmus/mesh/process/limited-lines.ts';
import type { Log } from '@isthmus/mesh/process/log.ts';
import type { Random } from '@isthmus/mesh/process/random.ts';
import type { Command } from '../command/command.ts';
import { byHub, type CommandOptions, type CommandRunner } from '../command/run.ts';
import type { Catalog } from '../compile/catalog.ts';
import { join } from '../registry/join-tokens.ts';
import type { Observations } from '../observation/observations.ts';
import type { Live } from '../state/live.ts';
import type { Store } from '../store/store.ts';
import { recordIntermediate } from '../trust/commands.ts';
import type { LinkCa } from '../trust/link-ca.ts';
import { signIntermediate } from '../trust/trust-domain.ts';
import { ReportSaves } from './report-saves.ts';
import type { HubPorts } from './ports.ts';

interface Deps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly live: Live;
  readonly observations: Observations;
  readonly catalog: Catalog;
  readonly store: Store;
  readonly runner: CommandRunner;
  readonly ca: LinkCa;
  readonly provider: KeyProvider;
  readonly onReportsRefused?: HubPorts['reportsRefused'];
  readonly limits: ClusterLimits;
}

/** The link's view of the hub. */
export function hubPorts(deps: Deps): HubPorts {
  const { clock, random, log, live, observations, catalog, store, ca } = deps;
  const saves = new ReportSaves({ clock, store, log });
  live.onChange(({ forgotten }) => forgotten.forEach((cluster) => saves.forget(cluster)));
  return {
    lines: new LimitedLines(clock, log),
    clock,
    random,
    log,
    linkCa: ca.certificate,
    limits: deps.limits,
    denied: (denied) => deps.runner.attempts.deny(denied),
    reportsRefused: (cluster, count) => deps.onReportsRefused?.(cluster, count),
    snapshot: () => live.current,
    onChange: (listener) => live.onChange(listener),
    // The link of a cluster that was removed ends when the listeners run. What it says until then is of no cluster.
    observe(cluster, step) {
      if (live.current.intent.clusters.has(cluster)) observations.update(cluster, step);
    },
    acknowledged: (cluster, subjects) => observations.acknowledged(cluster, subjects),
    catalog,
    saveReports: (cluster, rows) => saves.add(cluster, rows),
    join: (request) => joinCluster(deps, request),
    renewLink: ({ cluster, membership }, csr) =>
      Promise.resolve({
        linkChain: ca.issueAgent(cluster, membership, csr),
        linkCa: certificatePem(ca.certificate),
      }),
    signIntermediate: (cluster, request) => sign(deps, cluster, request),
  };
}

async function joinCluster(deps: Deps, request: JoinRequest): Promise<JoinResponse> {
  const { ca, live } = deps;
  const { cluster, secret, linkCsr } = request;
  // The request is read first: a token is not used up by an agent that cannot be answered.
  const csr = readCsr(linkCsr);
  if (!csr.ok) throw new HubError('BAD_CSR', `link request of ${cluster}: ${csr.error}`);
  const { outside } = live.current;
  if (!outside.ok)
    throw new HubError(
      'HUB_ADDRESS_UNKNOWN',
      `where to connect after joining is not known: ${outside.error.message}; ${outside.error.remedy}`,
    );
  const key = createHash('sha256').update(publicKeyDer(csr.value.publicKey)).digest('hex');
  const { membership } = await must(
    deps,
    join,
    { cluster, secret, key },
    {
      ...byHub(''),
      actor: `agent/${cluster}`,
      audited: 'CHANGES',
    },
  );
  const { settings, intent } = live.current;
  const admitted = intent.clusters.get(cluster)?.value;
  if (!admitted)
    throw new HubError('NO_TRUST_DOMAIN', `cluster ${cluster} was removed while it joined: join again`);
  return {
    hubId: settings.hubId,
    clusterId: cluster,
    linkChain: ca.issueAgent(cluster, membership, linkCsr),
    linkCa: certificatePem(ca.certificate),
    linkEndpoints: outside.value.link,
    trustDomain: admitted.trustDomain,
  };
}

async function sign(
  deps: Deps,
  cluster: string,
  { csr, urgent }: SignIntermediateRequest,
): Promise<SignIntermediateResponse> {
  const { live, provider, random, clock } = deps;
  const { clusters, trustDomains } = live.current.intent;
  const domain = trustDomains.get(clusters.get(cluster)?.value.trustDomain ?? '')?.value;
  if (!domain) throw new HubError('NO_TRUST_DOMAIN', 'the hub has no trust domain yet: ask again');
  const signed = signIntermediate(domain, cluster, csr, { provider, random, now: clock.now() });
  if (!signed.ok) throw new HubError('BAD_CSR', signed.error);
  const record = { ...signed.value, ...(urgent && { urgent }) };
  await must(deps, recordIntermediate, record, { ...byHub(''), actor: `agent/${cluster}` });
  return { chain: [signed.value.certificatePem, domain.rootCertificatePem], keyId: signed.value.keyId };
}

async function must<I, P>(
  { runner }: Pick<Deps, 'runner'>,
  command: Command<I, P>,
  input: I,
  options: CommandOptions,
): Promise<P> {
  const outcome = await runner.run(command, input, options);
  if (outcome.ok) return outcome.payload;
  const [first] = outcome.errors;
  throw new HubError(first?.code ?? 'INTERNAL', first?.message ?? 'refused');
}
