/** What a person is told who adds a caveat that not every verifier knows: such a caveat denies wherever it is not known. */
import { standardRegistry } from '../caveats/standard.js';
import type { Session } from './session.js';

/** Warns of each of `conditions` whose name is not a standard one. */
export function warnOfUnknownCaveats(session: Session, conditions: readonly string[]): void {
  for (const condition of conditions) {
    const [name = ''] = condition.split(' ', 1);
    if (standardRegistry.get(name) !== undefined) continue;
    session.warn(
      `the caveat ${name} is not a standard one (${standardRegistry.names.join(', ')}): verifiers that do not know it deny`,
    );
  }
}
