import { match, ok, throws } from 'node:assert/strict';
import { clusterValues } from '../../charts/values/cluster.ts';
import { crdsValues } from '../../charts/values/crds.ts';
import { hubValues } from '../../charts/values/hub.ts';
import type { Value } from '../../charts/values/value.ts';
import { withHelm } from './helm.ts';
import { variants, type Values } from './variants.ts';

const listed: Readonly<Record<string, readonly Value[]>> = {
  'isthmus-crds': crdsValues,
  'isthmus-hub': hubValues,
  'isthmus-cluster': clusterValues,
};

/** `a.b` with 1 is `{a: {b: 1}}`; those of several paths are put together. */
function nested(values: readonly (readonly [path: string, value: unknown])[]): Values {
  const root: Record<string, unknown> = {};
  for (const [path, value] of values) {
    const parts = path.split('.');
    const last = parts.pop() ?? '';
    let at = root;
    for (const part of parts) at = (at[part] ??= {}) as Record<string, unknown>;
    at[last] = value;
  }
  return root;
}

/** Refused values with the end of the message of helm, by what was given. */
const refused: readonly (readonly [chart: string, values: Values, message: RegExp])[] = [
  ['isthmus-hub', { profile: 'gcp' }, /'\/profile': value must be one of 'default', 'gke', 'eks', 'aks'/],
  ['isthmus-hub', { profil: 'gke' }, /additional properties 'profil' not allowed/],
  ['isthmus-hub', { hub: { exportsByLabel: true } }, /'\/hub': additional properties 'exportsByLabel'/],
  [
    'isthmus-hub',
    { service: { linkPort: 65_536 } },
    /'\/service\/linkPort': maximum: got 65,536, want 65,535/,
  ],
  ['isthmus-hub', { service: { joinPort: 0 } }, /'\/service\/joinPort': minimum: got 0, want 1/],
  [
    'isthmus-hub',
    { hub: { urls: { link: ['hub.example'] } } },
    /'\/hub\/urls\/link\/0': 'hub.example' does not/,
  ],
  [
    'isthmus-hub',
    { hub: { clusterLimits: 'services' } },
    /'\/hub\/clusterLimits': 'services' does not match/,
  ],
  [
    'isthmus-hub',
    { hub: { urls: { link: ['[2001:db8::1]:443'] } } },
    /hub.urls.link and hub.urls.join: set both/,
  ],
  [
    'isthmus-hub',
    { service: { internal: true } },
    /the profile default does not know .*: set service.annotations/,
  ],
  ['isthmus-hub', { persistence: { size: '1GB' } }, /'\/persistence\/size': '1GB' does not match/],
  ['isthmus-cluster', {}, /cluster.name is required: the name under which this cluster joins/],
  ['isthmus-cluster', { cluster: { name: 'East' } }, /'\/cluster\/name': 'East' does not match pattern/],
  ['isthmus-cluster', { cluster: { name: 'x'.repeat(64) } }, /'\/cluster\/name': 'x+' does not match/],
  ['isthmus-cluster', { replicas: 0 }, /'\/replicas': minimum: got 0, want 1/],
  ['isthmus-cluster', { replicas: 10 }, /'\/replicas': maximum: got 10, want 9/],
  [
    'isthmus-cluster',
    { nodeProxyAccounts: ['ztunnel'] },
    /'\/nodeProxyAccounts\/0': 'ztunnel' does not match/,
  ],
  [
    'isthmus-cluster',
    { cluster: { name: 'east' }, joinToken: 'a', joinTokenSecret: 'b' },
    /joinToken and joinTokenSecret are both set: give one of them/,
  ],
];

withHelm('values that a chart refuses', (helm) => {
  for (const [chart, values, message] of refused)
    it(`${JSON.stringify(values).slice(0, 60)} of ${chart}: the message names the value and what it may be`, () => {
      throws(() => helm.template(chart, values), message);
    });

  for (const [chart, values] of Object.entries(listed))
    it(`of ${chart}: each of another type than its own, all in one message`, () => {
      // No value is a list of numbers.
      const wrong = nested(values.map(({ path }) => [path, [1]] as const));
      throws(
        () => helm.template(chart, wrong),
        ({ message }: Error) => {
          for (const { path } of values) ok(message.includes(`'/${path.replaceAll('.', '/')}`), path);
          return true;
        },
      );
    });

  it('does not refuse the longest name of a cluster and the last ports', () => {
    match(
      helm.template('isthmus-cluster', { cluster: { name: 'x'.repeat(63) }, replicas: 9 }),
      /replicas: 9/,
    );
    const ports = { service: { linkPort: 65_535, joinPort: 1 } };
    match(helm.template('isthmus-hub', { ...variants['isthmus-hub']?.['default'], ...ports }), /port: 65535/);
  });
});
