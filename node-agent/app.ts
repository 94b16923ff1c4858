import { mkdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { ApiServer } from '@isthmus/api/kube/api-server.ts';
import { sleep, type Clock } from '@isthmus/mesh/process/clock.ts';
import type { ListenAddress } from '@isthmus/mesh/process/flags.ts';
import type { Log } from '@isthmus/mesh/process/log.ts';
import type { Random } from '@isthmus/mesh/process/random.ts';
import { ChainFile } from './cni/chain-file.ts';
import { Mailbox } from './cni/mailbox.ts';
import { countOf } from './enrol/enrolments.ts';
import { KeptTargets } from './enrol/kept-targets.ts';
import { ProbeRules, type RunHere } from './host/probe-rules.ts';
import { NodeCapture } from './node-capture.ts';
import type { Places } from './pods/found-namespaces.ts';
import { NodePods } from './pods/node-pods.ts';
import { Annotator } from './report/annotator.ts';
import { isRemoved } from './removal.ts';
import type { Backends } from './rules/backend.ts';
import { PodRules } from './rules/pod-rules.ts';
import { serveStatus, type Facts } from './telemetry/status.ts';
import { ZdsServer } from './zds/server.ts';

export interface NodeAgentOptions {
  readonly node: string;
  readonly server: ApiServer;
  /** The namespace that it runs in, and the name of its DaemonSet there. */
  readonly namespace: string;
  readonly daemonSet: string;
  /** Where proxies connect. */
  readonly zds: string;
  /** A folder of the node that goes with a reboot. */
  readonly stateDir: string;
  readonly backends: Backends;
  readonly places: Places;
  readonly netns: string;
  readonly settings: string;
  readonly dns: boolean;
  /** The chained plugin; undefined: pods are captured after they start. */
  readonly cni: CniPlaces | undefined;
  readonly admin: ListenAddress | undefined;
  readonly runHere: RunHere;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** Folders of the node for the chained plugin. */
export interface CniPlaces {
  readonly mailbox: string;
  readonly configurations: string;
  readonly programs: string;
}

/** A node agent that runs. */
export interface NodeAgent {
  readonly facts: () => Facts;
  readonly capture: NodeCapture;
  /** Of the admin listener; 0 without one. */
  readonly adminPort: number;
  /** Ends it. What it has enrolled stays captured, but where its own removal was asked for. */
  stop(): Promise<void>;
}

/** How long the first list of pods is waited for before proxies get what the file has. */
const patienceMillis = 10_000;
const stepMillis = 50;
/** How long an agent that is removed tries to take its annotations back: its account may be gone already. */
const farewellMillis = 5000;

/** Makes the parts and starts them; resolves once proxies are let in. NATIVE_SOCKET, LISTEN_FAILED. */
export async function startNodeAgent(options: NodeAgentOptions): Promise<NodeAgent> {
  const { server, clock, log, zds: path, stateDir } = options;
  for (const folder of [dirname(path), stateDir]) mkdirSync(folder, { recursive: true, mode: 0o700 });
  const stopping = new AbortController();
  const parts = partsOf(options);
  const { zds, nodePods, probes, annotator, capture, plugin } = parts;
  const facts = (): Facts => factsOf(parts);
  const adminPort = options.admin ? await serveStatus(facts, options.admin, log, stopping.signal) : 0;
  capture.recover();
  void nodePods.run(stopping.signal);
  capture.start();
  const end = clock.monotonic() + patienceMillis;
  while (!nodePods.synced && clock.monotonic() < end) await sleep(clock, stepMillis);
  zds.listen(path);
  probes.set(parts.probed());
  // Before the chain: what is called finds somebody who answers.
  plugin?.mailbox.open();
  plugin?.chain.open();
  const { backends } = options;
  log.info(
    { pods: capture.enrolments.all.size, rulesOfPods: backends.pods, rulesOfNode: backends.node },
    'proxies are let in',
  );
  const close = () => {
    stopping.abort(new Error('stopped'));
    plugin?.chain.close();
    plugin?.mailbox.close();
    capture.close();
    annotator.close();
    probes.close();
    zds.close();
  };
  return {
    facts,
    capture,
    adminPort,
    async stop() {
      const place = { namespace: options.namespace, name: options.daemonSet };
      if (await isRemoved(server, place)) {
        // What the API says from now on changes nothing any more.
        stopping.abort(new Error('stopped'));
        await removeAll(parts, options);
      }
      close();
    },
  };
}

function partsOf(options: NodeAgentOptions) {
  const { node, server, stateDir, backends, runHere, clock, random, log } = options;
  const zds = new ZdsServer({ clock, log, onListening: (uid) => capture.enrolments.heard(uid) });
  const onPod = (uid: string, isGone: boolean) => capture.podChanged(uid, isGone);
  const onNamespace = () => capture.namespacesChanged();
  const nodePods = new NodePods({ server, node, clock, random, log, onPod, onNamespace });
  const rules = new PodRules({ backend: backends.pods, settings: options.settings, clock });
  const probes = new ProbeRules({ backend: backends.node, run: runHere, clock, log });
  const annotator = new Annotator({ server, clock, random, log });
  const kept = new KeptTargets(join(stateDir, 'enrolled.json'), log);
  const onNamespaces = (names: readonly string[]) => plugin?.mailbox.keepNamespaces(names);
  const own = { ...options, ownNamespace: options.namespace, onNamespaces };
  const capture = new NodeCapture({ ...own, zds, nodePods, rules, probes, annotator, kept });
  const plugin = options.cni && pluginOf(options.cni, options, capture);
  return { zds, nodePods, rules, probes, annotator, capture, plugin, probed: () => capture.probed() };
}
type Parts = ReturnType<typeof partsOf>;

/** The plugin's mailbox, and its place in the chain of the node. */
function pluginOf(places: CniPlaces, { namespace, clock, log }: NodeAgentOptions, capture: NodeCapture) {
  const mailbox = new Mailbox({
    folder: places.mailbox,
    ownNamespace: namespace,
    clock,
    log,
    onAdd: (request) => capture.beforeStart(request.uid, request.namespace, request.netns),
    onDel: ({ uid, netns }) => capture.namespaceEnds(uid, netns),
  });
  return { mailbox, chain: new ChainFile({ ...places, clock, log }) };
}

const factsOf = ({ zds, nodePods, probes, annotator, capture, plugin }: Parts): Facts => ({
  synced: nodePods.synced,
  apiTrouble: nodePods.trouble,
  letsProxiesIn: zds.isListening,
  proxies: zds.proxies,
  ...countOf(capture.enrolments.all.values()),
  problems: capture.problems,
  probeProblem: probes.problem,
  annotationProblem: annotator.problem,
  pluginProblem: plugin?.mailbox.problem ?? plugin?.chain.problem,
});

/** Takes the rules out of every pod and out of the node, whatever state they are in, and what else is there of this program. */
async function removeAll(
  { zds, rules, probes, annotator, capture, plugin }: Parts,
  { clock, stateDir }: NodeAgentOptions,
): Promise<void> {
  plugin?.chain.remove();
  plugin?.mailbox.remove();
  const listed = [...capture.enrolments.all.values()].flatMap(({ listed: one }) => one ?? []);
  capture.close();
  await Promise.all(
    listed.map(async ({ uid, options }) => {
      const namespace = zds.namespace(uid);
      if (namespace === undefined) return;
      await rules.stop(namespace, options).catch(() => undefined);
      await rules.clear(namespace, options).catch(() => undefined);
    }),
  );
  await probes.remove();
  for (const { uid, name, namespace } of listed) annotator.set({ uid, name, namespace }, {});
  const end = clock.monotonic() + farewellMillis;
  while (!annotator.isIdle && clock.monotonic() < end) await sleep(clock, stepMillis);
  rmSync(stateDir, { recursive: true, force: true });
}
