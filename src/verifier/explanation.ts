/** Steps of a verification as text for a person: one line a step, ✓ or ✗, and the result below. */
import type { ExplainedCaveat, ExplainedStep, Explanation, VerifyResult } from './result.js';

type MakeSteps = (caveats: readonly ExplainedCaveat[]) => readonly ExplainedStep[];

/**
 * The explanation of `result` by `caveats` and by what `makeSteps` makes of them, frozen. The steps and their text are made when they are asked for:
 * an issuer that answers a service needs neither.
 */
export function explanationOf(result: VerifyResult, caveats: readonly ExplainedCaveat[], makeSteps: MakeSteps): Explanation {
  return Object.freeze(new LazyExplanation(result, Object.freeze(caveats), makeSteps));
}

/** A class, as V8 makes a new shape, which outlives the young heap, for each object that has getters of its own. */
class LazyExplanation implements Explanation {
  readonly result: VerifyResult;
  readonly caveats: readonly ExplainedCaveat[];
  readonly #makeSteps: MakeSteps;
  #steps: readonly ExplainedStep[] | undefined;

  constructor(result: VerifyResult, caveats: readonly ExplainedCaveat[], makeSteps: MakeSteps) {
    this.result = result;
    this.caveats = caveats;
    this.#makeSteps = makeSteps;
  }

  get steps(): readonly ExplainedStep[] {
    this.#steps ??= Object.freeze(this.#makeSteps(this.caveats).map((step) => Object.freeze(step)));
    return this.#steps;
  }

  get text(): string {
    return textOf(this.result, this.steps);
  }

  /** What is told when it is asked for counts as a member, too. */
  toJSON(): Explanation {
    const { result, caveats, steps, text } = this;
    return { result, caveats, steps, text };
  }
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
