/** Functions that a service supplies answer at once. A promise is not waited for, but must not end the process when it rejects. */

/** Whether `value` is a promise, or anything else with a `then`. Its rejection is caught here, as nobody waits for it. */
export function catchPromise(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || !('then' in value) || typeof value.then !== 'function') return false;
  Promise.resolve(value).catch(() => {});
  return true;
}
