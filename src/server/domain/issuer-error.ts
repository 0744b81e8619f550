/** What a use case refuses, with the stable code of the problem that HTTP answers; never a secret or a token in its message. */
import type { ProblemCode } from '../../protocol/problem.js';

export class IssuerError extends Error {
  override readonly name = 'IssuerError';
  readonly code: ProblemCode;
  /** JSON pointer of the member that is wrong, such as `/actions/1`. */
  readonly pointer: string | undefined;

  constructor(code: ProblemCode, message: string, pointer?: string) {
    super(message);
    this.code = code;
    this.pointer = pointer;
  }
}
