import { ask, mutate, type Endpoint } from './api.ts';

interface Services {
  readonly services: {
    readonly nodes: readonly {
      readonly namespace: string;
      readonly name: string;
      readonly clusters: readonly {
        readonly cluster: string;
        readonly conditions: readonly { readonly reason: string }[];
      }[];
    }[];
  };
}

const query =
  '{ services(first: 100) { nodes { namespace name clusters { cluster conditions { reason } } } } }';

const approval = `mutation($input: ApproveExportInput!) {
  result: approveExport(input: $input) { userErrors { code field message } } }`;

/** What an operator of the sample's clusters would do: approves that several of them export one service. */
export async function approveShared(endpoint: Endpoint): Promise<void> {
  const { services } = await ask<Services>(endpoint, query);
  for (const { namespace, name, clusters } of services.nodes) {
    const waiting = clusters
      .filter(({ conditions }) => conditions.some(({ reason }) => reason === 'EXPORTED_BY_SEVERAL'))
      .map(({ cluster }) => cluster);
    if (waiting.length === 0) continue;
    const reason = 'the sample serves this from several clusters';
    await mutate(endpoint, approval, { service: { namespace, name }, clusters: waiting, reason });
  }
}
