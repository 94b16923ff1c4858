import { spawn } from 'node:child_process';
import { join } from 'node:path';

export interface PluginCall {
  readonly command: string;
  readonly mailbox: string;
  readonly namespace?: string;
  readonly name?: string;
  readonly uid?: string;
  readonly container?: string;
  readonly netns?: string;
  /** What the runtime writes to its standard input. */
  readonly config?: string;
  /** How often it looks for an answer, with and without its namespace in the list. */
  readonly tries?: number;
}

export interface PluginEnd {
  readonly status: number | null;
  readonly out: string;
  readonly err: string;
}

const script = join(import.meta.dirname, '../../node-agent/cni/plugin.sh');
export const previousResult = { cniVersion: '1.0.0', ips: [{ address: '10.9.0.1/24' }], dns: {} };

/** Runs the plugin as a runtime does. */
export function runPlugin(call: PluginCall): Promise<PluginEnd> {
  const { namespace = 'shop', name = 'cart', uid = 'uid-1', tries } = call;
  const env: NodeJS.ProcessEnv = {
    PATH: process.env['PATH'],
    CNI_COMMAND: call.command,
    CNI_CONTAINERID: call.container ?? 'c0ffee',
    CNI_NETNS: call.netns ?? '/run/netns/x',
    CNI_IFNAME: 'eth0',
    CNI_ARGS: `IgnoreUnknown=1;K8S_POD_NAMESPACE=${namespace};K8S_POD_NAME=${name};K8S_POD_UID=${uid}`,
    ISTHMUS_CNI_BOX: call.mailbox,
    ...(tries !== undefined && {
      ISTHMUS_CNI_TRIES: String(tries),
      ISTHMUS_CNI_TRIES_OTHERS: String(tries),
    }),
  };
  const child = spawn('sh', [script], { env, stdio: ['pipe', 'pipe', 'pipe'] });
  const end = { out: '', err: '' };
  child.stdout.on('data', (data: Buffer) => (end.out += data.toString()));
  child.stderr.on('data', (data: Buffer) => (end.err += data.toString()));
  child.stdin.on('error', () => undefined);
  child.stdin.end(call.config ?? JSON.stringify({ cniVersion: '1.0.0', prevResult: previousResult }));
  return new Promise((resolve) => child.on('close', (status) => resolve({ ...end, status })));
}
