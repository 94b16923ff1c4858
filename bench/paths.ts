import type { Sandbox } from '../sandbox/up.ts';
import type { HaproxyPair } from './haproxy.ts';
import type { Path } from './native/load.ts';
import { benchPort } from './pods.ts';

type Environments = Readonly<Record<string, Readonly<Record<string, string>>>>;

/** What is measured beside one another: all from one caller, each to a server of its own, over the bench's pods. */
export function paths(
  sandbox: Sandbox,
  environments: Environments,
  haproxy: HaproxyPair | undefined,
): readonly Path[] {
  const caller = environments['caller'] ?? {};
  const from = caller['POD_IP'] ?? '';
  const pid = (name: string) => sandbox.launcher.get(name)?.pid;
  const client = pid('east-ztunnel-east-a');
  const none = { client: undefined, gateway: undefined, server: undefined };
  const vip = (name: string) => ({
    from,
    host: caller[`${name.toUpperCase()}_SERVICE_HOST`] ?? '',
    port: benchPort,
  });
  const app = environments['near']?.['APP_ADDRESS'] ?? '';
  const pair: Path = {
    ...vip('near'),
    name: 'a pair of ztunnels (HBONE)',
    client,
    gateway: undefined,
    server: pid('east-ztunnel-east-b'),
  };
  return [
    { name: 'no proxy', from, host: app, port: benchPort, ...none },
    pair,
    {
      ...vip('far'),
      name: 'through a gateway (double HBONE)',
      client,
      gateway: pid('south-eastwest-gateway'),
      server: pid('south-ztunnel-south-a'),
    },
    {
      ...vip('side'),
      name: 'through a gateway (Istio mTLS, 15443)',
      client,
      gateway: pid('west-eastwest-gateway'),
      server: pid('west-side-sidecar'),
    },
    ...(haproxy
      ? [
          {
            name: 'a pair of haproxies (mTLS HTTP/2)',
            from,
            host: haproxy.host,
            port: haproxy.port,
            authority: `${app}:${benchPort}`,
            client: haproxy.client,
            gateway: undefined,
            server: haproxy.server,
          },
        ]
      : []),
  ];
}
