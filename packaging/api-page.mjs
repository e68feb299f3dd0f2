/**
 * Writes docs/api.md, the page of the library's interface, from the declarations that the build writes: `npm run docs:api`. TypeScript 7
 * has no interface for programs, so typedoc and its like do not run with it; the declarations are read with the parser of Vite (oxc).
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { argv } from 'node:process';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseSync } from 'vite';

const root = fileURLToPath(new URL('../', import.meta.url));
const source = join(root, 'dist', 'src');

const modules = new Map();
/** A module's declarations: its text, its statements and its comments. */
function read(path) {
  const known = modules.get(path);
  if (known !== undefined) return known;
  const text = readFileSync(path, 'utf8');
  const { program, comments, errors } = parseSync(path, text, { lang: 'dts' });
  if (errors.length > 0) throw new Error(`${path}: ${errors[0].message}`);
  const module = { path, text, body: program.body, comments };
  modules.set(path, module);
  return module;
}

const moduleAt = (from, name) => read(join(dirname(from.path), name.replace(/\.(?:ts|js)$/, '.d.ts')));

/** The docstring that ends right before a place, as Markdown. */
function docBefore({ text, comments }, start) {
  const found = comments.findLast(({ end }) => end <= start && text.slice(end, start).trim() === '');
  if (found === undefined || found.type !== 'Block' || !found.value.startsWith('*')) return '';
  return found.value
    .slice(1)
    .split('\n')
    .map((line) => line.replace(/^\s*\* ?/, '').trimEnd())
    .join('\n')
    .trim();
}

/** Names that a statement declares, each with its node. */
function declared(node) {
  if (node === null || node === undefined) return [];
  if (node.type === 'VariableDeclaration') return node.declarations.map((each) => [each.id.name, node]);
  return node.id === undefined ? [] : [[node.id.name, node]];
}

/** Where a name of a module is declared: the module, and the statements of that name (overloads are several). */
function find(module, name) {
  const own = module.body.flatMap((statement) => {
    const node = statement.type === 'ExportNamedDeclaration' ? statement.declaration : statement;
    return declared(node).flatMap(([each, inner]) => (each === name ? [{ statement, node: inner }] : []));
  });
  if (own.length > 0) return { module, name, found: own };
  for (const { type, source: from, specifiers = [] } of module.body) {
    if (from === null || from === undefined || !from.value.startsWith('.')) continue;
    if (type === 'ExportAllDeclaration') {
      const there = find(moduleAt(module, from.value), name);
      if (there !== null) return there;
    }
    for (const { local, exported, imported } of specifiers) {
      const here = type === 'ExportNamedDeclaration' ? exported : local;
      const named = type === 'ExportNamedDeclaration' ? local : imported;
      if (here?.name === name && named !== undefined) return find(moduleAt(module, from.value), named.name);
    }
  }
  return null;
}

/** What a module exports, in order. */
function exportsOf(module) {
  return module.body.flatMap(({ type, declaration, source: from, specifiers = [] }) => {
    if (type === 'ExportAllDeclaration') return exportsOf(moduleAt(module, from.value));
    if (type !== 'ExportNamedDeclaration') return [];
    return [...declared(declaration).map(([name]) => name), ...specifiers.map(({ exported }) => exported.name)];
  });
}

