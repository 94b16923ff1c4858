import { err, ok, type Result } from '@isthmus/mesh/result.ts';

/** A call of the plugin, as it stands in its mailbox. */
export interface PluginRequest {
  readonly command: 'ADD' | 'DEL';
  readonly uid: string;
  /** `<namespace>/<name>` */
  readonly pod: string;
  readonly namespace: string;
  /** Opens the network namespace; '' for a DEL that comes after it has ended. */
  readonly netns: string;
}

/** A request has the environment of one call. */
export const maxRequestBytes = 16_384;

/** Reads the lines `CNI_…=value` of a request. The error is one sentence without quotes, for the plugin to print. */
export function readRequest(text: string): Result<PluginRequest, string> {
  if (text.length > maxRequestBytes) return err(`the request has more than ${maxRequestBytes} bytes`);
  const values = new Map(text.split('\n').map(pairOf));
  const args = new Map((values.get('CNI_ARGS') ?? '').split(';').map(pairOf));
  const command = values.get('CNI_COMMAND');
  if (command !== 'ADD' && command !== 'DEL') return err('CNI_COMMAND is neither ADD nor DEL');
  const namespace = args.get('K8S_POD_NAMESPACE') ?? '';
  const name = args.get('K8S_POD_NAME') ?? '';
  const uid = args.get('K8S_POD_UID') ?? '';
  const netns = values.get('CNI_NETNS') ?? '';
  if (namespace === '' || name === '')
    return err('CNI_ARGS names no pod: K8S_POD_NAMESPACE and K8S_POD_NAME');
  if (uid === '')
    return err('CNI_ARGS has no K8S_POD_UID: the runtime is older than containerd 1.5 or CRI-O 1.21');
  if (command === 'ADD' && !netns.startsWith('/')) return err('CNI_NETNS is no path');
  return ok({ command, uid, pod: `${namespace}/${name}`, namespace, netns });
}

const pairOf = (line: string): readonly [string, string] => {
  const at = line.indexOf('=');
  return at < 0 ? [line, ''] : [line.slice(0, at), line.slice(at + 1)];
};

/** The text of an answer: a shell puts the reason into JSON, so nothing of it may need quotes. */
export const answerText = (problem: string | undefined): string =>
  problem === undefined ? 'ok\n' : `error ${problem.replaceAll(/[^\x20-\x7e]|["\\]/g, ' ').slice(0, 500)}\n`;
