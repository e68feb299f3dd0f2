/**
 * What is shipped: its imports are dependencies, all of which are used; its tarball installs in an empty folder where no more than the
 * registry is reached, and works there.
 */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { tmpdir } from 'node:os';
import { join, posix } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { makePhotos, tiny } from './cli/fixtures.ts';
import { skipFor } from './support/machine.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const shipped = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  readonly version: string;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly optionalDependencies: Readonly<Record<string, string>>;
  readonly peerDependencies: Readonly<Record<string, string>>;
  readonly peerDependenciesMeta: Readonly<Record<string, { readonly optional: boolean }>>;
  readonly devDependencies: Readonly<Record<string, string>>;
};

/** Text by path below the package. */
type Modules = ReadonlyMap<string, string>;

const packageOf = (name: string): string =>
  name
    .split('/')
    .slice(0, name.startsWith('@') ? 2 : 1)
    .join('/');
const isBare = (name: string): boolean => !name.startsWith('.') && !isBuiltin(name) && name !== 'instar';

/** The modules that are loaded with this one. */
const loadedWith = (text: string): string[] =>
  [...text.matchAll(/^(?:import\b[^;'"(]*|export\s*[*{][^;'"]*\bfrom\s*)['"]([^'"\n]+)['"]|\brequire\(['"]([^'"\n]+)['"]\)/gm)]
    .map((match) => match[1] ?? match[2] ?? '')
    .filter((name) => name !== '');
/** Those that are imported later, and whether `importOptional` does it. */
const loadedLater = (text: string): { name: string; isOptional: boolean }[] =>
  [...text.matchAll(/(\bimportOptional\((?:[^;]*?), \(\) => |load: \(\) => )?\bimport\(['"]([^'"]+)['"]\)/g)].map((match) => ({
    name: match[2] ?? '',
    isOptional: match[1] !== undefined,
  }));

/** The packages that a module needs at once, other modules that it loads included. */
function packagesOf(path: string, modules: Modules, seen = new Set<string>()): Set<string> {
  if (seen.has(path)) return new Set();
  seen.add(path);
  const found = new Set<string>();
  for (const name of loadedWith(modules.get(path) ?? ''))
    if (isBare(name)) found.add(packageOf(name));
    else if (name.startsWith('.'))
      for (const each of packagesOf(posix.join(posix.dirname(path), name), modules, seen)) found.add(each);
  return found;
}

/** What is imported without being a dependency, and what is a dependency without being imported. */
function wrongImports(modules: Modules, always: readonly string[], asked: readonly string[]): string[] {
  const wrong: string[] = [];
  const used = new Set<string>();
  for (const [path, text] of modules) {
    for (const name of packagesOf(path, modules)) used.add(name);
    for (const { name, isOptional } of loadedLater(text)) {
      const target = posix.join(posix.dirname(path), name);
      const needs = isBare(name) ? [packageOf(name)] : name.startsWith('.') ? [...packagesOf(target, modules)] : [];
      for (const each of needs) used.add(each);
      if (!isOptional && needs.some((each) => asked.includes(each))) wrong.push(`${path} imports ${name} without importOptional`);
    }
  }
  // Modules that are the first of their process need nothing that is optional.
  for (const path of modules.keys())
    if (/(?:^|\/)(?:index|main|worker|model-worker|start|study-process|helper)\.js$/.test(path))
      for (const name of packagesOf(path, modules)) if (asked.includes(name)) wrong.push(`${path} loads ${name}`);
  for (const name of used) if (![...always, ...asked].includes(name)) wrong.push(`${name} is no dependency`);
  for (const name of [...always, ...asked]) if (!used.has(name)) wrong.push(`${name} is not used`);
  return wrong;
}

const modules: Modules = new Map(
  ['dist/src', 'dist/onnxruntime/dist'].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.js'))
      .map((name): [string, string] => [`${folder}/${name}`, readFileSync(join(root, folder, name), 'utf8')]),
  ),
);

test('what is imported is a dependency, what is a dependency is used, and who needs an optional one asks for it', () => {
  assert.ok(modules.size > 200);
  const { dependencies, peerDependencies, peerDependenciesMeta } = shipped;
  assert.deepEqual(wrongImports(modules, Object.keys(dependencies), Object.keys(peerDependencies)), []);
  for (const name of Object.keys(peerDependencies)) assert.ok(peerDependenciesMeta[name]?.optional, name);
});

test('these rules see what breaks them', () => {
  const broken: Modules = new Map([
    ['a.js', `import x from 'always/part';\nimport { y } from './b.js';\nconst c = await import('./c.js');`],
    ['b.js', `export { z } from '@scope/gone/deep';\nimport 'node:fs';\nconst o = require("required");`],
    ['c.js', `import o from 'asked';`],
    ['d.js', `const c = await importOptional('--d', ['asked'], () => import('./c.js'));`],
    ['main.js', `import { c } from './c.js';`],
  ]);
  assert.deepEqual(wrongImports(broken, ['always', 'unused'], ['asked']), [
    'a.js imports ./c.js without importOptional',
    'main.js loads asked',
    '@scope/gone is no dependency',
    'required is no dependency',
    'unused is not used',
  ]);
});

test('types, binaries and what loads them are of one version', () => {
  const { dependencies, devDependencies, optionalDependencies } = shipped;
  assert.equal(dependencies['onnxruntime-common'], devDependencies['onnxruntime-node']);
  assert.deepEqual([...new Set(Object.values(optionalDependencies))], [devDependencies['koffi']]);
  assert.ok(Object.keys(optionalDependencies).every((name) => name.startsWith('@koromix/koffi-')));
});

const place = mkdtempSync(join(tmpdir(), 'instar-packaging-'));
after(() => rmSync(place, { recursive: true, force: true }));

/** Without what npm tells the scripts that it runs. */
const environment = {
  ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^npm_(?!config_)/i.test(name))),
  INSTAR_CACHE: join(place, 'cache'),
};
function run(words: readonly string[], cwd: string): string {
  const [command = '', ...rest] = words;
  return execFileSync(command, rest, { cwd, env: environment, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

/** The example's server in that project, with the network of its run, asked as a client asks it. */
async function serve(project: string): Promise<void> {
  cpSync(join(root, 'examples', 'library', 'server.mjs'), join(project, 'server.mjs'));
  const server = spawn(process.execPath, ['server.mjs', 'run'], { cwd: project, env: { ...environment, PORT: '0' } });
  try {
    const [said] = (await once(server.stdout, 'data')) as [Buffer];
    const ask = async (body: Uint8Array<ArrayBuffer> | string): Promise<{ status: number; answer: unknown }> => {
      const response = await fetch(String(said).trim(), { method: 'POST', body });
      return { status: response.status, answer: await response.json() };
    };
    const photo = join(place, 'photos', 'blue', '0.png');
    const instar = join(project, 'node_modules', '.bin', 'instar');
    const [expected] = JSON.parse(run([instar, 'predict', 'run', photo, '--json'], project)) as [{ classes: unknown }];
    const asked = await Promise.all(Array.from({ length: 8 }, () => ask(new Uint8Array(readFileSync(photo)))));
    for (const { status, answer } of asked) assert.deepEqual([status, answer], [200, expected.classes]);
    const wrong = await ask('no image');
    assert.equal(wrong.status, 400);
    assert.match(JSON.stringify(wrong.answer), /^{"code":"INSTAR_WRONG_IMAGE","message":"image: not an image/);
  } finally {
    server.kill();
    await once(server, 'exit');
  }
}

const own = run(['npm', '--version'], place).trim();
function whyUnreachable(): string | null {
  try {
    run(['npm', 'view', 'zod', 'version', '--fetch-retries=0', '--fetch-timeout=5000'], place);
    return null;
  } catch {
    return 'the registry of npm cannot be reached';
  }
}

test(
  'the tarball installs in an empty folder without options, and works there',
  { skip: skipFor(whyUnreachable()) },
  async (t) => {
    run(['npm', 'pack', '--silent', '--pack-destination', place], root);
    const tarball = join(place, `instar-${shipped.version}.tgz`);
    const names = run(['tar', 'tzf', tarball], place).trim().split('\n');
    for (const name of ['README.md', 'LICENSE', 'dist/src/engine/onednn/kernels/kernels.wasm', 'dist/web/index.html'])
      assert.ok(names.includes(`package/${name}`), name);
    assert.deepEqual(
      names.filter((name) => !/^package\/(?:package\.json|README\.md|LICENSE|dist\/(?:src|web|onnxruntime)\/.*)$/.test(name)),
      [],
    );
    assert.ok(!names.some((name) => /\.map$|\.test\.|\.ts$(?<!\.d\.ts)/.test(name)));

    await makePhotos(join(place, 'photos'), 12);
    const isTen = own.startsWith('10.');
    const managers = { 'npm 10': isTen ? ['npm'] : ['npx', '--yes', 'npm@10'], ...(isTen ? {} : { [`npm ${own}`]: ['npm'] }) };
    for (const [manager, words] of Object.entries(managers))
      await t.test(manager, () => {
        const project = join(place, manager.replace(' ', '-'));
        mkdirSync(project);
        writeFileSync(join(project, 'package.json'), '{ "private": true, "type": "module" }\n');
        run([...words, 'install', '--prefer-offline', '--no-audit', '--no-fund', tarball, 'express@5'], project);
        const scripts = readdirSync(join(project, 'node_modules'), { recursive: true, encoding: 'utf8' })
          .filter((name) => /^(?:@[^/]+\/)?[^/]+\/package\.json$/.test(name))
          .map((name) => JSON.parse(readFileSync(join(project, 'node_modules', name), 'utf8')) as Record<string, object>)
          .filter((each) => ['preinstall', 'install', 'postinstall'].some((name) => name in (each['scripts'] ?? {})));
        assert.deepEqual(scripts, [], 'no install script');
        const instar = join(project, 'node_modules', '.bin', 'instar');
        assert.equal(run([instar, '--version'], project).trim(), shipped.version);
        const settings = [...tiny, '--engine', 'onnx', '--seed', '1', '--run', 'run'];
        assert.match(run([instar, 'search', '../photos', ...settings], project), /best\.onnx/);
      });

    // As docs/getting-started.md says it, for the whole machine: here into a prefix.
    run(
      ['npm', 'install', '--global', '--prefix', join(place, 'global'), '--prefer-offline', '--no-audit', '--no-fund', tarball],
      place,
    );
    assert.equal(run([join(place, 'global', 'bin', 'instar'), 'version'], place).trim(), shipped.version);

    const project = join(place, 'npm-10');
    const instar = join(project, 'node_modules', '.bin', 'instar');
    assert.match(run([instar, 'evaluate', 'run/best.onnx', '../photos'], project), /^accuracy \d/m, 'by the process of models');
    const refused = (...words: string[]): string => {
      try {
        return run([instar, ...words], project);
      } catch (error) {
        const { status, stderr } = error as { readonly status: number; readonly stderr: string };
        assert.equal(status, 2, stderr);
        return stderr;
      }
    };
    const search = ['search', '../photos', '--preset', 'quick', '--store', `file:${join(place, 'store')}`];
    assert.match(
      refused(...search, '--queue', 'redis://127.0.0.1:1'),
      /^instar: --queue redis:\/\/127\.0\.0\.1:1 needs packages that are not installed: npm install bullmq@\S+ ioredis@\S+\n$/,
    );
    assert.match(refused(...search, '--queue', 'postgres://127.0.0.1:1/x'), /: npm install bullmq@\S+ pg@\S+\n$/);
    assert.match(
      refused('search', '../photos', '--queue', 'redis://127.0.0.1:1', '--store', 's3://bucket/x'),
      /: npm install @aws-sdk\/client-s3@\S+ @aws-sdk\/lib-storage@\S+\n$/,
    );
    assert.match(refused('search', '../photos', '--engine', 'onnx', '--device', 'cuda'), /: npm install onnxruntime-node\n$/);

    writeFileSync(
      join(project, 'use.ts'),
      `import { evaluate, exportModel, load, plan, report, runs, search, UserError, type Prediction, type RunState } from 'instar';
export async function accuracy(): Promise<number | undefined> {
  for await (const item of search({ dataset: './photos', budget: '30m' })) {
    if (item.type === 'begin') console.log(item.folder);
    if (item.type === 'test') return item.measured.accuracy;
    if (item.type === 'done' && item.files.onnx !== null) await exportModel(item.folder, { onnx: 'x.onnx', step: 1 });
  }
  return undefined;
}
export async function use(signal: AbortSignal): Promise<string | undefined> {
  const model = await load('best.onnx', { pixels: '0-1', maxMemory: '2G' });
  const one: Prediction = await model.predict(Buffer.alloc(9), { top: 3, signal });
  const many: readonly Prediction[] = await model.predict(['a.png', { data: new Uint8ClampedArray(4), width: 1, height: 1 }]);
  const { balancedAccuracy, perClass } = await evaluate(model, './photos', { part: 'all' });
  await model[Symbol.asyncDispose]();
  const { html }: { html: string } = await report('run', { out: false });
  // @ts-expect-error: there is no such option.
  await plan({ dataset: 'x', budgett: 3 });
  return [one, ...many].flat()[0]?.name ?? perClass[0]?.name ?? \`\${balancedAccuracy} \${html} \${(await runs())[0]?.folder}\`;
}
export const kinds: RunState | UserError | null = null;
`,
    );
    const types = { typeRoots: [join(root, 'node_modules', '@types')], types: ['node'] };
    const compilerOptions = { module: 'nodenext', target: 'es2022', strict: true, noEmit: true, ...types };
    writeFileSync(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['use.ts'] }));
    run([join(root, 'node_modules', '.bin', 'tsc'), '-p', '.'], project);

    const exported = 'Object.keys(instar).join()';
    assert.equal(
      run(
        [process.execPath, '--input-type=commonjs', '-e', `const instar = require('instar'); console.log(${exported})`],
        project,
      ),
      run([process.execPath, '--input-type=module', '-e', `import * as instar from 'instar'; console.log(${exported})`], project),
    );
    await t.test('the example of a server', () => serve(project));
  },
);
