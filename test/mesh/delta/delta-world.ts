import { ClientSession } from '@isthmus/mesh/delta/client-session.ts';
import type { DeltaRequest, DeltaResponse, Rejected, Resource } from '@isthmus/mesh/delta/messages.ts';
import type { Produced, ProducedType } from '@isthmus/mesh/delta/produced.ts';
import type { Urgency } from '@isthmus/mesh/delta/sent-type.ts';
import { ServerSession, type Producer } from '@isthmus/mesh/delta/server-session.ts';

export const policyType = 'policy';
export const workloadType = 'workload';

/** A body is the version's text; a workload's body names its policies: `3|p1,p2`. */
export const bodyOf = (version: string) => Buffer.from(version);

/** A producer and a consumer joined by two wires that a test delivers message by message. */
export class DeltaWorld {
  readonly state = new Map<string, Map<string, string>>([
    [policyType, new Map()],
    [workloadType, new Map()],
  ]);
  readonly held = new Map<string, Map<string, string>>([
    [policyType, new Map()],
    [workloadType, new Map()],
  ]);
  readonly client = new ClientSession([workloadType, policyType]);
  server!: ServerSession;
  toServer: DeltaRequest[] = [];
  toClient: DeltaResponse[] = [];
  /** Everything that the server ever sent, stream by stream. */
  sent: DeltaResponse[] = [];
  /** Versions that the consumer refuses. */
  readonly bad = new Set<string>();
  /** What went wrong: a workload was applied before a policy that it names. */
  readonly violations: string[] = [];
  epoch = 1n;
  complete = true;
  readonly options: Partial<Producer>;

  constructor(options: Partial<Producer> = {}) {
    this.options = options;
    this.connect();
  }

  connect(): void {
    this.toClient = [];
    this.server = new ServerSession({
      types: [policyType, workloadType],
      awaited: new Set([policyType]),
      lookup: (type) => this.lookup(type),
      ...this.options,
    });
    this.toServer = [...this.client.open()];
  }

  lookup(type: string): ProducedType {
    const resources = new Map<string, Produced>();
    for (const [name, version] of this.state.get(type)!)
      resources.set(name, { version, body: () => bodyOf(version) });
    return { resources, systemVersion: { epoch: this.epoch, revision: 0n }, complete: this.complete };
  }

  set(type: string, name: string, version: string | undefined, urgency: Urgency = 'urgent'): void {
    if (version === undefined) this.state.get(type)!.delete(name);
    else this.state.get(type)!.set(name, version);
    this.server.changed(type, [name], urgency);
  }

  setInBulk(type: string, name: string, version: string | undefined): void {
    this.set(type, name, version, 'bulk');
  }

  deliverToServer(): void {
    const request = this.toServer.shift();
    if (request) this.server.request(request);
  }

  pull(): DeltaResponse | undefined {
    const response = this.server.next();
    if (response) {
      this.toClient.push(response);
      this.sent.push(response);
    }
    return response;
  }

  deliverToClient(): void {
    const response = this.toClient.shift();
    if (response)
      this.toServer.push(
        this.client.response(response, (resources, removed) =>
          this.#apply(response.type, resources, removed),
        ),
      );
  }

  /** Until nothing moves. */
  settle(): void {
    for (let rounds = 0; rounds < 10_000; rounds++) {
      if (this.toServer.length > 0) this.deliverToServer();
      else if (this.toClient.length > 0) this.deliverToClient();
      else if (!this.pull()) return;
    }
    throw new Error('it never settles');
  }

  #apply(type: string, resources: readonly Resource[], removed: readonly string[]): Rejected[] {
    const held = this.held.get(type)!;
    const rejected: Rejected[] = [];
    for (const { name, version, body } of resources) {
      if (this.bad.has(version)) rejected.push({ name, reason: `version ${version} is bad; truly` });
      else held.set(name, Buffer.from(body).toString());
      if (type === workloadType && !this.bad.has(version)) this.#checkPolicies(name, version);
    }
    for (const name of removed) {
      held.delete(name);
      if (type === policyType) this.#checkUnnamed(name);
    }
    return rejected;
  }

  #checkPolicies(name: string, version: string): void {
    for (const policy of version.split('|')[1]?.split(',').filter(Boolean) ?? [])
      if (!this.held.get(policyType)!.has(policy))
        this.violations.push(`${name} names ${policy}, which has not come`);
  }

  #checkUnnamed(policy: string): void {
    for (const [name, version] of this.held.get(workloadType)!)
      if (version.split('|')[1]?.split(',').includes(policy))
        this.violations.push(`${policy} left before ${name} let it go`);
  }
}
