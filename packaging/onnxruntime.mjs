/**
 * Copies ONNX Runtime from npm's package onnxruntime-node to dist/onnxruntime, as a part of Instar: its binaries for the platforms that
 * Instar runs on, and the modules that load them. The npm package has those of all platforms, and an install script that fetches CUDA's
 * libraries from elsewhere, and fails where it cannot.
 */
import { cpSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const platforms = ['linux/x64', 'linux/arm64', 'darwin/arm64'];
const from = dirname(createRequire(import.meta.url).resolve('onnxruntime-node/package.json'));
const to = fileURLToPath(new URL('../dist/onnxruntime', import.meta.url));

/** Without CUDA's libraries, and without a library's second name, for which npm has a second copy. */
const isNeeded = (name) => !name.includes('providers') && !/\.\d+\.\d+\.dylib$/.test(name);

const wanted = [
  ...readdirSync(join(from, 'dist'))
    .filter((name) => name.endsWith('.js'))
    .map((name) => join('dist', name)),
  ...platforms.flatMap((platform) => {
    const folder = join('bin/napi-v6', platform);
    return readdirSync(join(from, folder))
      .filter(isNeeded)
      .map((name) => join(folder, name));
  }),
];

const licence = `ONNX Runtime, https://github.com/microsoft/onnxruntime, from the npm package onnxruntime-node.

MIT License

Copyright (c) Microsoft Corporation

Permission is hereby granted, free of charge, to any person obtaining a copy
of this software and associated documentation files (the "Software"), to deal
in the Software without restriction, including without limitation the rights
to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all
copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE
SOFTWARE.
`;

for (const name of wanted) {
  const [source, path] = [join(from, name), join(to, name)];
  const [now, old] = [statSync(source), statSync(path, { throwIfNoEntry: false })];
  if (old?.size === now.size && Math.trunc(old.mtimeMs) === Math.trunc(now.mtimeMs)) continue;
  // A new file: a process may have mapped the old one.
  rmSync(path, { force: true });
  cpSync(source, path, { preserveTimestamps: true });
}
writeFileSync(join(to, 'package.json'), '{ "type": "commonjs" }\n');
writeFileSync(join(to, 'LICENSE'), licence);
