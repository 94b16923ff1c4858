import { closeSync, existsSync, fdatasync, openSync, readFileSync, writeSync } from 'node:fs';
import type { IssuedCertificate } from '@isthmus/api/domain/replica.ts';
import type { Clock } from '@isthmus/mesh/process/clock.ts';
import { CodedError } from '@isthmus/mesh/process/coded-error.ts';
import { fileError } from '@isthmus/mesh/process/file-error.ts';
import type { Log } from '@isthmus/mesh/process/log.ts';
import { writeWhole } from '@isthmus/mesh/process/write-whole.ts';

/** The last certificate that this agent issued to a proxy for an identity. */
export interface Issued {
  /** Epoch milliseconds. */
  readonly notAfter: number;
  /** Key id of the intermediate that signed it. */
  readonly issuer: string;
}

/** What a judgement asks of the certificates that were issued. */
export interface IssuedRecord {
  /** Certificates from before this time may exist and not be recorded. Epoch milliseconds. */
  readonly since: number;
  /** By the uid of the pod that asked, which is the proxy, and the SPIFFE ID that it asked for. */
  of(proxyUid: string, identity: string): Issued | undefined;
}

interface Deps {
  readonly path: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Something could not be saved, and is to be tried again. */
  readonly onUnsaved?: () => void;
}

type Line = readonly [proxyUid: string, identity: string, notAfter: number, issuer: string];

/** Lines that are superseded may pile up by this many beside as many again as there are in force. */
const slack = 1000;

/**
 * Which certificates are in use, on disk: a journal to which each issuance adds a line, so that what was issued a
 * moment before the agent is killed is known when it is back. A journal that is lost or damaged is started over, and says
 * since when it is whole.
 */
export class IssuedCertificates implements IssuedRecord {
  readonly #deps: Deps;
  readonly #entries = new Map<string, Line>();
  #since: number;
  #file: number | undefined;
  #lines = 0;
  #max = 0;
  #syncing = false;
  #unsaved: string | undefined;

  constructor(deps: Deps) {
    this.#deps = deps;
    this.#since = deps.clock.now();
    this.#load();
    this.#rewrite();
  }

  get isUnsaved(): boolean {
    return this.#unsaved !== undefined;
  }

  /** Why, with the file and what to do. */
  get unsaved(): string | undefined {
    return this.#unsaved;
  }

  /** To be called about once a second while something is not saved: it is tried again. */
  save(): void {
    this.#rewrite();
  }

  get since(): number {
    return this.#since;
  }

  of(proxyUid: string, identity: string): Issued | undefined {
    const line = this.#entries.get(keyOf(proxyUid, identity));
    return line && { notAfter: line[2], issuer: line[3] };
  }

  /** End of each certificate by the identity, by the uid of the proxy that has it. Visits all that are recorded. */
  byProxy(): ReadonlyMap<string, ReadonlyMap<string, number>> {
    const proxies = new Map<string, Map<string, number>>();
    for (const [proxyUid, identity, notAfter] of this.#entries.values())
      proxies.set(proxyUid, (proxies.get(proxyUid) ?? new Map<string, number>()).set(identity, notAfter));
    return proxies;
  }

  *all(): Generator<IssuedCertificate> {
    for (const [proxyUid, identity, notAfter, issuer] of this.#entries.values())
      yield { proxyUid, identity, notAfter, issuer };
  }

  /** Never throws: a certificate is of use also where it cannot be written down. */
  record(proxyUid: string, identity: string, { notAfter, issuer }: Issued): void {
    const line: Line = [proxyUid, identity, notAfter, issuer];
    this.#entries.set(keyOf(proxyUid, identity), line);
    if (this.#file === undefined || this.#lines >= this.#max) this.#rewrite();
    else this.#append(this.#file, line);
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
  }

  #append(file: number, line: Line): void {
    try {
      const bytes = Buffer.from(`${JSON.stringify(line)}\n`);
      if (writeSync(file, bytes) < bytes.length) throw noRoom;
      this.#lines++;
      this.#sync(file);
    } catch (error) {
      // Part of the line may be in the file: the next one writes it whole.
      this.close();
      this.#failed(error);
    }
  }

  /** Against a crash of the machine; one that is under way covers what was written before it began. */
  #sync(file: number): void {
    if (this.#syncing) return;
    this.#syncing = true;
    fdatasync(file, () => (this.#syncing = false));
  }

  /** Leaves out what has expired. */
  #rewrite(): void {
    const { path, clock } = this.#deps;
    const now = clock.now();
    for (const [key, [, , notAfter]] of this.#entries) if (notAfter <= now) this.#entries.delete(key);
    const lines = [{ since: this.#since }, ...this.#entries.values()].map((one) => JSON.stringify(one));
    this.close();
    try {
      writeWhole(path, `${lines.join('\n')}\n`);
      this.#file = openSync(path, 'a');
      this.#lines = this.#entries.size;
      this.#max = 2 * this.#lines + slack;
      this.#unsaved = undefined;
    } catch (error) {
      this.#failed(error);
    }
  }

  #failed(cause: unknown): void {
    const { path, log, onUnsaved } = this.#deps;
    const { message } = fileError('WRITE_FAILED', path, 'written', causeOf(cause));
    this.#unsaved = message;
    log.error(
      { error: message },
      'issued certificates are not written down; a restart of the agent would not know the newest ones',
    );
    onUnsaved?.();
  }

  #load(): void {
    const { path, log } = this.#deps;
    if (!existsSync(path)) return;
    const [header = '', ...lines] = readFileSync(path, 'utf8').split('\n');
    const since = readHeader(header);
    const read = lines.filter((line) => line !== '').map(readLine);
    for (const line of read) if (line) this.#entries.set(keyOf(line[0], line[1]), line);
    if (since !== undefined && read.every((line) => line !== undefined)) this.#since = since;
    else
      log.warn(
        { file: path },
        'the record of issued certificates is damaged: what is missing counts as issued until it had to be renewed',
      );
  }
}

/** The disk has taken a part of it. */
const noRoom = Object.assign(new Error('it was written in part'), { code: 'ENOSPC' });

/** `writeWhole` has made a sentence of it. */
const causeOf = (error: unknown): unknown => (error instanceof CodedError ? error.cause : error);

const keyOf = (proxyUid: string, identity: string): string => `${proxyUid} ${identity}`;

function readHeader(text: string): number | undefined {
  const value = parsed(text);
  const since = typeof value === 'object' && value !== null && 'since' in value ? value.since : undefined;
  return typeof since === 'number' ? since : undefined;
}

function readLine(text: string): Line | undefined {
  const value = parsed(text);
  if (!Array.isArray(value) || value.length !== 4) return undefined;
  const [proxyUid, identity, notAfter, issuer] = value as unknown[];
  if (typeof proxyUid !== 'string' || typeof identity !== 'string') return undefined;
  return typeof notAfter === 'number' && typeof issuer === 'string'
    ? [proxyUid, identity, notAfter, issuer]
    : undefined;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
