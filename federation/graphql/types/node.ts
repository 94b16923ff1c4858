import { builder } from '../builder.ts';

/** What every object with a global id shows; its view says which type it is. */
export interface NodeView {
  readonly __typename: string;
  readonly id: string;
}

export const nodeType = builder.interfaceRef<NodeView>('Node').implement({
  fields: (t) => ({ id: t.exposeID('id') }),
  resolveType: ({ __typename }) => __typename,
});
