import type { PodObject } from '@isthmus/api/kubernetes/objects.ts';
import type { Mode } from '../view/mode.ts';
import type { Problem } from './judge.ts';

/** A problem in words: what is wrong, and what to do. */
export interface Explanation {
  readonly cause: string;
  readonly remedy: string;
}

type Part = Mode | 'GATEWAY';

const proxyName: Readonly<Record<Part, string>> = {
  AMBIENT: 'ztunnel',
  SIDECAR: 'sidecar',
  GATEWAY: 'gateway',
  NONE: 'proxy',
};

/** `pod` is one of those that have the problem, `part` how it takes part in the mesh. */
export function explain(problem: Problem, pod: PodObject, part: Part): Explanation {
  const proxy = proxyName[part];
  const { object } = problem;
  switch (problem.cause) {
    case 'NO_ADDRESS':
      return {
        cause: `${object} has no address`,
        remedy: "give the cluster's agent a larger --addresses block, or set status.podIP",
      };
    case 'MODE_UNKNOWN':
      return {
        cause: `${object} has the label ${problem.label}: ${problem.value}, which is not one of ${problem.known.join(', ')}`,
        remedy: 'correct the value, or remove the label',
      };
    case 'NODE_UNKNOWN':
      return pod.nodeName === ''
        ? { cause: `${object} names no node`, remedy: 'set spec.nodeName to a node of this cluster' }
        : {
            cause: `${object} does not exist`,
            remedy: `correct spec.nodeName of the pods, or add the manifest of ${object}`,
          };
    case 'PROXY_MISSING':
      return {
        cause: `${object} has no ztunnel`,
        remedy: `run a pod of service account istio-system/ztunnel on ${object}`,
      };
    case 'PROXY_NOT_CONNECTED':
      return {
        cause: `the ${proxy} of ${object} is not connected to the agent`,
        remedy: `check that the ${proxy} process of ${object} runs, and its log for why it does not reach the agent on port 15012`,
      };
    case 'WORKLOAD_NOT_ACKNOWLEDGED':
      return {
        cause: `the ${proxy} of ${object} is connected and has not acknowledged the workload`,
        remedy: `check the log of the ${proxy} process of ${object}; restart it if it is stuck`,
      };
    case 'WORKLOAD_REFUSED':
      return {
        cause: `the ${proxy} of ${object} refuses the workload: ${problem.reason}`,
        remedy: `upgrade the ${proxy} if it is older than the agent; otherwise report the refusal as a defect`,
      };
    case 'NOT_READY':
      return { cause: `${object} is not ready`, remedy: 'check its readiness probe and its log' };
    default:
      return explainCertificate(problem, proxy, pod);
  }
}

type CertificateProblem = Extract<Problem, { readonly cause: `CERTIFICATE_${string}` }>;

function explainCertificate(
  problem: CertificateProblem,
  proxy: string,
  { metadata: { namespace }, serviceAccount }: PodObject,
): Explanation {
  const { object } = problem;
  const account = `${namespace}/${serviceAccount === '' ? 'default' : serviceAccount}`;
  const remedy = `check the log of the ${proxy} process of ${object} for why its certificate requests fail`;
  switch (problem.cause) {
    case 'CERTIFICATE_EXPIRED': {
      const end = new Date(problem.notAfter).toISOString();
      return { cause: `the certificate of ${account} at ${object} expired on ${end}`, remedy };
    }
    case 'CERTIFICATE_NOT_HELD': {
      const why = problem.lastRequest === '' ? '' : ` (its last request: ${problem.lastRequest})`;
      return {
        cause: `the ${proxy} of ${object} reports that it holds no valid certificate for ${account}${why}`,
        remedy,
      };
    }
    case 'CERTIFICATE_REVOKED':
      return {
        cause: `the certificate of ${account} at ${object} is signed by intermediate ${problem.issuer}, which is revoked or unknown to peers`,
        remedy: `restart the ${proxy} process of ${object} so that it requests a new certificate`,
      };
    case 'CERTIFICATE_MISSING':
      return { cause: `the ${proxy} of ${object} has no certificate for ${account}`, remedy };
  }
}
