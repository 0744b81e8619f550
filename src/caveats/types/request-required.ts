/** `request-required`, a name without an argument: holds only in the root macaroon, and only when that ends in a `request` caveat. */
import type { CaveatType } from '../caveat-type.js';

export const requestRequired: CaveatType<true> = Object.freeze<CaveatType<true>>({
  name: 'request-required',
  takesNoArgument: true,
  parse: (argument) => (argument === '' ? { ok: true, value: true } : { ok: false, message: 'takes no argument' }),
  format: () => '',
  check(_value, context, setting) {
    if (setting?.dischargeIndex !== undefined) {
      return { holds: false, reason: 'denied', expected: 'a place in the root macaroon', actual: 'one in a discharge' };
    }
    if (context.request === undefined) return { holds: false, reason: 'missing-context', needs: 'origin, target and content' };
    if (setting?.isSealed === true) return { holds: true };
    return { holds: false, reason: 'denied', expected: 'a sealed request', actual: 'one without a request caveat at the end' };
  },
  describe: () => 'only with sealed requests',
  narrows: () => ({ kind: 'no-op' }),
});
