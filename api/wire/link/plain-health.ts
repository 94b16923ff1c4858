import type { HealthReport } from '../../domain/report.ts';
import { isPlainNumber, PlainReader, PlainWriter, sizeOfField } from '../plain-fields.ts';

// Health reports without services, which each agent sends every few seconds, and their acknowledgements. Undefined where
// the generated code has to do it. It gives the same bytes and the same records.

/** Of a uint32 that a reader takes as it is. */
const most32 = 2 ** 31 - 1;

export function encodePulse(report: HealthReport): Uint8Array | undefined {
  const { sequence, proxiesConnected, workloads, services, partial = false } = report;
  const sentAt = Math.trunc(report.sentAt);
  const numbers = [sequence, sentAt, proxiesConnected, workloads];
  const isSmall = Math.max(proxiesConnected, workloads) <= most32;
  if (services.length > 0 || !isSmall || !numbers.every(isPlainNumber)) return undefined;
  const size = numbers.reduce((sum, one) => sum + sizeOfField(one), sizeOfField(Number(partial)));
  const writer = new PlainWriter(size);
  for (const [i, one] of numbers.entries()) writer.number(i + 1, one);
  writer.flag(6, partial);
  return writer.bytes;
}

export function decodePulse(bytes: Uint8Array): HealthReport | undefined {
  const reader = new PlainReader(bytes);
  const numbers: [number, number, number, number] = [0, 0, 0, 0];
  let partial = false;
  for (let field = reader.next(); field !== 0; field = reader.next())
    if (field <= 4) numbers[field - 1] = reader.once().number();
    else if (field === 6) partial = reader.once().flag();
    else return undefined;
  const [sequence, sentAt, proxiesConnected, workloads] = numbers;
  if (reader.odd || Math.max(proxiesConnected, workloads) > most32) return undefined;
  const report = { sequence, sentAt, proxiesConnected, workloads, services: [], unreadable: [] };
  return partial ? { ...report, partial } : report;
}

export function encodeHealthAck(sequence: number): Uint8Array | undefined {
  if (!isPlainNumber(sequence)) return undefined;
  const writer = new PlainWriter(sizeOfField(sequence));
  writer.number(1, sequence);
  return writer.bytes;
}

export function decodeHealthAck(bytes: Uint8Array): number | undefined {
  const reader = new PlainReader(bytes);
  let sequence = 0;
  for (let field = reader.next(); field !== 0; field = reader.next())
    if (field === 1) sequence = reader.once().number();
    else return undefined;
  return reader.odd ? undefined : sequence;
}
