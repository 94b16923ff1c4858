import type { DeltaRequest, DeltaResponse, Resource } from '@isthmus/mesh/delta/messages.ts';
import {
  isPlainNumber,
  isPlainText,
  PlainReader,
  PlainWriter,
  sizeOfField,
  sizeOfMessage,
  sizeOfSpan,
} from '../plain-fields.ts';

/** Both directions of one stream: each side is producer of its own types and consumer of the other's. */
export type SyncMessage =
  | { readonly kind: 'request'; readonly request: DeltaRequest }
  | { readonly kind: 'response'; readonly response: DeltaResponse };

// Messages of the Sync stream as nearly all of them are: acknowledgements, and responses with resources. Undefined where
// the generated code has to do it. It gives the same bytes and the same records.

const [requestField, responseField] = [1, 2] as const;

export function encodePlainSync(message: SyncMessage): Uint8Array | undefined {
  return message.kind === 'request' ? encodeRequest(message.request) : encodeResponse(message.response);
}

export function decodePlainSync(bytes: Uint8Array): SyncMessage | undefined {
  const reader = new PlainReader(bytes);
  const field = reader.next();
  const inner = reader.message();
  if (reader.next() !== 0 || reader.odd) return undefined;
  if (field === requestField) {
    const request = decodeRequest(inner);
    return request && { kind: 'request', request };
  }
  if (field !== responseField) return undefined;
  const response = decodeResponse(inner);
  return response && { kind: 'response', response };
}

const none: readonly string[] = [];
const noVersions: ReadonlyMap<string, string> = new Map<string, string>();

function encodeRequest(request: DeltaRequest): Uint8Array | undefined {
  const { type, subscribe, unsubscribe, initialVersions, digests, nonce, error } = request;
  const isLong =
    subscribe.length + unsubscribe.length + initialVersions.size > 0 || (digests && digests.size > 0);
  if (isLong || ![type, nonce, error].every(isPlainText)) return undefined;
  const size = sizeOfSpan(type.length) + sizeOfSpan(nonce.length) + sizeOfSpan(error.length);
  const writer = new PlainWriter(sizeOfMessage(size));
  writer.open(requestField, size);
  writer.text(1, type);
  writer.text(5, nonce);
  writer.text(6, error);
  return writer.bytes;
}

function decodeRequest(reader: PlainReader): DeltaRequest | undefined {
  let [type, nonce, error] = ['', '', ''];
  for (let field = reader.next(); field !== 0; field = reader.next())
    switch (field) {
      case 1:
        type = reader.once().text();
        break;
      case 5:
        nonce = reader.once().text();
        break;
      case 6:
        error = reader.once().text();
        break;
      default:
        return undefined;
    }
  if (reader.odd || type === '') return undefined;
  return { type, subscribe: none, unsubscribe: none, initialVersions: noVersions, nonce, error };
}

function encodeResponse({
  type,
  nonce,
  systemVersion,
  resources,
  removed,
  complete,
  groupsToList = [],
}: DeltaResponse): Uint8Array | undefined {
  const { epoch, revision } = systemVersion;
  if (!isPlainNumber(epoch) || !isPlainNumber(revision) || groupsToList.length > 0) return undefined;
  if (![type, nonce, ...removed].every(isPlainText) || !resources.every(hasPlainTexts)) return undefined;
  let size = sizeOfSpan(type.length) + sizeOfSpan(nonce.length);
  size += sizeOfField(Number(epoch)) + sizeOfField(Number(revision)) + sizeOfField(Number(complete));
  for (const one of resources) size += sizeOfMessage(sizeOf(one));
  for (const name of removed) size += sizeOfMessage(name.length);
  const writer = new PlainWriter(sizeOfMessage(size));
  writer.open(responseField, size);
  writer.text(1, type);
  writer.text(2, nonce);
  writer.number(3, Number(epoch));
  writer.number(4, Number(revision));
  for (const one of resources) {
    writer.open(5, sizeOf(one));
    writer.text(1, one.name);
    writer.text(2, one.version);
    writer.body(3, one.body);
  }
  for (const name of removed) writer.item(6, name);
  writer.flag(7, complete);
  return writer.bytes;
}

const hasPlainTexts = ({ name, version }: Resource): boolean => isPlainText(name) && isPlainText(version);

const sizeOf = ({ name, version, body }: Resource): number =>
  sizeOfSpan(name.length) + sizeOfSpan(version.length) + sizeOfSpan(body.length);

function decodeResponse(reader: PlainReader): DeltaResponse | undefined {
  let [type, nonce, epoch, revision, complete] = ['', '', 0, 0, false];
  const resources: Resource[] = [];
  const removed: string[] = [];
  for (let field = reader.next(); field !== 0; field = reader.next())
    switch (field) {
      case 1:
        type = reader.once().text();
        break;
      case 2:
        nonce = reader.once().text();
        break;
      case 3:
        epoch = reader.once().number();
        break;
      case 4:
        revision = reader.once().number();
        break;
      case 5: {
        const resource = decodeResource(reader.message());
        if (!resource) return undefined;
        resources.push(resource);
        break;
      }
      case 6:
        removed.push(reader.text());
        break;
      case 7:
        complete = reader.once().flag();
        break;
      default:
        return undefined;
    }
  if (reader.odd || type === '' || nonce === '') return undefined;
  const systemVersion = { epoch: BigInt(epoch), revision: BigInt(revision) };
  return { type, nonce, systemVersion, resources, removed, complete };
}

function decodeResource(reader: PlainReader): Resource | undefined {
  let [name, version, body] = ['', '', new Uint8Array() as Uint8Array];
  for (let field = reader.next(); field !== 0; field = reader.next())
    switch (field) {
      case 1:
        name = reader.once().text();
        break;
      case 2:
        version = reader.once().text();
        break;
      case 3:
        body = reader.once().bytes();
        break;
      default:
        return undefined;
    }
  return reader.odd || name === '' ? undefined : { name, version, body };
}
