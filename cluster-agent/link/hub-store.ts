import type { CompiledPolicy } from '@isthmus/api/domain/directive.ts';
import { policyStandIn, type NoStandIn } from '@isthmus/api/wire/authorization-stand-in.ts';
import { downTypes, type DownType } from '@isthmus/api/wire/link.ts';
import type { Digests } from '@isthmus/mesh/delta/digest.ts';
import { noVersion, type Rejected, type Resource } from '@isthmus/mesh/delta/messages.ts';
import type { Log } from '@isthmus/mesh/process/log.ts';
import { ChangeSet } from '../keys/change-set.ts';
import { formatTouched, parseTouched } from '../keys/touched.ts';
import type { Unsaved } from '../state/until-written.ts';
import { HubResources } from '../view/hub-resources.ts';
import { readResource, type HubView } from '../view/hub-view.ts';
import { HeldDigests } from './held-digests.ts';
import { HubJournal, type KeptBodies } from './hub-journal.ts';
import { decodeKept, encodeKept } from './kept-resource.ts';
import type { OlderHubViewFile } from './older-hub-view.ts';

export interface HubStoreDeps {
  readonly journal: KeptBodies;
  /** Whose view it is; what another hub had sent is no view of this one. */
  readonly hub: string;
  readonly log: Log;
  /** Something could not be saved, and is to be tried again. */
  readonly onUnsaved?: () => void;
  /** The file that an agent of an older version has left. */
  readonly older?: OlderHubViewFile;
}

/** What cannot be read and is held in no version. */
export interface Refused {
  readonly version: string;
  /** Why it cannot be read. */
  readonly reason: string;
  /** What is in force in its place; undefined for types that have nothing of the kind. */
  readonly standIn: CompiledPolicy | NoStandIn | undefined;
}

/** What became of a message of the hub. */
export interface Outcome {
  /** What cannot be read. */
  readonly rejected: readonly Rejected[];
  readonly changes: ChangeSet;
}

interface Taken {
  /** Why it cannot be read. */
  readonly reason?: string;
  /** It belongs on the disk. */
  readonly isKept: boolean;
}

/** The longest name that is kept, in characters: a key on disk has a limit, and names of Kubernetes are far below it. */
const maxNameLength = 4096;

const [hubKey, completeKey] = ['hub', 'complete'] as const;

/**
 * The hub's current resources, on disk one by one: an agent that starts while the hub is away serves proxies from them,
 * and one that reconnects asks only for what changed. Memory holds names, versions and decoded resources, and no bytes.
 */
export class HubStore implements Unsaved {
  readonly #hub: string;
  readonly #journal: HubJournal;
  readonly #versions = new Map<DownType, Map<string, string>>();
  readonly #refused = new Map<DownType, Map<string, Refused>>();
  readonly #digests = new HeldDigests();
  #resources = new HubResources();
  #complete = false;

  constructor({ journal, hub, log, older, onUnsaved }: HubStoreDeps) {
    this.#hub = hub;
    this.#journal = new HubJournal(journal, log, onUnsaved);
    this.#load(older);
  }

  /**
   * Everything has been received once, by this agent or one before it. Until then what is missing is unknown and not
   * absent: a policy of the hub's may be among it, so nothing is sent to proxies.
   */
  get complete(): boolean {
    return this.#complete;
  }

  /** Everything that is held, as the hub has sent it. Read from the disk. */
  *kept(): Generator<{ type: DownType; name: string; version: string; body: Uint8Array }> {
    for (const [key, body] of this.#journal.entries()) {
      const kept = decodeKept(body);
      const touched = parseTouched(key);
      if (kept && touched.ok && touched.value.kind === 'hub')
        yield { type: touched.value.type, name: touched.value.name, ...kept };
    }
  }

