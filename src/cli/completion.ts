/** `instar completion`: scripts for shells that complete commands, options and their values, from the tables of options. */
import type { Command, Option as CommanderOption } from 'commander';
import { datasetNames } from '../data/resolve.ts';
import { flagOf, type Options } from '../options/option.ts';
import { UserError } from '../util/user-error.ts';
import { settingNames } from '../search/setting-names.ts';
import { printLines, type Io } from './io.ts';
import { commandOptions } from '../options/commands.ts';

/** What a value can be: one of some words, a path, or anything. */
type Value = readonly string[] | 'path' | 'any';

export interface CompletedOption {
  readonly flag: string;
  readonly help: string;
  /** Null: it takes none. */
  readonly value: Value | null;
}

export interface CompletedCommand {
  readonly name: string;
  readonly summary: string;
  readonly options: readonly CompletedOption[];
  /** Words beside paths that its arguments can be. */
  readonly words: readonly string[];
}

const pathArguments: readonly string[] = ['<folder>', '<file>', '[file]', '<path>', '<run>'];

/** The values of an option, by its row. */
function valueOf(rows: Options, option: CommanderOption): Value | null {
  if (!option.required && !option.optional) return null;
  const kind = Object.entries(rows).find(([key]) => flagOf(key) === option.long)?.[1].kind;
  if (kind?.choices !== undefined) return Object.keys(kind.choices);
  if (option.long === '--set') return settingNames.map((name) => `${name}=`);
  return pathArguments.includes(kind?.argument ?? '') ? 'path' : 'any';
}

const shells = ['bash', 'zsh', 'fish'] as const;
type Shell = (typeof shells)[number];

/** Words of the arguments of a command. */
function wordsOf(command: Command, program: Command): readonly string[] {
  const names = command.registeredArguments.map((argument) => argument.name());
  if (names.includes('dataset')) return datasetNames;
  if (names.includes('command')) return program.commands.map((each) => each.name());
  return names.includes('shell') ? shells : [];
}

export const completedCommands = (program: Command): readonly CompletedCommand[] =>
  program.commands.map((command) => {
    const rows: Options = commandOptions[command.name() as keyof typeof commandOptions];
    const options = command.options.map((option) => ({
      flag: option.long ?? '',
      help: option.description,
      value: valueOf(rows, option),
    }));
    return {
      name: command.name(),
      summary: command.summary(),
      options: [...options, { flag: '--help', help: 'print this help', value: null }],
      words: wordsOf(command, program),
    };
  });

/** In single quotes; what a shell would read in them is left out. */
const word = (text: string): string => `'${text.replaceAll(/['\\]/g, '')}'`;

/** Lines of a `case`, one a command and option that takes a value. */
const casesOf = (commands: readonly CompletedCommand[], reply: (value: Value) => string): readonly string[] =>
  commands.flatMap(({ name, options }) =>
    options.flatMap(({ flag, value }) => (value === null ? [] : [`    ${name}:${flag}) ${reply(value)} ;;`])),
  );

function bash(commands: readonly CompletedCommand[]): string {
  // Where nothing is offered, bash completes paths.
  const reply = (value: Value): string => (typeof value === 'string' ? ':' : `words=${word(value.join(' '))}`);
  return `# bash completion of instar: source <(instar completion bash)
_instar() {
  local word="\${COMP_WORDS[COMP_CWORD]}" before="\${COMP_WORDS[COMP_CWORD-1]}" command="\${COMP_WORDS[1]}" words=
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W ${word([...commands.map(({ name }) => name), '--help', '--version'].join(' '))} -- "$word"))
    return
  fi
  case "\${command}:\${before}" in
${casesOf(commands, reply).join('\n')}
    *)
      case "\${command}:\${word}" in
${commands.map(({ name, options }) => `        ${name}:-*) words=${word(options.map(({ flag }) => flag).join(' '))} ;;`).join('\n')}
${commands.map(({ name, words }) => `        ${name}:*) words=${word(words.join(' '))} ;;`).join('\n')}
      esac ;;
  esac
  [ -n "$words" ] && COMPREPLY=($(compgen -W "$words" -- "$word"))
  return 0
}
complete -o default -F _instar instar
`;
}

function zsh(commands: readonly CompletedCommand[]): string {
  const reply = (value: Value): string =>
    value === 'path' ? '_files' : value === 'any' ? ':' : `compadd -- ${value.map(word).join(' ')}`;
  return `#compdef instar
# zsh completion of instar: source <(instar completion zsh)
_instar() {
  local command="$words[2]" before="$words[CURRENT-1]"
  if (( CURRENT == 2 )); then
    compadd -- ${commands.map(({ name }) => name).join(' ')} --help --version
    return
  fi
  case "\${command}:\${before}" in
${casesOf(commands, reply).join('\n')}
    *)
      case "\${command}:\${PREFIX}" in
${commands.map(({ name, options }) => `        ${name}:-*) compadd -- ${options.map(({ flag }) => flag).join(' ')} ;;`).join('\n')}
${commands.map(({ name, words }) => `        ${name}:*) ${words.length === 0 ? '' : `compadd -- ${words.join(' ')}; `}_files ;;`).join('\n')}
      esac ;;
  esac
}
compdef _instar instar
`;
}

function fish(commands: readonly CompletedCommand[]): string {
  const names = commands.map(({ name }) => name).join(' ');
  const lines = commands.flatMap(({ name, summary, options, words }) => {
    const inCommand = `complete -c instar -n '__fish_seen_subcommand_from ${name}'`;
    return [
      `complete -c instar -n 'not __fish_seen_subcommand_from ${names}' -f -a ${name} -d ${word(summary)}`,
      ...(words.length === 0 ? [] : [`${inCommand} -a ${word(words.join(' '))}`]),
      ...options.map(({ flag, help, value }) => {
        const takes =
          value === null ? '' : value === 'path' ? ' -r' : value === 'any' ? ' -x' : ` -x -a ${word(value.join(' '))}`;
        return `${inCommand} -l ${flag.slice(2)}${takes} -d ${word(help)}`;
      }),
    ];
  });
  return `# fish completion of instar: instar completion fish | source
${lines.join('\n')}
`;
}

const writers: { readonly [S in Shell]: (commands: readonly CompletedCommand[]) => string } = { bash, zsh, fish };

export function completionCommand(shell: string, program: Command, io: Io): number {
  const known = shells.find((each) => each === shell);
  if (known === undefined) throw new UserError(`there is no completion for ${shell}; there is one for ${shells.join(', ')}`);
  printLines(io.out, writers[known](completedCommands(program)).trimEnd().split('\n'));
  return 0;
}
