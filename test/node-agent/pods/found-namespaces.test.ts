import { deepEqual, equal } from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  foundNamespaces,
  identityAt,
  readSandbox,
  uidOf,
} from '@isthmus/node-agent/pods/found-namespaces.ts';

const uid = '0f3e1c9a-1111-2222-3333-444455556666';

describe('namespaces of pods that run', () => {
  let folder: string;
  const at = (name: string) => join(folder, name);
  const places = () => ({ containerd: at('containerd'), proc: at('proc') });
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'isthmus-found-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const sandbox = (id: string, over: { type?: string; path?: string } = {}) => {
    mkdirSync(at(`containerd/${id}`), { recursive: true });
    const annotations = {
      'io.kubernetes.cri.container-type': over.type ?? 'sandbox',
      'io.kubernetes.cri.sandbox-uid': uid,
    };
    const network = over.path === '' ? [] : [{ type: 'network', path: over.path ?? at('netns') }];
    const text = JSON.stringify({ annotations, linux: { namespaces: [{ type: 'ipc' }, ...network] } });
    writeFileSync(at(`containerd/${id}/config.json`), text);
  };

  it('are none where there are no folders', () => equal(foundNamespaces(places()).size, 0));

  it('are read of containerd, of sandboxes alone', () => {
    writeFileSync(at('netns'), '');
    sandbox('container', { type: 'container' });
    equal(foundNamespaces(places()).size, 0);
    sandbox('sandbox');
    mkdirSync(at('containerd/empty'));
    const identity = identityAt(at('netns'));
    deepEqual([...foundNamespaces(places()).values()], [{ uid, path: at('netns'), identity }]);
  });

  it('leave out a pod with the network of its node, and one whose namespace has ended', () => {
    sandbox('host', { path: '' });
    sandbox('gone', { path: at('none') });
    equal(foundNamespaces(places()).size, 0);
  });

  it('are read of processes, by their cgroups', () => {
    const process = (pid: string, cgroup: string, namespace: string) => {
      mkdirSync(at(`proc/${pid}/ns`), { recursive: true });
      writeFileSync(at(`proc/${pid}/cgroup`), cgroup);
      writeFileSync(at(namespace), '');
      symlinkSync(at(namespace), at(`proc/${pid}/ns/net`));
    };
    process('self', '0::/init.scope', 'node');
    process('20', `0::/kubepods.slice/kubepods-pod${uid.replaceAll('-', '_')}.slice/cri-x.scope`, 'pod');
    process('30', '0::/kubepods/pod11111111-1111-2222-3333-444455556666/x', 'node');
    deepEqual([...foundNamespaces(places()).keys()], [uid]);
  });

  for (const text of [
    '',
    'null',
    '[]',
    '{}',
    '{"annotations":3}',
    '{"annotations":{},"linux":{"namespaces":5}}',
  ])
    it(`are none in a file with ${text === '' ? 'nothing' : text}`, () =>
      equal(readSandbox(text), undefined));

  it('are of no pod in a cgroup of another form', () => {
    for (const cgroup of ['', '0::/user.slice', '0::/kubepods/pod123']) equal(uidOf(cgroup), undefined);
  });
});
