/**
 * Puts libtensorflow under tfjs-node, for the `tensorflow` backend.
 *
 * tfjs-node's own binary comes from a host that closed networks don't reach, with a library of
 * 2022. The Python wheel comes from the package registry, so its library is used and the small
 * native part of tfjs-node is compiled against it. Everything goes into .tensorflow/ beside
 * package.json, which git ignores and `npm ci` leaves alone; tfjs-core stays the project's own copy.
 */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { InputError } from '../../util/errors';
import { writeAtomic } from '../../util/files';
import { hashFile } from '../../util/hashFile';
import { TILLER } from '../../util/invocation';
import { mustRun, watchPip, works } from '../../util/otherProgram';
import { projectRoot } from '../../util/version';
import { probe } from '../probe';
import { tensorflowCandidates } from './candidates';

const tensorflowVersion = '2.21.0';
const tfjsNodeVersion = '4.22.0';

const home = path.join(projectRoot, '.tensorflow');
const site = path.join(home, 'site');
const libraries = path.join(site, 'tensorflow');
const addon = path.join(home, 'node_modules/@tensorflow/tfjs-node');
const python = process.env.PYTHON || 'python3';

/** Of the wheel's 13,000 headers, those that the native part includes. */
const wheelParts = [
  'tensorflow/libtensorflow_cc.so.2',
  'tensorflow/libtensorflow_framework.so.2',
  'tensorflow/include/tensorflow/c/',
  'tensorflow/include/tensorflow/core/platform/',
  'tensorflow/include/tsl/platform/',
  'tensorflow/include/xla/tsl/c/',
];

/** Unpacks what starts with the given names; prints the wheel's requirements of `and-cuda`. */
const unpackProgram = `
import sys, zipfile, email
wheel, target, parts = sys.argv[1], sys.argv[2], tuple(sys.argv[3:])
with zipfile.ZipFile(wheel) as z:
    names = z.namelist()
    z.extractall(target, [n for n in names if n.startswith(parts)])
    meta = email.message_from_bytes(z.read(next(n for n in names if n.endswith('.dist-info/METADATA'))))
for line in meta.get_all('Requires-Dist') or []:
    if 'and-cuda' in line:
        print(line.split(';')[0].strip())
`;

export interface SetupOptions {
  /** For NVIDIA cards: the CUDA libraries too, about 3 GB. */
  cuda: boolean;
  /** A TensorFlow wheel that is already here. */
  wheel?: string;
}

/** All that the recipe needs from the machine, checked before anything is fetched. */
function checkMachine(needsWheel: boolean): void {
  const instead = 'Without it Tiller runs on wasm: TILLER_BACKEND=wasm.';
  if (process.platform !== 'linux') {
    throw new InputError(
      `setup-tensorflow knows Linux only (this is ${process.platform}). Elsewhere, try ` +
        `"npm install --no-save @tensorflow/tfjs-node@${tfjsNodeVersion}". ${instead}`,
    );
  }
  const needs: [string, string, string[]][] = [
    ['Python 3 (it unpacks the wheel and runs node-gyp)', python, ['--version']],
    ['a C++ compiler', 'c++', ['--version']],
    ['make', 'make', ['--version']],
  ];
  if (needsWheel) needs.push(['pip', python, ['-m', 'pip', '--version']]);
  const missing = needs.filter(([, command, args]) => !works(command, args));
  if (missing.length === 0) return;
  const list = missing.map(([name, command, args]) => `${name} ("${command} ${args.join(' ')}")`);
  throw new InputError(
    `setup-tensorflow needs ${list.join(' and ')}, which did not run here. On Debian or Ubuntu: ` +
      `apt-get install python3 python3-pip g++ make. ${instead}`,
  );
}

/** tfjs-node and what it needs, in .tensorflow/node_modules, without its install script. */
async function installTfjsNode(): Promise<void> {
  if (fs.existsSync(path.join(addon, 'package.json'))) return;
  console.log(`Installing @tensorflow/tfjs-node ${tfjsNodeVersion} ...`);
  const manifest = { private: true, dependencies: { '@tensorflow/tfjs-node': tfjsNodeVersion } };
  fs.writeFileSync(path.join(home, 'package.json'), `${JSON.stringify(manifest)}\n`);
  const flags = ['--ignore-scripts', '--no-package-lock', '--no-audit', '--no-fund'];
  await mustRun('Installing tfjs-node', 'npm', ['install', ...flags], { cwd: home });
  // Without copies of its own, tfjs-node finds the project's, one folder up.
  for (const shared of ['tfjs-core', 'tfjs-backend-cpu']) {
    fs.rmSync(path.join(home, 'node_modules/@tensorflow', shared), {
      recursive: true,
      force: true,
    });
  }
}

