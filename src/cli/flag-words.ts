/** What is wrong with a request, in the words that were typed: the API names members of JSON, and whoever sits at a terminal typed flags. */
import type { Command } from 'commander';

/** Flags, or arguments in capitals, by the member that they become; the first that the command has. */
const wordsOf: Readonly<Record<string, readonly string[]>> = {
  client: ['--client', 'CLIENT', 'NAME', 'CLIENT-OR-ID'],
  name: ['--name', 'NAME'],
  audience: ['--audience', 'AUDIENCE', 'NAME'],
  actions: ['--action', '--grant'],
  action: ['--action'],
  grants: ['--grant'],
  verifier_of: ['--verifier-of'],
  auth: ['--auth'],
  ips: ['--ip'],
  ip: ['--ip'],
  hosts: ['--host'],
  expires_in: ['--expires'],
  max_expires_in: ['--max-expires'],
  required_caveats: ['--require'],
  caveats: ['--caveat'],
  bind: ['--bind'],
  token_id: ['--token-id', 'ID'],
  root_key_id: ['ID'],
  credential_id: ['ID', 'CLIENT-OR-ID'],
  public_key: ['--public-key'],
  certificate: ['--cert', '--certificate'],
  thumbprint: ['THUMBPRINT'],
  auth_method: ['METHOD'],
};

/** Members that are no words of a sentence, so that they are known for one wherever they stand. */
const unmistakable = /\b(?:[a-z]+_)+[a-z]+\b|\b(?:ips|hosts)\b/g;

/** `message` of a refused request, in the words of `command`. */
export function inFlagWords(message: string, command: Command): string {
  const has = new Set([
    ...command.options.flatMap(({ long }) => long ?? []),
    ...command.registeredArguments.map((argument) => argument.name().toUpperCase()),
  ]);
  const word = (member: string): string | undefined => {
    const known = Object.hasOwn(wordsOf, member) ? wordsOf[member] : [`--${member}`];
    return known?.find((one) => has.has(one));
  };
  const pointer = /(^|: |; )((?:\/[a-z0-9_]+)+)(?=: )/g;
  return message
    .replace(pointer, (all, before: string, path: string) => {
      const named = path
        .split('/')
        .map(word)
        .find((one) => one !== undefined);
      return named === undefined ? all : `${before}${named}`;
    })
    .replace(/^[a-z]+(?= (?:must|asks)\b)/, (member) => word(member) ?? member)
    .replace(unmistakable, (member) => word(member) ?? member);
}
