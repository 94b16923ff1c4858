import { writeErr } from '@isthmus/mesh/process/terminal-text.ts';
import { assets } from '../../../test/kube/start-api-server.ts';
import { runBench } from '../bench.ts';
import { bench } from './bench.ts';

// `npm run bench:agent`: an agent on a real API server, beside what was committed, what istiod takes, and what is wanted.
if (assets === undefined && !process.argv.includes('--help')) {
  writeErr(
    'npm run bench:agent: set KUBEBUILDER_ASSETS to a folder with etcd and kube-apiserver, as setup-envtest prints it\n',
  );
  process.exit(2);
}
await runBench(bench);
