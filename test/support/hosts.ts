/**
 * Hosts on one machine: network namespaces, each connected to this machine by a single link. Needs root and iproute2.
 */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';

export interface Host {
  readonly name: string;
  /** Starts a program on the host, with these variables added to our environment. */
  start(program: string, words: readonly string[], environment: Readonly<Record<string, string>>): ChildProcess;
  /** Whether the host can connect to an address of this machine. */
  reaches(address: string, port: number): boolean;
  /** Cuts the link. */
  cut(): void;
  mend(): void;
}

export interface Hosts {
  /** The address of this machine for all hosts. */
  readonly address: string;
  readonly all: readonly Host[];
  close(): void;
}

const ip = (...words: readonly string[]): string | null => {
  const { status, stderr, error } = spawnSync('ip', words, { encoding: 'utf8' });
  return status === 0 ? null : (error?.message ?? stderr);
};

function must(...words: readonly string[]): void {
  const problem = ip(...words);
  if (problem !== null) throw new Error(`ip ${words.join(' ')}: ${problem}`);
}

/** The reason why hosts cannot be made, or false. Tests that need hosts are then skipped, since they may lack the rights. */
export function withoutHosts(): string | false {
  const name = `instar-${process.pid}-try`;
  const problem = ip('netns', 'add', name) ?? ip('link', 'add', `${process.pid}t`, 'type', 'veth', 'peer', 'eth0', 'netns', name);
  ip('netns', 'delete', name);
  return problem === null ? false : `cannot make network namespaces here: ${problem.trim()}`;
}

export function makeHosts(count: number): Hosts {
  // From the address range for network tests (RFC 2544).
  const network = `198.18.${process.pid % 256}`;
  const address = `${network}.1`;
  const names: string[] = [];
  const all = Array.from({ length: count }, (_none, index): Host => {
    const name = `instar-${process.pid}-${index}`;
    const wire = `${process.pid}w${index}`;
    const [here, there] = [`${network}.${4 * index + 1}`, `${network}.${4 * index + 2}`];
    must('netns', 'add', name);
    names.push(name);
    must('link', 'add', wire, 'type', 'veth', 'peer', 'eth0', 'netns', name);
    must('address', 'add', `${here}/30`, 'dev', wire);
    must('link', 'set', wire, 'up');
    const within = (...words: readonly string[]): void => must('-netns', name, ...words);
    const connect = (): void => {
      within('link', 'set', 'eth0', 'up');
      within('route', 'add', 'default', 'via', here);
    };
    within('address', 'add', `${there}/30`, 'dev', 'eth0');
    within('link', 'set', 'lo', 'up');
    connect();
    const enter = ['netns', 'exec', name];
    return {
      name,
      start: (program, words, environment) =>
        spawn('ip', [...enter, 'unshare', '--uts', 'sh', '-c', 'hostname "$0" && exec "$@"', name, program, ...words], {
          env: { ...process.env, ...environment },
          stdio: ['ignore', 'ignore', 'pipe'],
        }),
      reaches: (to, port) =>
        spawnSync('ip', [...enter, 'timeout', '2', 'bash', '-c', `exec 3<>/dev/tcp/${to}/${port}`], { stdio: 'ignore' })
          .status === 0,
      cut: () => within('link', 'set', 'eth0', 'down'),
      mend: connect,
    };
  });
  return {
    address,
    all,
    // Removing a namespace removes both ends of its link.
    close: () => names.forEach((name) => void ip('netns', 'delete', name)),
  };
}
