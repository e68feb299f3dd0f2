/**
 * Hosts of their own, as far as one machine has them: network namespaces with a name each, whose only way to anywhere is a wire
 * to this one. Where the machine lets us: as root, with iproute2.
 */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';

export interface Host {
  readonly name: string;
  /** Begins a program there, with this environment beside ours. */
  start(program: string, words: readonly string[], environment: Readonly<Record<string, string>>): ChildProcess;
  /** Whether anything answers there at an address of ours. */
  reaches(address: string, port: number): boolean;
  /** Pulls the wire, and puts it back. */
  cut(): void;
  mend(): void;
}

export interface Hosts {
  /** Of this machine, for all of them. */
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

/** Why there are no hosts to be had, else false. No machine of tests can be asked for the rights: they are skipped then. */
export function withoutHosts(): string | false {
  const name = `instar-${process.pid}-try`;
  const problem = ip('netns', 'add', name) ?? ip('link', 'add', `${process.pid}t`, 'type', 'veth', 'peer', 'eth0', 'netns', name);
  ip('netns', 'delete', name);
  return problem === null ? false : `no hosts of their own here: ${problem.trim()}`;
}

export function makeHosts(count: number): Hosts {
  // Of the network that is set apart for tests of networks (RFC 2544).
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
    // Its end of a wire goes with a namespace, and ours with it.
    close: () => names.forEach((name) => void ip('netns', 'delete', name)),
  };
}
