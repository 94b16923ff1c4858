declare module 'node-forge/lib/asn1.js' {
  import type { asn1 } from 'node-forge';

  /** The types of node-forge have neither these nor tags that are not universal. */
  interface DerOptions {
    readonly strict: boolean;
    readonly parseAllBytes: boolean;
    readonly decodeBitStrings: boolean;
  }

  const codec: Omit<typeof asn1, 'create' | 'fromDer'> & {
    /** `type`: one of `Type`, or the number of a tag of a context. */
    create(tagClass: number, type: number, constructed: boolean, value: string | asn1.Asn1[]): asn1.Asn1;
    /** `bytes`: one character a byte. Throws what it finds wrong. It adds defaults to the options. */
    fromDer(bytes: string, options: DerOptions): asn1.Asn1;
  };
  export default codec;
}
