/** `instar export`: a network of a run as files for servers and devices. */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { codeBeginning, codeFiles } from '../formats/c/write.ts';
import { checkFile, exportFiles, type ExportResult, type Targets } from '../run/driving/export.ts';
import { describeExport, describeViews } from '../run/display/wording.ts';
import type { QuantisedExport } from '../training/job.ts';
import { readHead } from '../util/files.ts';
import { UserError } from '../util/user-error.ts';
import { formatBytes, formatPercent, formatWhole, plural, printable } from '../util/words.ts';
import { printJson, printLines, type Io } from './io.ts';
import type { Given } from '../options/commands.ts';
import { padLeft, padRight } from './text.ts';

/** The folder is new, or has nothing but code that was written before. */
async function checkFolder(folder: string): Promise<void> {
  if (!existsSync(dirname(resolve(folder)))) throw new UserError(`--c ${folder}: the folder around it does not exist`);
  if (!existsSync(folder)) return;
  if (!statSync(folder).isDirectory()) throw new UserError(`--c ${folder}: exists and is not a folder`);
  const names = readdirSync(folder);
  const other = names.find((name) => !(Object.values(codeFiles) as string[]).includes(name));
  if (other !== undefined) throw new UserError(`--c ${folder}: holds other files (${other}); give a folder of its own`);
  if (names.length === 0) return;
  const header = join(folder, codeFiles.header);
  const head = existsSync(header) ? new TextDecoder().decode(await readHead(header, codeBeginning.length)) : '';
  if (head !== codeBeginning)
    throw new UserError(`--c ${folder}: holds a ${names[0]} that Instar did not write; give a folder of its own`);
}

const deviceWords = { '--tflite': 'a TensorFlow Lite file', '--c': 'C code' } as const;

async function targetsOf(root: string, { onnx, int8, c, tflite, float, symmetric, views }: Given<'export'>): Promise<Targets> {
  const device = tflite !== undefined ? '--tflite' : c !== undefined ? '--c' : undefined;
  if (onnx === undefined && int8 === undefined && device === undefined)
    throw new UserError('nothing to write: give --onnx FILE, --int8, --tflite FILE or --c FOLDER');
  if (float === true && device === undefined)
    throw new UserError('--float is for --tflite and --c: an ONNX file in f32 is --onnx FILE');
  if (float === true && int8 === '') throw new UserError(`${device} is in one kind of numbers: give --float or --int8, not both`);
  if (symmetric === true && int8 === undefined) throw new UserError('--symmetric is for --int8');
  if (device !== undefined && (views ?? 'image') !== 'image')
    throw new UserError(`--views ${views}: an ONNX file averages over views, ${deviceWords[device]} does not`);
  // With --tflite or --c, an --int8 without a file says the kind of numbers.
  const path = int8 === undefined ? undefined : int8 !== '' ? int8 : device === undefined ? join(root, 'int8.onnx') : undefined;
  const files = Object.entries({ '--onnx': onnx, '--int8': path, '--tflite': tflite });
  const seen = new Map<string, string>();
  for (const [flag, file] of files) {
    if (file === undefined) continue;
    if (flag !== '--int8' || int8 !== '') checkFile(flag, file);
    const other = seen.get(resolve(file));
    if (other !== undefined) throw new UserError(`${other} and ${flag} name the same file, ${file}`);
    seen.set(resolve(file), flag);
  }
  if (c !== undefined) await checkFolder(c);
  const numbers = int8 !== undefined && float !== true ? 'int8' : 'float';
  return {
    onnx,
    int8: path,
    code: c === undefined ? undefined : { folder: c, numbers },
    tflite: tflite === undefined ? undefined : { path: tflite, numbers },
    symmetric,
  };
}

/** Points of accuracy that a file in bytes may lose before it is said. */
const tolerated = 0.005;

