/** What a bench is told on its command line. What is wrong there ends the process with status 2 before anything is measured, `--help` with 0. */
import { parseArgs } from 'node:util';

const text = { type: 'string' };

/**
 * `--json`, `--only` (a text, as it is), and numbers, whose defaults are given by name: those that are `whole`, 1 or more, and others that are more than 0.
 * `about`, the command and what it measures, and `meanings`, what each option but `--json` is for, are what `--help` says.
 */
export function readOptions({ about, meanings, whole, positive = {} }) {
  const defaults = { ...whole, ...positive };
  const options = {
    help: { type: 'boolean' },
    json: { type: 'boolean' },
    only: text,
    ...Object.fromEntries(Object.keys(defaults).map((name) => [name, text])),
  };
  const { values } = parse(options);
  if (values.help === true) {
    console.log(usage(about, { json: 'print the rows alone, as JSON', ...meanings }, defaults));
    process.exit(0);
  }
  const numbers = Object.entries(defaults).map(([name, number]) => [name, Number(values[name] ?? number)]);
  for (const [name, number] of numbers) {
    if (name in whole && !(Number.isSafeInteger(number) && number >= 1)) fail(`--${name} must be a whole number, 1 or more`);
    if (!(Number.isFinite(number) && number > 0)) fail(`--${name} must be a number above 0`);
  }
  return { json: values.json === true, only: values.only, ...Object.fromEntries(numbers) };
}

function usage(about, meanings, defaults) {
  const lines = Object.entries(meanings).map(([name, meaning]) => {
    const by = name in defaults ? ` (${defaults[name]})` : '';
    return `  --${name.padEnd(12)}${meaning}${by}`;
  });
  return [about, '', ...lines].join('\n');
}

/** Those of `names` that `only` lists, each once; all where there is no list. */
export function chosenOf(only, names) {
  const chosen = only === undefined ? names : [...new Set(only.split(','))];
  const unknown = chosen.find((name) => !names.includes(name));
  if (unknown !== undefined) fail(`--only: there is no ${unknown || 'name'}; there are ${names.join(', ')}`);
  return chosen;
}

function parse(options) {
  try {
    return parseArgs({ options });
  } catch (error) {
    const names = Object.keys(options).map((name) => `--${name}`);
    return fail(`${error.message}\nThere are ${names.join(', ')}`);
  }
}

function fail(message) {
  console.error(message);
  process.exit(2);
}
