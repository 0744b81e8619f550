/** Values that are mostly there at once and sometimes have to be waited for: to wait for the former costs more than a token that was seen before. */

/** Whether `value` must be waited for. */
export function isPromise<Value>(value: Value | PromiseLike<Value>): value is PromiseLike<Value> {
  // Without `in`, which takes as long as asking and is asked of objects of many shapes.
  return typeof value === 'object' && value !== null && typeof (value as { readonly then?: unknown }).then === 'function';
}

/** What `next` makes of `value`: at once, unless one of the two has to be waited for. Throws, or rejects with, what `next` throws. */
export function whenKnown<Value, Result>(
  value: Value | PromiseLike<Value>,
  next: (value: Value) => Result | Promise<Result>,
): Result | Promise<Result> {
  return isPromise(value) ? Promise.resolve(value).then(next) : next(value);
}

/** What `attempt` gives, or what `next` makes of what it throws or rejects with: at once, unless one of the two has to be waited for. */
export function whenFailed<Value>(
  attempt: () => Value | Promise<Value>,
  next: (error: unknown) => Value | Promise<Value>,
): Value | Promise<Value> {
  try {
    const value = attempt();
    return isPromise(value) ? value.catch(next) : value;
  } catch (error) {
    return next(error);
  }
}
