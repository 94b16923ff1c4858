import assert from 'node:assert/strict';
import { notReady, type Standing } from '@isthmus/ztunnel/readiness.ts';

const standing = (part: Partial<Standing>): Standing => ({
  mode: 'gateway',
  capture: 'loopback',
  pending: new Set(),
  address: '127.0.0.9',
  unbound: [],
  holdsValid: true,
  ...part,
});

describe('ztunnel, whether a proxy is ready', () => {
  for (const mode of ['shared', 'gateway', 'sidecar'] as const)
    it(`a ${mode} proxy is, with all its ports and a valid certificate`, () => {
      assert.deepEqual(notReady(standing({ mode })), []);
    });

  it('a gateway that cannot bind a port is not, until it has bound it', () => {
    assert.deepEqual(notReady(standing({ unbound: ['127.0.0.8'] })), ['listeners']);
    assert.deepEqual(notReady(standing({ unbound: ['127.0.0.9'], pending: new Set(['listeners']) })), [
      'listeners',
    ]);
  });

  it('a sidecar that cannot bind a port of its pod is not; without a port of a service that it calls it is', () => {
    const mode = 'sidecar';
    assert.deepEqual(notReady(standing({ mode, unbound: ['127.0.0.1', '127.0.0.9'] })), ['listeners']);
    assert.deepEqual(notReady(standing({ mode, unbound: ['127.0.0.1'] })), []);
  });

  it('the proxy of a node is, also where a port of a pod cannot be bound', () => {
    assert.deepEqual(notReady(standing({ mode: 'shared', unbound: ['127.0.0.1'] })), []);
  });

  it('the proxy of a machine is not where a port cannot be bound, nor without a valid certificate', () => {
    const [mode, capture] = ['shared', 'host'] as const;
    assert.deepEqual(notReady(standing({ mode, capture })), []);
    assert.deepEqual(notReady(standing({ mode, capture, unbound: ['127.0.0.9'] })), ['listeners']);
    assert.deepEqual(notReady(standing({ mode, capture, holdsValid: false })), ['certificate']);
  });

  it('a gateway and a sidecar are not without a valid certificate, and the proxy of a node is', () => {
    const reasons = (['gateway', 'sidecar', 'shared'] as const).map((mode) =>
      notReady(standing({ mode, holdsValid: false })),
    );
    assert.deepEqual(reasons, [['certificate'], ['certificate'], []]);
  });

  it('names all that it waits for', () => {
    const pending = new Set(['state', 'draining']);
    assert.deepEqual(notReady(standing({ pending, holdsValid: false })), [
      'state',
      'draining',
      'certificate',
    ]);
  });
});