/** The library and its headers in .tensorflow/site; what is there stays until all has arrived. */
async function fetchLibrary(options: SetupOptions): Promise<void> {
  const arriving = path.join(home, 'arriving');
  fs.rmSync(arriving, { recursive: true, force: true });
  fs.mkdirSync(arriving, { recursive: true });
  // Only the library is used: any version of Python may fetch the wheel made for 3.11.
  const pipFlags = ['--no-deps', '--only-binary=:all:', '--python-version=3.11'];
  const downloads = path.join(home, 'download');
  let wheel = options.wheel;
  if (!wheel) {
    const name = `${options.cuda ? 'tensorflow' : 'tensorflow_cpu'}==${tensorflowVersion}`;
    console.log(`Downloading the wheel ${name} (${options.cuda ? 600 : 270} MB) ...`);
    fs.rmSync(downloads, { recursive: true, force: true });
    await pip('Downloading the wheel', ['download', ...pipFlags, '--dest', downloads, name]);
    const file = fs.readdirSync(downloads).find((entry) => entry.endsWith('.whl'));
    wheel = path.join(downloads, file!);
  }
  console.log('Unpacking the library ...');
  const args = ['-c', unpackProgram, wheel, arriving, ...wheelParts];
  const printed = await mustRun('Unpacking the wheel', python, args);
  const cudaPackages = printed.split('\n').filter(Boolean);
  for (const part of wheelParts) {
    if (fs.existsSync(path.join(arriving, part))) continue;
    throw new InputError(`${wheel} has no ${part}: it is not a TensorFlow wheel for Linux.`);
  }
  if (options.cuda) await installCuda(cudaPackages, pipFlags, arriving);
  fs.rmSync(downloads, { recursive: true, force: true });
  fs.rmSync(site, { recursive: true, force: true });
  fs.renameSync(arriving, site);
}

/** Runs pip with its downloads shown as they arrive. */
async function pip(what: string, [command, ...args]: string[]): Promise<void> {
  const scratch = path.join(home, 'pip');
  fs.rmSync(scratch, { recursive: true, force: true });
  fs.mkdirSync(scratch);
  const env = { ...process.env, TMPDIR: scratch, PYTHONUNBUFFERED: '1' };
  const words = ['-m', 'pip', command, '--progress-bar', 'off', ...args];
  await mustRun(what, python, words, { env, watch: watchPip(scratch) });
  fs.rmSync(scratch, { recursive: true, force: true });
}

/** The CUDA libraries, each linked beside libtensorflow, where its run path looks. */
async function installCuda(packages: string[], pipFlags: string[], target: string) {
  if (packages.length === 0) throw new InputError('This wheel names no CUDA packages.');
  console.log(`Installing CUDA: ${packages.length} packages, about 3 GB ...`);
  const args = ['install', ...pipFlags, '--target', target, ...packages];
  await pip('Installing the CUDA libraries', args);
  const nvidia = path.join(target, 'nvidia');
  for (const name of fs.readdirSync(nvidia)) {
    const folder = path.join(nvidia, name, 'lib');
    if (!fs.existsSync(folder)) continue;
    for (const file of fs.readdirSync(folder)) {
      if (!file.includes('.so')) continue;
      link(`../nvidia/${name}/lib/${file}`, path.join(target, 'tensorflow', file));
    }
  }
}

/** A symbolic link at `place`, replacing what is there. */
function link(target: string, place: string): void {
  fs.rmSync(place, { recursive: true, force: true });
  fs.symlinkSync(target, place);
}

/** What is added to tfjs-node's native part: a file, and the lines that make it one of its calls. */
const functions = path.join(projectRoot, 'src/backend/tensorflow/addon/functions.h');
const ADDITIONS = [
  [
    'tfjs_backend.h',
    ' public:\n  bool is_gpu_device;',
    ' public:\n  TFE_Context *context() const { return tfe_context_; }\n  bool is_gpu_device;',
  ],
  ['tfjs_binding.cc', '#include "utils.h"', '#include "utils.h"\n#include "functions.h"'],
  [
    'tfjs_binding.cc',
    '#undef EXPORT_INT_PROPERTY\n',
    '#undef EXPORT_INT_PROPERTY\n\n  tiller::define_functions(env, exports, backend->context());\n',
  ],
] as const;