const code = ({ text }, { start, end }) => text.slice(start, end);
const oneLine = (text) =>
  text
    .replaceAll(/\/\*[\s\S]*?\*\//g, '')
    .replaceAll(/\s+/g, ' ')
    .trim();

/** The members of an interface, those that it extends included; own ones win. */
function membersOf({ module, found }) {
  const [{ node }] = found;
  const own = node.body.body.map((member) => ({
    name: oneLine(module.text.slice(member.key.start, member.key.end)),
    optional: member.optional === true,
    type:
      member.type === 'TSMethodSignature'
        ? oneLine(code(module, member)).replace(/;$/, '')
        : oneLine(code(module, member.typeAnnotation.typeAnnotation)),
    isMethod: member.type === 'TSMethodSignature',
    doc: docBefore(module, member.start),
  }));
  const above = (node.extends ?? []).flatMap(({ expression, typeArguments }) => {
    const [first, second] = typeArguments?.params ?? [];
    const name = expression.name === 'Omit' ? code(module, first) : expression.name;
    const without = expression.name === 'Omit' ? code(module, second).match(/\w+/g) : [];
    const parent = find(module, name);
    if (parent === null || parent.found[0].node.type !== 'TSInterfaceDeclaration') return [];
    return membersOf(parent).filter((member) => !without.includes(member.name));
  });
  const names = new Set(own.map(({ name }) => name));
  return [...above.filter(({ name }) => !names.has(name)), ...own];
}

const inCode = (text) => (text.includes('`') ? `\`\` ${text} \`\`` : `\`${text}\``);

function memberLine({ name, optional, type, isMethod, doc }) {
  const head = isMethod ? inCode(type) : `${inCode(name + (optional ? '?' : ''))}: ${inCode(type)}`;
  return `- ${head}${doc === '' ? '' : ` – ${doc.replaceAll(/\s*\n\s*/g, ' ')}`}`;
}

/** The names of a choice, each with what it is: of `keyof typeof table` and `(typeof list)[number]`; null for other types. */
function choicesOf(module, { typeAnnotation: type }) {
  const query = [type.typeAnnotation, type.objectType?.typeAnnotation ?? type.objectType].find(
    (each) => each?.type === 'TSTypeQuery',
  );
  const table = query === undefined ? null : find(module, code(module, query.exprName));
  const held = table?.found[0].node.declarations?.[0].id.typeAnnotation?.typeAnnotation;
  if (held?.type === 'TSTypeLiteral')
    return held.members.map(({ key, typeAnnotation }) => {
      const what = typeAnnotation.typeAnnotation;
      const words = what.type === 'TSLiteralType' ? ` – ${what.literal.value}` : '';
      return `- \`'${key.name ?? key.value}'\`${words}`;
    });
  const list = held?.type === 'TSTypeOperator' ? held.typeAnnotation : held;
  return list?.type === 'TSTupleType' ? list.elementTypes.map((each) => `- \`'${each.literal.value}'\``) : null;
}

const shortest = 400;

/** A name's part of the page. */
function sectionOf(name, there) {
  const { module, found } = there;
  const [{ statement, node }] = found;
  const doc = docBefore(module, statement.start);
  const parts = [`### ${name}`, doc];
  if (node.type === 'TSInterfaceDeclaration') parts.push(membersOf(there).map(memberLine).join('\n'));
  else if (node.type === 'TSTypeAliasDeclaration' && choicesOf(module, node) !== null)
    parts.push(choicesOf(module, node).join('\n'));
  else {
    const text = found.map((each) => code(module, each.statement).replace(/^export (?:declare )?/, '')).join('\n');
    // What is inferred from a schema is no reading matter.
    if (!/\bz\./.test(text) && (text.length <= shortest || node.type !== 'VariableDeclaration'))
      parts.push(`\`\`\`ts\n${text}\n\`\`\``);
  }
  return parts.filter((part) => part !== '').join('\n\n');
}

const kinds = [
  ['Functions', ({ node }) => node.type === 'TSDeclareFunction' || (node.type === 'VariableDeclaration' && isFunction(node))],
  ['Values and classes', ({ node }) => node.type === 'VariableDeclaration' || node.type === 'ClassDeclaration'],
  ['Types', () => true],
];
const isFunction = (node) => node.declarations[0].id.typeAnnotation?.typeAnnotation.type === 'TSFunctionType';

export function apiPage() {
  const index = read(join(source, 'index.d.ts'));
  const all = exportsOf(index).map((name) => {
    const there = find(index, name);
    if (there === null) throw new Error(`${relative(root, index.path)}: ${name} is declared nowhere`);
    return { name, there, kind: kinds.find(([, is]) => is(there.found[0]))[0] };
  });
  const sections = kinds.flatMap(([kind]) => [
    `## ${kind}`,
    ...all.filter((each) => each.kind === kind).map(({ name, there }) => sectionOf(name, there)),
  ]);
  const head = [
    '# Interface of the library',
    'Made from the docstrings by `npm run docs:api`. [library.md](library.md) is where to begin.',
  ];
  return `${[...head, ...sections].join('\n\n')}\n`;
}

if (import.meta.url === pathToFileURL(argv[1] ?? '').href) writeFileSync(join(root, 'docs', 'api.md'), apiPage());
