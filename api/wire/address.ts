import { create } from '@bufbuild/protobuf';
import type { Result } from '@isthmus/mesh/result.ts';
import type { Service } from '@isthmus/mesh/records/service.ts';
import type { Workload } from '@isthmus/mesh/records/workload.ts';
import { AddressSchema, WorkloadSchema } from '../gen/upstream/workload_pb.js';
import { decodeMessage } from './binary.ts';
import { readService } from './service.ts';
import { readWorkload } from './workload.ts';

export {
  encodeService,
  encodeServiceAddresses,
  encodeServiceRecord,
  joinService,
  type EncodedService,
} from './service.ts';
export { encodeWorkload } from './workload.ts';

export type Address =
  | { readonly kind: 'workload'; readonly workload: Workload }
  | { readonly kind: 'service'; readonly service: Service };

/** Decodes a resource of type Address (Istio workload API). The error names the field; the rest is not looked at. */
export const decodeAddress = (bytes: Uint8Array): Result<Address, string> =>
  decodeMessage(AddressSchema, bytes, ({ type }, fields): Address => {
    switch (type.case) {
      case 'workload':
        return { kind: 'workload', workload: readWorkload(type.value, fields) };
      case 'service':
        return { kind: 'service', service: readService(type.value, fields) };
      case undefined:
        fields.refuse('type', 'is neither a workload nor a service');
        return { kind: 'workload', workload: readWorkload(create(WorkloadSchema), fields) };
    }
  });