const table = ({ float, int8 }: QuantisedExport): string[] => {
  const rows = [
    ['', 'size', 'accuracy', 'an image'],
    ...(
      [
        ['float', float],
        ['int8', int8],
      ] as const
    ).map(([name, { bytes, accuracy, latency }]) => [
      name,
      formatBytes(bytes),
      formatPercent(accuracy),
      `${latency.toFixed(latency < 10 ? 2 : 1)} ms`,
    ]),
  ];
  const widths = [0, 1, 2, 3].map((column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  return rows.map((row) =>
    row
      .map((cell, column) => (column === 0 ? padRight : padLeft)(cell, widths[column] ?? 0))
      .join('   ')
      .trimEnd(),
  );
};

function quantisedLines(quantised: QuantisedExport, symmetric: boolean): string[] {
  const { calibration, part, images, agreement, threads, float, int8 } = quantised;
  const lost = float.accuracy - int8.accuracy;
  const measured = `on ${plural(images, `${part} image`)}; ${plural(threads, 'thread')}; both tell the same class of ${formatPercent(agreement)}`;
  const found = `ranges of the least squared error on ${plural(calibration, 'training image')}, ${symmetric ? 'around zero' : 'with their own zeros'}; weights by filter`;
  return [
    ...table(quantised).map((line) => `  ${line}`),
    `  ${measured}`,
    `  ${found}`,
    ...(lost <= tolerated
      ? []
      : [
          `  ${(100 * lost).toFixed(1)} points are lost in bytes. ${symmetric ? 'Without --symmetric it may be fewer; else k' : 'K'}eep f32 (--onnx, or --float), or search with ReLU alone and a wider network (--max-params).`,
        ]),
  ];
}

function lines(
  targets: Targets,
  { line, verified, quantised, code, tflite }: ExportResult,
  { views = 'image' }: Given<'export'>,
): string[] {
  const { onnx, int8, code: wanted, tflite: lite, symmetric } = targets;
  const said: string[] = [];
  const named = (path: string): string => `${printable(path)} (${line})${describeViews(views)}`;
  const described = describeExport({ verified, problem: null });
  if (onnx !== undefined) said.push(`${named(onnx)}: ${described}`);
  if (int8 !== undefined) said.push(`${named(int8)}: in bytes`);
  if (wanted !== undefined && code !== null) {
    const { arenaBytes, constantBytes, multiplyAdds } = code;
    said.push(
      `${named(join(wanted.folder, codeFiles.source))} and ${codeFiles.header}: C99 in ${wanted.numbers === 'int8' ? 'bytes' : 'f32'}; ` +
        `${formatWhole(constantBytes)} bytes of constants, ${formatWhole(arenaBytes)} bytes of working memory, ${formatWhole(multiplyAdds)} multiply-adds an image`,
    );
  }
  if (lite !== undefined && tflite !== null)
    said.push(
      `${named(lite.path)}: TensorFlow Lite in ${lite.numbers === 'int8' ? 'bytes' : 'f32'}; ${formatBytes(tflite.bytes)}, ${plural(tflite.operators, 'operator')}`,
    );
  const hasNumbers = (numbers: 'float' | 'int8'): boolean => [wanted, lite].some((each) => each?.numbers === numbers);
  if (hasNumbers('float') && onnx === undefined) said.push(`  the same network as ONNX: ${described}`);
  if (hasNumbers('int8') && int8 === undefined) said.push('  measured as ONNX, with the same weights and ranges:');
  return quantised === null ? said : [...said, ...quantisedLines(quantised, symmetric === true)];
}

export async function exportCommand(root: string, given: Given<'export'>, io: Io): Promise<number> {
  const { step, child, views = 'image' } = given;
  if (step !== undefined && child !== undefined) throw new UserError('give --step or --child, not both');
  const targets = await targetsOf(root, given);
  const result = await exportFiles(root, targets, { step, child, views });
  const { line, verified, kept, quantised, code, tflite } = result;
  if (given.json === true) {
    const { ranges: _ranges, ...measured } = quantised ?? { ranges: [] };
    printJson(io.out, {
      path: targets.onnx,
      line,
      views,
      verified,
      kept,
      ...(quantised === null ? {} : { int8: { path: targets.int8, ...measured } }),
      ...(tflite === null || targets.tflite === undefined
        ? {}
        : { tflite: { path: targets.tflite.path, numbers: targets.tflite.numbers, ...tflite } }),
      ...(code === null || targets.code === undefined
        ? {}
        : {
            c: {
              folder: targets.code.folder,
              numbers: targets.code.numbers,
              constantBytes: code.constantBytes,
              arenaBytes: code.arenaBytes,
              multiplyAdds: code.multiplyAdds,
            },
          }),
    });
  } else printLines(io.out, lines(targets, result, given));
  if (!kept) printLines(io.err, ['another process is working on this run: the export is not recorded in its journal']);
  return 0;
}
