/**
 * Where a command gets the token it works on: `-` or `--token-file`, else a pipe, else `MACAROOND_TOKEN`. Never an argument, because the
 * arguments of a process can be seen by every user of the machine and stay in the shell's history.
 */
import { createReadStream } from 'node:fs';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { limits, MacaroonError } from '../core/index.js';
import type { CliIo } from './cli-io.js';
import { fileFault } from './file-fault.js';
import { usageError } from './session.js';
import { readTokenText } from './token-text.js';

/** Characters that are read: the longest token in whatever form, with white space around it. What reads the token then judges its length. */
const maxReadLength = limits.maxImportLength + 1024;

export interface TokenOptions {
  readonly tokenFile?: string | undefined;
}

const waysIn = 'pipe it in, name its file with --token-file, or set MACAROOND_TOKEN';

/** Adds `[-]` and `--token-file`. */
export function withTokenInput(command: Command): Command {
  return command
    .argument('[-]', 'read the token from standard input; this is the default when something is piped in')
    .option('--token-file <file>', 'read the token from this file')
    .addHelpText(
      'after',
      `\nThe token comes from --token-file, else from standard input (a pipe, a file or -), else from MACAROOND_TOKEN.`,
    );
}

/** A text, and what to call where it comes from; no name for standard input. */
interface TokenSource {
  readonly text: string;
  readonly from?: string;
}

/**
 * The text of the token, without white space around it. Throws a usage error when there is none, and that it is malformed for what is no
 * token in any form.
 */
export async function readToken(io: CliIo, source: string | undefined, options: TokenOptions): Promise<string> {
  if (source !== undefined && source !== '-') throw usageError('a token is not taken as an argument', waysIn);
  if (source === '-' && options.tokenFile !== undefined) throw usageError('give either - or --token-file');
  const { text, from } = await readSource(io, source, options.tokenFile);
  if (text === '') throw usageError('there is no token', waysIn);
  readTokenText(text, from);
  return text;
}

async function readSource(io: CliIo, source: string | undefined, tokenFile: string | undefined): Promise<TokenSource> {
  if (tokenFile !== undefined) return { text: await readTokenFile(resolve(io.cwd, tokenFile)), from: tokenFile };
  if (source === '-') return { text: await readAll(io.stdin) };
  const fromEnvironment = io.env['MACAROOND_TOKEN']?.trim() ?? '';
  // A program that starts us often leaves an open socket there and never writes to it; waiting for it would be for ever.
  const isInput = io.stdinKind === 'pipe' || (io.stdinKind === 'socket' && fromEnvironment === '');
  const fromStdin = isInput ? await readAll(io.stdin) : '';
  return fromStdin === '' ? { text: fromEnvironment, from: 'MACAROOND_TOKEN' } : { text: fromStdin };
}

async function readTokenFile(path: string): Promise<string> {
  try {
    return await readAll(createReadStream(path));
  } catch (error) {
    if (error instanceof MacaroonError) throw error;
    const fault = fileFault(error);
    throw usageError(`the token file ${path} cannot be read${fault === undefined ? '' : ` (${fault})`}`);
  }
}

async function readAll(input: CliIo['stdin']): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const chunk of input) {
    text += typeof chunk === 'string' ? chunk : decoder.decode(chunk, { stream: true });
    if (text.length <= maxReadLength) continue;
    const limit = limits.maxImportLength;
    throw new MacaroonError('ERR_LIMIT_TEXT', 'the input is far too long to be a token', { limit, offset: limit });
  }
  return (text + decoder.decode()).trim();
}
