/** Steps of a verification as text for a person: one line a step, ✓ or ✗, and the result below. */
import type { ExplainedCaveat, ExplainedStep, Explanation, VerifyResult } from './result.js';

/**
 * The explanation of `result` by `caveats` and by what `makeSteps` makes of them, frozen. The steps and their text are made when they are asked for:
 * an issuer that answers a service needs neither.
 */
export function explanationOf(
  result: VerifyResult,
  caveats: readonly ExplainedCaveat[],
  makeSteps: (caveats: readonly ExplainedCaveat[]) => readonly ExplainedStep[],
): Explanation {
  let made: readonly ExplainedStep[] | undefined;
  const steps = (): readonly ExplainedStep[] => {
    made ??= Object.freeze(makeSteps(caveats).map((step) => Object.freeze(step)));
    return made;
  };
  return Object.freeze({
    result,
    caveats: Object.freeze(caveats),
    get steps() {
      return steps();
    },
    get text() {
      return textOf(result, steps());
    },
  });
}

function textOf(result: VerifyResult, steps: readonly ExplainedStep[]): string {
  const lines = steps.map((step) => `${step.holds ? '✓' : '✗'} ${step.text}`);
  lines.push(result.ok ? 'allowed' : `denied: ${result.code}`);
  return lines.join('\n');
}

/** A step that is about a caveat, wherever it was checked. */
export function caveatStep({ holds, condition, message, caveatIndex, dischargeIndex }: ExplainedCaveat): ExplainedStep {
  const where = dischargeIndex === undefined ? `caveat ${caveatIndex}` : `caveat ${caveatIndex} of discharge ${dischargeIndex}`;
  const step = { holds, text: `${where}: ${condition} (${message})`, condition, message, caveatIndex };
  return dischargeIndex === undefined ? step : { ...step, dischargeIndex };
}
