/** What a client throws when an answer does not prove that it is the answer: somebody is between it and the server, or the server is another. */
import { MacaroonError } from '../core/index.js';

/** What is wrong with the proof of the answer. */
export type InterferenceKind = 'missing' | 'wrong' | 'repeated';

const messages: Readonly<Record<InterferenceKind, string>> = {
  missing: 'the answer does not prove itself: it was not made by the server, or its proof was taken away on the wire',
  wrong: 'the proof of the answer does not hold: the answer or the request was altered on the wire',
  repeated: 'the answer was seen before: somebody sent it again',
};

/** Thrown with code `ERR_INTERFERENCE`. Whether the server carried the request out is not known. */
export class InterferenceError extends MacaroonError {
  override readonly name = 'InterferenceError';
  readonly kind: InterferenceKind;
  /** The server may or may not have carried the request out. */
  override readonly outcome = 'unknown';

  /** `status` of the answer, which nothing vouches for. */
  constructor(kind: InterferenceKind, status?: number) {
    super('ERR_INTERFERENCE', messages[kind], status === undefined ? {} : { status });
    this.kind = kind;
  }
}
