import { formatServiceKey, type ServiceName } from '@isthmus/api/domain/names.ts';
import { approveExport } from '../../policy/export-approval.ts';
import { exportService, unexportService } from '../../policy/service-export.ts';
import { deleteTrafficPolicy, setTrafficPolicy } from '../../policy/traffic-policy.ts';
import { builder } from '../builder.ts';
import type { RequestContext } from '../context.ts';
import { needs } from '../roles.ts';
import { serviceRef } from '../types/common.ts';
import { localityScopeType, serviceType, serviceView, type ServiceView } from '../types/service.ts';
import { carryOut, commonInput, commonPayload, type CommonPayload } from './common.ts';

const admin = needs('ADMIN');

const servicePayload = builder
  .objectRef<CommonPayload & { readonly service?: ServiceView | undefined }>('ServicePayload')
  .implement({
    fields: (t) => ({
      service: t.expose('service', { type: serviceType, nullable: true }),
      ...commonPayload(t),
    }),
  });

const show = ({ live }: RequestContext, service: ServiceName) => ({
  service: serviceView(live.current, formatServiceKey(service)),
});

const plain = ({ namespace, name }: ServiceName): ServiceName => ({ namespace, name });

const regionFailoverInput = builder.inputType('RegionFailoverInput', {
  fields: (t) => ({ from: t.string({ required: true }), to: t.string({ required: true }) }),
});

const trafficInput = builder.inputType('SetTrafficPolicyInput', {
  fields: (t) => ({
    service: t.field({ type: serviceRef, required: true }),
    localityOrder: t.field({
      type: [localityScopeType],
      required: true,
      defaultValue: [],
      description: 'What makes an endpoint near, most important first; none: all clusters alike.',
    }),
    regionFailover: t.field({
      type: [regionFailoverInput],
      required: true,
      defaultValue: [],
      description: 'Where clients of a region go when theirs has nothing healthy, in order.',
    }),
    ...commonInput(t),
  }),
});

builder.mutationField('setTrafficPolicy', (t) =>
  t.field({
    ...admin,
    type: servicePayload,
    description: 'How new connections of a service choose among clusters.',
    args: { input: t.arg({ type: trafficInput, required: true }) },
    resolve: (_root, { input }, context) => {
      const { service, localityOrder, regionFailover } = input;
      const failover = regionFailover.map(({ from, to }) => ({ from, to }));
      const policy = { ...plain(service), localityOrder, regionFailover: failover };
      return carryOut(setTrafficPolicy, policy, input, context, () => show(context, service));
    },
  }),
);

const exportInput = builder.inputType('ExportServiceInput', {
  fields: (t) => ({
    service: t.field({ type: serviceRef, required: true }),
    clusters: t.stringList({
      required: true,
      defaultValue: [],
      description: 'None: every cluster that is a member now. One that joins later exports nothing by this.',
    }),
    ...commonInput(t),
  }),
});

builder.mutationField('exportService', (t) =>
  t.field({
    ...admin,
    type: servicePayload,
    description: 'Lets other clusters use a service: request and permission in one.',
    args: { input: t.arg({ type: exportInput, required: true }) },
    resolve: (_root, { input }, context) => {
      const { service, clusters } = input;
      return carryOut(exportService, { ...plain(service), clusters }, input, context, () =>
        show(context, service),
      );
    },
  }),
);

const approveInput = builder.inputType('ApproveExportInput', {
  fields: (t) => ({
    service: t.field({ type: serviceRef, required: true }),
    clusters: t.stringList({ required: true, description: 'Clusters to approve, at least one.' }),
    ...commonInput(t),
  }),
});

builder.mutationField('approveExport', (t) =>
  t.field({
    ...admin,
    type: servicePayload,
    description:
      'Lets clusters export a service by label under a name that another cluster exports already. Ends the condition EXPORTED_BY_SEVERAL or EXPORT_AWAITS_APPROVAL.',
    args: { input: t.arg({ type: approveInput, required: true }) },
    resolve: (_root, { input }, context) => {
      const { service, clusters } = input;
      return carryOut(approveExport, { ...plain(service), clusters }, input, context, () =>
        show(context, service),
      );
    },
  }),
);

const unexportInput = builder.inputType('UnexportServiceInput', {
  fields: (t) => ({ service: t.field({ type: serviceRef, required: true }), ...commonInput(t) }),
});

builder.mutationField('unexportService', (t) =>
  t.field({
    ...admin,
    type: servicePayload,
    args: { input: t.arg({ type: unexportInput, required: true }) },
    resolve: (_root, { input }, context) =>
      carryOut(unexportService, plain(input.service), input, context, () => show(context, input.service)),
  }),
);

const deleteTrafficInput = builder.inputType('DeleteTrafficPolicyInput', {
  fields: (t) => ({ service: t.field({ type: serviceRef, required: true }), ...commonInput(t) }),
});

builder.mutationField('deleteTrafficPolicy', (t) =>
  t.field({
    ...admin,
    type: servicePayload,
    description: 'Deletes a traffic policy: connections are spread over all clusters by capacity again.',
    args: { input: t.arg({ type: deleteTrafficInput, required: true }) },
    resolve: (_root, { input }, context) =>
      carryOut(deleteTrafficPolicy, plain(input.service), input, context, () => show(context, input.service)),
  }),
);
