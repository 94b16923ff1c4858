import assert from 'node:assert/strict';
import { terminalLine, terminalText } from '@isthmus/mesh/process/terminal-text.ts';

describe('mesh/process/terminal-text', () => {
  it('shows every control, line separator and bidirectional mark as an escape, and nothing else', () => {
    const obeyed = (code: number) =>
      (code < 0x20 && code !== 0x0a) ||
      (code >= 0x7f && code <= 0x9f) ||
      [0x061c, 0x200e, 0x200f, 0x2028, 0x2029].includes(code) ||
      (code >= 0x202a && code <= 0x202e) ||
      (code >= 0x2066 && code <= 0x2069);
    for (let code = 0; code <= 0xffff; code++) {
      const char = String.fromCharCode(code);
      const escape = `\\u${code.toString(16).padStart(4, '0')}`;
      assert.equal(terminalText(char), obeyed(code) ? escape : char);
    }
  });

  it('leaves letters, symbols and line feeds of every script as they are', () => {
    for (const text of ['a\nb', 'ä → 日本 עברית', '👩‍👩‍👧']) assert.equal(terminalText(text), text);
  });

  it('shows a line feed within a line as an escape', () => {
    assert.equal(terminalLine('a\nb\u001b'), String.raw`a\nb\u001b`);
  });

  it('keeps serialized JSON valid and its meaning', () => {
    const value = { 'k\u009b': 'v\u202e\u007f\n\u001b' };
    assert.deepEqual(JSON.parse(terminalText(JSON.stringify(value, undefined, 2))), value);
  });
});
