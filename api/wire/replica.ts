import {
  sharedLimits,
  type HeldResource,
  type HubStatePage,
  type IssuedCertificate,
  type ProxyHolds,
  type Shared,
  type SharedProxy,
} from '../domain/replica.ts';
import {
  HubStatePageSchema,
  HubStateRequestSchema,
  SharedSchema,
  type Held as WireHeld,
  type IssuedCertificate as WireIssued,
  type ProxyHolds as WireHolds,
  type ProxyOpened as WireOpened,
  type Shared as WireShared,
} from '../gen/isthmus/replica_pb.js';
import { codec, type Codec } from './binary.ts';
import type { Fields } from './fields.ts';
import { readReport, writeReport } from './proxy-report.ts';

/** Between replicas of an agent. A message with a field that is wrong is refused as a whole: both ends are of one program. */
export const shared: Codec<Shared> = codec(SharedSchema, writeShared, readShared);

function writeShared(one: Shared) {
  switch (one.kind) {
    case 'opened': {
      const { connectedSince, ...proxy } = one.proxy;
      const value = { ...proxy, connectedSince: BigInt(connectedSince) };
      return { about: { case: 'opened' as const, value } };
    }
    case 'holds': {
      const { proxy, type, begins, completed, returned, held, none } = one;
      const parts = { proxy, type, begins, completed, returned };
      const value = { ...parts, held: held.map((resource) => ({ ...resource })), none: [...none] };
      return { about: { case: 'holds' as const, value } };
    }
    case 'lost':
      return { about: { case: 'lost' as const, value: one.proxy } };
    case 'says': {
      const { proxy, report } = one;
      const value = { proxy, ...(report && { report: writeReport(report) }) };
      return { about: { case: 'says' as const, value } };
    }
    case 'certificates': {
      const issued = one.issued.map(({ notAfter, ...rest }) => ({ ...rest, notAfter: BigInt(notAfter) }));
      return { about: { case: 'certificates' as const, value: { issued } } };
    }
  }
}

function readShared({ about }: WireShared, fields: Fields): Shared {
  switch (about.case) {
    case 'opened':
      return { kind: 'opened', proxy: readOpened(about.value, fields) };
    case 'holds':
      return { kind: 'holds', ...readHolds(about.value, fields) };
    case 'lost':
      return { kind: 'lost', proxy: readName('lost', about.value, fields) };
    case 'says': {
      const { proxy, report } = about.value;
      return { kind: 'says', proxy: readName('proxy', proxy, fields), report: report && readReport(report) };
    }
    case 'certificates': {
      const issued = fields.list('issued', about.value.issued, sharedLimits.entries);
      return { kind: 'certificates', issued: issued.map((entry) => readIssued(entry, fields)) };
    }
    default:
      fields.refuse('about', 'is missing, or of a newer version of the agent');
      return { kind: 'lost', proxy: '' };
  }
}

const readOpened = (opened: WireOpened, fields: Fields): SharedProxy => ({
  id: readName('id', opened.id, fields),
  node: opened.node === '' ? '' : fields.dnsName('node', opened.node),
  version: fields.tokenOrNone('version', opened.version),
  upstreamVersion: fields.tokenOrNone('upstream_version', opened.upstreamVersion),
  connectedSince: fields.count('connected_since', opened.connectedSince),
});

const readHolds = (holds: WireHolds, fields: Fields): ProxyHolds => ({
  proxy: readName('proxy', holds.proxy, fields),
  type: readName('type', holds.type, fields),
  begins: holds.begins,
  completed: holds.completed,
  returned: holds.returned,
  held: fields.list('held', holds.held, sharedLimits.entries).map((entry) => readHeld(entry, fields)),
  none: fields.list('none', holds.none, sharedLimits.entries).map((name) => readName('none', name, fields)),
});

const readHeld = ({ name, version, refused }: WireHeld, fields: Fields): HeldResource => ({
  name: readName('name', name, fields),
  version: readVersion(version, fields),
  refused: refused === '' ? '' : fields.sentence(refused),
});

const readIssued = (entry: WireIssued, fields: Fields): IssuedCertificate => ({
  proxyUid: fields.token('proxy_uid', entry.proxyUid),
  identity: fields.identity('identity', entry.identity),
  notAfter: fields.count('not_after', entry.notAfter),
  issuer: fields.tokenOrNone('issuer', entry.issuer),
});

function readName(field: string, name: string, fields: Fields): string {
  const { nameLength } = sharedLimits;
  if (name.length > nameLength)
    fields.refuse(field, `has ${name.length} characters, and may have ${nameLength} at most`);
  return fields.text(field, name);
}

function readVersion(version: string, fields: Fields): string {
  const { versionLength } = sharedLimits;
  if (version.length > versionLength)
    fields.refuse('version', `has ${version.length} characters, and may have ${versionLength} at most`);
  return fields.text('version', version);
}

export const hubStateRequest: Codec<{ readonly hubId: string }> = codec(
  HubStateRequestSchema,
  ({ hubId }) => ({ hubId }),
  ({ hubId }, fields) => ({ hubId: fields.token('hub_id', hubId) }),
);

export const hubStatePage: Codec<HubStatePage> = codec(
  HubStatePageSchema,
  ({ resources, ...rest }) => ({ ...rest, resources: resources.map((one) => ({ ...one })) }),
  ({ type, resources, complete, epoch }, fields) => ({
    type,
    complete,
    epoch,
    resources: fields.list('resources', resources, sharedLimits.entries).map(({ name, version, body }) => ({
      name: readName('name', name, fields),
      version: readVersion(version, fields),
      body,
    })),
  }),
);