  /** True when it is news. */
  completed(): boolean {
    if (this.#complete) return false;
    this.#journal.put(completeKey, new Uint8Array());
    return (this.#complete = true);
  }

  /** By name. It is changed in place. */
  get view(): HubView {
    return this.#resources.held;
  }

  get resources(): HubResources {
    return this.#resources;
  }

  /** As `ClientSession` takes them: what was refused is named, so that the hub sends it again or says that it is gone. */
  versions(): ReadonlyMap<string, ReadonlyMap<string, string>> {
    return new Map(
      downTypes.map((type) => [
        type,
        new Map([
          ...[...this.refused(type).keys()].map((name) => [name, noVersion] as const),
          ...(this.#versions.get(type) ?? []),
        ]),
      ]),
    );
  }

  /** The digests of `versions`. */
  digests(type: DownType): Digests {
    return this.#digests.of(type);
  }

  /** By name. */
  refused(type: DownType): ReadonlyMap<string, Refused> {
    return this.#refused.get(type) ?? new Map<string, Refused>();
  }

  version(type: DownType, name: string): string | undefined {
    return this.#versions.get(type)?.get(name);
  }

  /** What it puts is in the kernel's hands then, or is tried again each second. */
  apply(type: string, resources: readonly Resource[], removed: readonly string[]): Outcome {
    const known = downTypes.find((one) => one === type);
    const changes = new ChangeSet();
    if (!known) {
      const reason = `type ${type} is not known to this agent`;
      return { rejected: resources.map(({ name }) => ({ name, reason })), changes };
    }
    const rejected: Rejected[] = [];
    for (const resource of resources) {
      const taken = this.#takeCounted(known, resource, changes);
      if (taken.reason !== undefined) rejected.push({ name: resource.name, reason: taken.reason });
      if (taken.isKept)
        this.#journal.put(keyOf(known, resource.name), encodeKept(resource.version, resource.body));
    }
    for (const name of removed) {
      this.#forget(known, name, changes);
      this.#journal.remove(keyOf(known, name));
    }
    return { rejected, changes };
  }

  /** What was applied before is on the disk when this resolves, or it has been reported that it is not. */
  async flushed(): Promise<void> {
    await this.#journal.flushed();
  }

  get isUnsaved(): boolean {
    return this.#journal.isUnsaved;
  }

  get unsaved(): string | undefined {
    return this.#journal.unsaved;
  }

  /** To be called about once a second while something is not saved: it is tried again. */
  save(): void {
    this.#journal.retry();
  }

  #takeCounted(type: DownType, resource: Resource, changes: ChangeSet): Taken {
    const { name } = resource;
    const before = this.#retained(type, name);
    const taken = this.#take(type, resource, changes);
    this.#digests.replace(type, name, before, this.#retained(type, name));
    return taken;
  }

  /** As `versions` has it. */
  #retained(type: DownType, name: string): string | undefined {
    return this.version(type, name) ?? (this.refused(type).has(name) ? noVersion : undefined);
  }

  /**
   * What was refused is kept when it is held in no version, so that what stands in for it is there after a restart. It
   * is refused again when it is read then, or is not.
   */
  #take(type: DownType, resource: Resource, changes: ChangeSet): Taken {
    const { name, version, body } = resource;
    if (name.length > maxNameLength) return { isKept: false, reason: tooLong(name) };
    const held = this.version(type, name);
    if (held === version) return { isKept: false };
    const read = readResource(this.view, type, resource);
    if (read.ok) {
      this.#resources.set(type, name, read.value, changes);
      entriesOf(this.#versions, type).set(name, version);
      this.#refused.get(type)?.delete(name);
      return { isKept: true };
    }
    const reason = read.error;
    if (held !== undefined) return { reason, isKept: false };
    const standIn = type === 'policy' ? policyStandIn(name, body) : undefined;
    entriesOf(this.#refused, type).set(name, { version, reason, standIn });
    // It is reported that it is refused, also where nothing stands in for it.
    changes.add({ kind: 'hub', type, name });
    if (typeof standIn === 'object') this.#resources.set(type, name, standIn, changes);
    else this.#resources.delete(type, name, changes);
    return { reason, isKept: true };
  }

  #forget(type: DownType, name: string, changes: ChangeSet): void {
    this.#digests.replace(type, name, this.#retained(type, name), undefined);
    this.#versions.get(type)?.delete(name);
    if (this.#refused.get(type)?.delete(name)) changes.add({ kind: 'hub', type, name });
    this.#resources.delete(type, name, changes);
  }

  #load(older: OlderHubViewFile | undefined): void {
    const keys: string[] = [];
    let hub: string | undefined;
    for (const [key, body] of this.#journal.entries()) {
      keys.push(key);
      if (key === hubKey) hub = Buffer.from(body).toString();
      else if (key === completeKey) this.#complete = true;
      else this.#loadOne(key, body);
    }
    if (hub !== this.#hub) this.#startOver(keys, older);
    // Once it is certain that it will not be needed again.
    void this.#journal.flushed().then((isOnDisk) => isOnDisk && older?.remove());
  }

  #loadOne(key: string, body: Uint8Array): void {
    const touched = parseTouched(key);
    const kept = decodeKept(body);
    // Of a version of the agent that knows more types.
    if (!touched.ok || touched.value.kind !== 'hub' || !kept) return;
    const { type, name } = touched.value;
    this.#takeCounted(type, { name, ...kept }, new ChangeSet());
  }

  #startOver(keys: readonly string[], older: OlderHubViewFile | undefined): void {
    this.#complete = false;
    this.#resources = new HubResources();
    this.#versions.clear();
    this.#refused.clear();
    this.#digests.clear();
    this.#journal.remove(completeKey);
    for (const key of keys) this.#journal.remove(key);
    const saved = older?.read(this.#hub);
    for (const [type, resources] of saved?.types ?? []) this.apply(type, resources, []);
    if (saved?.complete) this.completed();
    // Last: without it all of this is done again.
    this.#journal.put(hubKey, Buffer.from(this.#hub));
  }
}

const keyOf = (type: DownType, name: string): string => formatTouched({ kind: 'hub', type, name });

function entriesOf<T>(byType: Map<DownType, Map<string, T>>, type: DownType): Map<string, T> {
  const known = byType.get(type) ?? new Map<string, T>();
  byType.set(type, known);
  return known;
}

const tooLong = (name: string): string =>
  `its name has ${name.length} characters, and may have ${maxNameLength} at most: shorten it`;
