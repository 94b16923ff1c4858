import assert from 'node:assert/strict';
import { decideInbound, type InboundDecision } from '@isthmus/mesh/decide/inbound.ts';
import { aService } from '../../fakes/records.ts';
import { backs, cart, pod, stateOf } from './world.ts';

/** Of both families: a caller may have called either address. */
const cartPod = pod('cart', '10.0.0.2', { addresses: ['10.0.0.2', '2001:db8::2'], ...backs(cart) });
const named = { ...cart, ports: [{ servicePort: 80, targetPort: 0 }] };
const twin = aService({
  ...cart,
  namespace: 'other',
  key: `other/${cart.hostname}`,
  ports: [{ servicePort: 80, targetPort: 9999 }],
});

const decisionText = (decision: InboundDecision): string =>
  decision.kind === 'refuse'
    ? `refuse ${decision.status}`
    : `deliver ${decision.port}${decision.service ? ` of ${decision.service.key}` : ''}`;

describe('inbound', () => {
  const ofCart = `deliver 8080 of ${cart.key}`;
  const cases: readonly {
    readonly name: string;
    readonly authority?: string;
    readonly port?: number;
    readonly address?: string;
    readonly workload?: typeof cartPod;
    readonly services?: readonly (typeof cart)[];
    readonly expected: string;
  }[] = [
    {
      name: 'by address: the port that the CONNECT names',
      authority: '10.0.0.2:8080',
      expected: 'deliver 8080',
    },
    { name: 'by address: any port of the workload', authority: '10.0.0.2:1', expected: 'deliver 1' },
    { name: 'hbone_ip_mismatch', authority: '10.0.0.3:8080', expected: 'refuse 400' },
    { name: 'a VIP is not the workload', authority: '10.1.0.1:80', expected: 'refuse 400' },
    { name: 'localhost by address', authority: '127.0.0.1:8080', expected: 'refuse 400' },
    {
      name: 'IPv6, in whatever spelling',
      authority: '[2001:DB8:0::2]:8080',
      address: '2001:db8::2',
      expected: 'deliver 8080',
    },
    {
      name: 'IPv6 that is another',
      authority: '[2001:db8::3]:8080',
      address: '2001:db8::2',
      expected: 'refuse 400',
    },
    { name: 'svc_hostname_port', authority: 'cart.shop.svc.cluster.local:80', expected: ofCart },
    { name: 'svc_hostname in capitals', authority: 'Cart.shop.SVC.cluster.local:80', expected: ofCart },
    {
      name: 'svc_hostname_named_port: the endpoint says',
      authority: 'cart.shop.svc.cluster.local:80',
      services: [named],
      workload: pod('cart', '10.0.0.2', backs(cart, 7070)),
      expected: `deliver 7070 of ${cart.key}`,
    },
    {
      name: "the endpoint's own port before the service's",
      authority: 'cart.shop.svc.cluster.local:80',
      workload: pod('cart', '10.0.0.2', backs(cart, 7070)),
      expected: `deliver 7070 of ${cart.key}`,
    },
    {
      name: 'a named port that nobody resolves',
      authority: 'cart.shop.svc.cluster.local:80',
      services: [named],
      expected: 'refuse 503',
    },
    {
      name: 'a port that the service has not',
      authority: 'cart.shop.svc.cluster.local:81',
      expected: 'refuse 503',
    },
    { name: 'unknown hostname', authority: 'nobody.shop.svc.cluster.local:80', expected: 'refuse 503' },
    { name: 'localhost by name', authority: 'localhost:80', expected: 'refuse 503' },
    {
      name: "of two services of one name the workload's namespace",
      authority: 'cart.shop.svc.cluster.local:80',
      services: [twin, cart],
      expected: ofCart,
    },
    {
      name: 'a workload that its own clients leave alone still serves',
      authority: 'cart.shop.svc.cluster.local:80',
      workload: { ...cartPod, services: new Map() },
      expected: ofCart,
    },
    { name: 'no port', authority: '10.0.0.2', expected: 'refuse 400' },
    { name: 'port 0', authority: '10.0.0.2:0', expected: 'refuse 400' },
    { name: 'no host', authority: ':80', expected: 'refuse 400' },
    { name: 'empty', authority: '', expected: 'refuse 400' },
    { name: 'a URL', authority: 'http://10.0.0.2:8080/', expected: 'refuse 400' },
    ...[15001, 15006, 15008, 15053, 15080].map((port) => ({
      name: `malicious_calls: ${port} by address`,
      authority: `10.0.0.2:${port}`,
      expected: 'refuse 503',
    })),
    {
      name: 'malicious_calls: 15008 behind a service port',
      authority: 'cart.shop.svc.cluster.local:80',
      workload: pod('cart', '10.0.0.2', backs(cart, 15008)),
      expected: 'refuse 503',
    },
    { name: 'malicious_calls: 15006 in plaintext', port: 15006, expected: 'refuse 503' },
    { name: 'without a CONNECT: the port that it came to', port: 8080, expected: 'deliver 8080' },
    {
      name: 'the second address of the workload, which the CONNECT names',
      address: '2001:db8::2',
      authority: '[2001:db8::2]:8080',
      expected: 'deliver 8080',
    },
    {
      name: 'one address of the workload, where the other was called',
      address: '2001:db8::2',
      authority: '10.0.0.2:8080',
      expected: 'refuse 400',
    },
    { name: 'what came to another address than its own', address: '10.0.0.9', expected: 'refuse 503' },
  ];
  for (const {
    name,
    authority,
    port = 15008,
    address = '10.0.0.2',
    workload = cartPod,
    services = [cart],
    expected,
  } of cases)
    it(name, () => {
      const decision = decideInbound(stateOf([workload], services), {
        workload,
        destination: { address, port },
        authority,
      });
      assert.equal(decisionText(decision), expected);
      if (decision.kind === 'refuse') assert.ok(decision.message.length > 10);
    });
});
