/**
 * Values by a number, in two generations: when the young one is full it becomes the old one, and what the old one held is forgotten unless it was asked for.
 * Bounded by how many values both hold, and by what they weigh together; one value alone has no old generation.
 */
export class Generations<Value> {
  readonly #hasOld: boolean;
  /** Of one generation. */
  readonly #maxCount: number;
  readonly #maxWeight: number;
  readonly #weightOf: (value: Value) => number;
  #young = new Map<number, Value>();
  #youngWeight = 0;
  #old = new Map<number, Value>();

  constructor(maxCount: number, maxWeight: number, weightOf: (value: Value) => number) {
    this.#hasOld = maxCount > 1;
    this.#maxCount = this.#hasOld ? Math.floor(maxCount / 2) : maxCount;
    this.#maxWeight = this.#hasOld ? maxWeight / 2 : maxWeight;
    this.#weightOf = weightOf;
  }

  get isEmpty(): boolean {
    return this.#young.size === 0 && this.#old.size === 0;
  }

  /** The value of `number`, which lives on in the young generation. */
  get(number: number): Value | undefined {
    const young = this.#young.get(number);
    if (young !== undefined) return young;
    if (this.#old.size === 0) return undefined;
    const old = this.#old.get(number);
    if (old !== undefined) this.set(number, old);
    return old;
  }

  /** Keeps `value`, unless it weighs more than a generation may. */
  set(number: number, value: Value): void {
    const weight = this.#weightOf(value);
    if (weight > this.#maxWeight) return;
    if (this.#young.size >= this.#maxCount || this.#youngWeight + weight > this.#maxWeight) {
      if (this.#hasOld) this.#old = this.#young;
      this.#young = new Map();
      this.#youngWeight = 0;
    }
    this.#young.set(number, value);
    this.#youngWeight += weight;
  }

  clear(): void {
    this.#young = new Map();
    this.#youngWeight = 0;
    this.#old = new Map();
  }
}
