/** `method GET,HEAD`: holds when the HTTP method is in the list; `GET` does not include `HEAD`. The value is the list. */
import { type CaveatType, holds } from '../caveat-type.js';
import { narrowList, parseList } from '../list.js';

/** Upper-case methods as registered with IANA, such as `GET` and `VERSION-CONTROL`. */
const methodPattern = /^[A-Z]+(?:-[A-Z]+)*$/;

/** Whether `text` is an upper-case method. */
export function isMethod(text: string): boolean {
  return methodPattern.test(text);
}

export const method: CaveatType<readonly string[]> = Object.freeze<CaveatType<readonly string[]>>({
  name: 'method',
  parse: (argument) =>
    parseList(
      argument,
      (text) => (isMethod(text) ? text : undefined),
      'expected HTTP methods in upper case, separated by commas',
    ),
  format: (methods) => methods.join(','),
  check(methods, context) {
    const requested: unknown = context.method;
    if (requested === undefined) return { holds: false, reason: 'missing-context', needs: 'method' };
    // Every item is an upper-case method.
    for (let i = 0; i < methods.length; i++) if (methods[i] === requested) return holds;
    const isValid = typeof requested === 'string' && isMethod(requested);
    const actual = isValid ? requested : 'something that is not an upper-case method';
    return { holds: false, reason: 'denied', expected: methods.join(' or '), actual };
  },
  describe: (methods) => `only with the method ${methods.join(' or ')}`,
  narrows: (inForce, added) => narrowList(inForce, added, (one, other) => one === other),
});