/** Adds functions of graphs to tfjs-node's native part, once. */
function addFunctions(): void {
  const binding = path.join(addon, 'binding');
  writeAtomic(path.join(binding, 'functions.h'), fs.readFileSync(functions, 'utf8'));
  for (const [name, before, after] of ADDITIONS) {
    const file = path.join(binding, name);
    const source = fs.readFileSync(file, 'utf8');
    if (source.includes(after)) continue;
    if (!source.includes(before)) {
      throw new InputError(`${file} is not that of tfjs-node ${tfjsNodeVersion}: delete ${home}.`);
    }
    writeAtomic(file, source.replace(before, after));
  }
}

/** Compiles tfjs-node's native part against the library. */
async function build(): Promise<void> {
  console.log('Compiling the native part of tfjs-node ...');
  addFunctions();
  link('libtensorflow_cc.so.2', path.join(libraries, 'libtensorflow.so'));
  // The file whose presence tells tfjs-node that it need not download anything.
  link('libtensorflow_cc.so.2', path.join(libraries, 'libtensorflow.so.2.9.1'));
  link('libtensorflow_framework.so.2', path.join(libraries, 'libtensorflow_framework.so'));
  fs.mkdirSync(path.join(addon, 'deps'), { recursive: true });
  link(path.relative(path.join(addon, 'deps'), libraries), path.join(addon, 'deps/lib'));
  const include = path.join(libraries, 'include');
  link(path.relative(path.join(addon, 'deps'), include), path.join(addon, 'deps/include'));
  // Naming a library of one's own makes tfjs-node build from source.
  fs.writeFileSync(path.join(addon, 'scripts/custom-binary.json'), '{"tf-lib":"x"}\n');
  const bin = path.join(home, 'node_modules/.bin');
  const env: NodeJS.ProcessEnv = { ...process.env, PATH: `${bin}:${process.env.PATH}` };
  // The old kind of run path also serves libtensorflow itself when it opens the CUDA libraries.
  env.LDFLAGS = `${env.LDFLAGS ?? ''} -Wl,--disable-new-dtags`;
  // Headers that came with Node spare node-gyp a download.
  const prefix = path.dirname(path.dirname(fs.realpathSync(process.execPath)));
  if (!env.npm_config_nodedir && fs.existsSync(path.join(prefix, 'include/node/node_api.h'))) {
    env.npm_config_nodedir = prefix;
  }
  await mustRun('Compiling', process.execPath, ['scripts/install.js'], { cwd: addon, env });
}

/**
 * Fetches, compiles and tries it; what is there already stays.
 * @throws InputError for what the machine lacks, and for a step that fails
 */
export async function setupTensorflow(options: SetupOptions): Promise<void> {
  const wanted = options.cuda ? 'cuda' : (options.wheel ?? 'any');
  const stamp = path.join(home, 'installed.json');
  const fetched = path.join(site, 'complete');
  const installed = fs.existsSync(stamp) ? JSON.parse(fs.readFileSync(stamp, 'utf8')) : null;
  const additions = hashFile(functions);
  const complete = installed?.additions === additions && !tensorflowCandidates()[0].missing;
  if (complete && (wanted === 'any' || wanted === installed.source)) {
    console.log(`Already in place: ${installed.detail}. To start afresh, delete .tensorflow.`);
    return;
  }
  const haveLibrary =
    fs.existsSync(fetched) && (wanted === 'any' || fs.readFileSync(fetched, 'utf8') === wanted);
  checkMachine(!haveLibrary && (options.cuda || !options.wheel));
  fs.mkdirSync(home, { recursive: true });
  await installTfjsNode();
  const source = haveLibrary ? fs.readFileSync(fetched, 'utf8') : wanted === 'any' ? 'cpu' : wanted;
  if (!haveLibrary) {
    await fetchLibrary(options);
    fs.writeFileSync(fetched, source);
  }
  fs.rmSync(stamp, { force: true });
  await build();
  const { found, failed } = probe('tensorflow');
  if (!found) throw new InputError(`Built, but it does not work: ${failed}`);
  writeAtomic(stamp, `${JSON.stringify({ source, detail: found.detail, additions })}\n`);
  console.log(`Ready: ${found.detail}. Tiller uses it from now on (${TILLER} doctor).`);
  if (options.cuda && !found.gpu) {
    console.log('No GPU was found by it: see "nvidia-smi"; the driver must know CUDA 12.');
  }
}
