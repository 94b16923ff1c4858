import { forward } from '../forward.ts';
import { AgentClient, type Found } from '../agent-client.ts';
import { UpstreamZtunnel } from '../upstream-ztunnel.ts';
import type { Step } from '../world.ts';

/** Objects that come, change and go are seen this soon, milliseconds. */
const bound = 1000;

interface Answer {
  readonly services: {
    readonly nodes: readonly {
      readonly name: string;
      readonly ports: readonly { readonly port: number }[];
    }[];
  };
}

const query = '{ services(namespace: "shop", first: 100) { nodes { name ports { port } } } }';

const service = (port: number): object => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'late', namespace: 'shop' },
  spec: { selector: { app: 'cart' }, ports: [{ name: 'http', port, targetPort: 8080 }] },
});

/** What is created, changed and deleted in the API, in GraphQL and at a client of the agent's xDS. */
export function objectsStep(step: Step): void {
  const portsOf = ({ services }: Answer): readonly number[] | undefined =>
    services.nodes.find(({ name }) => name === 'late')?.ports.map(({ port }) => port);
  const inGraphql = async (what: string, isSo: (ports: readonly number[] | undefined) => boolean) => {
    const { hub } = step();
    const { millis } = await hub.until<Answer, true>(what, 10_000, query, (data) =>
      isSo(portsOf(data)) ? true : undefined,
    );
    return millis;
  };
  const inXds = async (what: string, isSo: (ports: readonly number[] | undefined) => boolean) => {
    const { client } = await agentClient();
    return client.until(what, 10_000, (found) => isSo(found.portsOf('shop/late.shop.svc.cluster.local')));
  };
  let opened: Promise<{ client: AgentClient }> | undefined;
  const agentClient = () =>
    (opened ??= (async () => {
      const way = await forward(step().east, 'service/isthmus-agent', 15012);
      return { client: await AgentClient.open(step(), way) };
    })());
  after(async () => (await opened)?.client.close());

  const binary = process.env['ZTUNNEL_BIN'];
  let upstream: UpstreamZtunnel | undefined;
  before(async () => {
    const { tool } = step();
    if (binary === undefined || tool === undefined)
      return console.log(
        `      NOT RUN with Istio's own ztunnel: ${tool ? 'ZTUNNEL_BIN names none' : 'these clusters were not made by CLUSTER_TOOL'}`,
      );
    upstream = await UpstreamZtunnel.open(step(), tool, binary);
    const has = (found: Found) => found.portsOf('shop/cart.shop.svc.cluster.local') !== undefined;
    await upstream.until("Istio's ztunnel has the services", 60_000, has);
  });
  after(() => upstream?.close());
  const inUpstream = (what: string, isSo: (ports: readonly number[] | undefined) => boolean) =>
    upstream?.until(what, 10_000, (found) => isSo(found.portsOf('shop/late.shop.svc.cluster.local')));

  const changes: readonly {
    readonly what: string;
    readonly change: () => Promise<unknown>;
    readonly isSo: (ports: readonly number[] | undefined) => boolean;
  }[] = [
    {
      what: 'a Service that was created',
      change: () => step().east.apply(service(80)),
      isSo: (ports) => ports?.includes(80) === true,
    },
    {
      what: 'a Service that was changed',
      change: () => step().east.apply(service(81)),
      isSo: (ports) => ports?.includes(81) === true && !ports.includes(80),
    },
    {
      what: 'a Service that was deleted',
      change: () => step().east.kubectl(['-n', 'shop', 'delete', 'service', 'late']),
      isSo: (ports) => ports === undefined,
    },
  ];
  for (const { what, change, isSo } of changes)
    it(`${what} is seen in GraphQL and in xDS`, async () => {
      await agentClient();
      await step().hub.ask(query);
      // From when kubectl has the answer: its own start takes most of a second on a busy machine.
      await change();
      const [graphql, xds, ztunnel] = await Promise.all([
        inGraphql(what, isSo),
        inXds(what, isSo),
        inUpstream(what, isSo),
      ]);
      step().measured.within('objects', `${what}, in GraphQL`, graphql, bound);
      step().measured.within('objects', `${what}, at a client of xDS`, xds, bound);
      if (ztunnel !== undefined)
        step().measured.within('objects', `${what}, in the config dump of Istio's ztunnel`, ztunnel, bound);
    });
}
