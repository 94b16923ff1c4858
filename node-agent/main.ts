import { kubeClient } from '@isthmus/api/kube/client.ts';
import { systemClock } from '@isthmus/mesh/process/clock.ts';
import { logLevelFlag, readFlags } from '@isthmus/mesh/process/flags.ts';
import { createLog } from '@isthmus/mesh/process/log.ts';
import { systemRandom } from '@isthmus/mesh/process/random.ts';
import { startNodeAgent } from './app.ts';
import { runHere } from './host/probe-rules.ts';
import { findBackends } from './rules/backend.ts';

const flags = readFlags(
  'isthmus-node-agent',
  'enrols the pods of one node, so that its proxy captures them',
  [
    { name: 'node', value: 'NAME', help: 'the node that it runs on' },
    {
      name: 'kubernetes',
      value: 'in-cluster|FILE',
      default: 'in-cluster',
      help: 'the API server: that of the pod, or of the current context of a kubeconfig',
    },
    { name: 'namespace', value: 'NAME', default: '', help: 'its own namespace; by default that of its pod' },
    {
      name: 'daemonset',
      value: 'NAME',
      default: 'isthmus-node-agent',
      help: 'its DaemonSet: rules are removed when that is gone, and at no other end',
    },
    {
      name: 'zds-socket',
      value: 'PATH',
      default: '/var/run/ztunnel/ztunnel.sock',
      help: 'where the proxy of the node connects',
    },
    {
      name: 'state-dir',
      value: 'DIR',
      default: '/var/run/isthmus-node-agent',
      help: 'folder of the node with the list of enrolled pods; it goes with a reboot',
    },
    { name: 'netns', value: 'DIR', default: '/var/run/netns', help: 'folder of the namespaces of pods' },
    {
      name: 'containerd',
      value: 'DIR',
      default: '/run/containerd/io.containerd.runtime.v2.task/k8s.io',
      help: 'folder of the tasks of containerd; without it pods are found by the processes of --proc',
    },
    {
      name: 'proc',
      value: 'DIR',
      default: '/proc',
      help: 'the processes of the node, for which SYS_PTRACE is needed',
    },
    {
      name: 'settings',
      value: 'DIR',
      default: '/proc/sys',
      help: 'settings of namespaces, writable: in a container /proc/sys of the node, mounted elsewhere',
    },
    {
      name: 'rules',
      value: 'PROGRAM',
      default: 'auto',
      choices: ['auto', 'nft', 'iptables'],
      help: 'auto (what works), nft or iptables',
    },
    {
      name: 'dns-capture',
      value: 'BOOLEAN',
      default: 'true',
      choices: ['true', 'false'],
      help: 'whether DNS of pods is captured that say nothing of it',
    },
    {
      name: 'cni-mailbox',
      value: 'DIR',
      default: '/var/run/isthmus-cni',
      help: 'folder of the node in which the chained plugin finds this agent; with --cni-config',
    },
    {
      name: 'cni-config',
      value: 'DIR',
      default: '',
      help: '/etc/cni/net.d of the node, to chain a plugin that captures a pod before it starts; without it pods are captured after they start',
    },
    {
      name: 'cni-bin',
      value: 'DIR',
      default: '/opt/cni/bin',
      help: 'folder of the node for the program of the plugin; with --cni-config',
    },
    {
      name: 'admin-listen',
      value: 'HOST:PORT',
      default: '127.0.0.1:15022',
      help: '/livez, /readyz and /metrics',
    },
    logLevelFlag,
  ],
  ['node'],
);

const log = createLog('node-agent', flags.text('log-level'));

async function start(): Promise<void> {
  const client = kubeClient(flags.text('kubernetes'), systemClock);
  const agent = await startNodeAgent({
    node: flags.text('node'),
    server: client.server,
    namespace: flags.text('namespace') || client.namespace,
    daemonSet: flags.text('daemonset'),
    zds: flags.text('zds-socket'),
    stateDir: flags.text('state-dir'),
    backends: await findBackends(flags.text('rules') as 'auto' | 'nft' | 'iptables'),
    places: { containerd: flags.text('containerd'), proc: flags.text('proc') },
    netns: flags.text('netns'),
    settings: flags.text('settings'),
    cni:
      flags.text('cni-config') === ''
        ? undefined
        : {
            mailbox: flags.text('cni-mailbox'),
            configurations: flags.text('cni-config'),
            programs: flags.text('cni-bin'),
          },
    dns: flags.text('dns-capture') === 'true',
    admin: flags.address('admin-listen'),
    runHere,
    clock: systemClock,
    random: systemRandom,
    log,
  });
  const end = () =>
    void agent.stop().then(
      () => process.exit(0),
      (error: unknown) => {
        log.error({ error: String(error) }, 'the node agent did not end well');
        process.exit(1);
      },
    );
  process.once('SIGTERM', end).once('SIGINT', end);
}

start().catch((error: unknown) => {
  log.error({ error: error instanceof Error ? error.message : String(error) }, 'the node agent cannot start');
  process.exit(1);
});
