/** Whatever can be run says what it is on --help, does nothing then, and refuses unknown options. */
import { execFile } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

const root = path.join(__dirname, '../..');
const ROOMS = ['bench', 'experiments', 'ifeval', 'models', 'scripts', 'src', 'weights'];
/** What a file that is a program has in it. */
const STARTS =
  /require\.main|\brunAsProgram\(module|\bdefine(Script|Run)\(|\brunIfMain\(|process\.argv/;
/** They hold these for the programs, and start nothing. */
const FRAMES = /^(src\/util\/script|experiments\/shared\/command\/\w+)\.ts$/;

const textOf = (file: string) => fs.readFileSync(path.join(root, file), 'utf8');

function programs(): string[] {
  return ROOMS.flatMap((room) =>
    fs
      .readdirSync(path.join(root, room), { recursive: true, encoding: 'utf8' })
      .map((name) => path.posix.join(room, name))
      .filter((file) => file.endsWith('.ts') && !FRAMES.test(file))
      .filter((file) => STARTS.test(textOf(file))),
  );
}

interface Ending {
  code: number;
  stdout: string;
  stderr: string;
}

function start(command: string, args: string[]): Promise<Ending> {
  return new Promise((resolve) => {
    execFile(command, args, { cwd: root }, (error, stdout, stderr) => {
      resolve({ code: error ? Number(error.code) : 0, stdout, stderr });
    });
  });
}

/** All at once, but no more than the machine has cores for. */
async function startAll(commands: string[][]): Promise<Ending[]> {
  const endings: Ending[] = [];
  const waiting = commands.entries();
  const worker = async () => {
    for (const [i, [command, ...args]] of waiting) endings[i] = await start(command, args);
  };
  await Promise.all(Array.from({ length: Math.max(2, os.availableParallelism()) }, worker));
  return endings;
}

const node = (file: string, word: string) => [
  process.execPath,
  '-r',
  'ts-node/register',
  file,
  word,
];

/** Every file of the project outside what git ignores, with the time of its last change. */
function times(): string {
  const places = [...ROOMS, 'configs', 'test', '.'].flatMap((room) =>
    fs
      .readdirSync(path.join(root, room), { recursive: room !== '.', encoding: 'utf8' })
      .map((name) => path.join(room, name))
      .filter((name) => !/^(runs|data|node_modules|\.)|__pycache__/.test(name)),
  );
  return places
    .filter((name) => fs.statSync(path.join(root, name)).isFile())
    .map((name) => `${name} ${fs.statSync(path.join(root, name)).mtimeMs}`)
    .join('\n');
}

const all = programs();
const ofExperiments = all.filter(
  (file) => file.startsWith('experiments/') && !/\brunAsProgram\(/.test(textOf(file)),
);
/** The steps of the experiments share one frame: two stand for them. */
const started = all.filter((file) => !ofExperiments.slice(2).includes(file));

test('the programs are found', () => {
  for (const file of ['src/cli.ts', 'bench/bench.ts', 'scripts/test.ts', 'weights/tiny/train.ts']) {
    assert.ok(started.includes(file), file);
  }
  assert.ok(ofExperiments.length >= 16, ofExperiments.join());
});

test('each answers --help with what it is and how it is started, and does nothing', async () => {
  const before = times();
  const endings = await startAll(started.map((file) => node(file, '--help')));
  for (const [i, { code, stdout, stderr }] of endings.entries()) {
    const about = `${started[i]} --help: ${stdout}${stderr}`;
    assert.is(code, 0, about);
    assert.is(stderr, '', about);
    assert.match(stdout, /usage/i, about);
    assert.ok(stdout.includes(started[i]), about);
  }
  assert.is(times(), before);
});

test('the steps of the experiments answer it first of all, each from a file of its own', () => {
  for (const file of ofExperiments) {
    const [first] = textOf(file).match(/^import .*$/m)!;
    assert.is(first, "import '../shared/command/help';", file);
    const yaml = file.replace(/^experiments(.*)\.ts$/, 'configs$1.yaml');
    assert.ok(fs.existsSync(path.join(root, yaml)), yaml);
  }
});

test('an option that is not known is refused, with a line and code 2', async () => {
  // One of each frame.
  const files = ['bench/convert.ts', 'scripts/test.ts', 'experiments/length/evaluate.ts'];
  const endings = await startAll(files.map((file) => node(file, '--quick')));
  for (const [i, { code, stdout, stderr }] of endings.entries()) {
    const about = `${files[i]} --quick: ${stdout}${stderr}`;
    assert.is(code, 2, about);
    assert.is(stdout, '', about);
    assert.match(stderr, '--quick', about);
    assert.not.match(stderr, /\n {4}at /, about);
  }
  const frames =
    /\brunAsProgram\(module|\bdefine(Script|Run)\(|\brunIfMain\(|\breadWords\(|\bparseArgs\(/;
  for (const file of all) assert.match(textOf(file), frames);
});

test('the Python scripts answer --help without the packages that they need', async () => {
  const files = ['bench', 'scripts'].flatMap((room) =>
    fs
      .readdirSync(path.join(root, room))
      .filter((name) => name.endsWith('.py'))
      .map((name) => path.join(room, name))
      .filter((file) => textOf(file).includes('__main__')),
  );
  // -S: without installed packages, -B: without writing compiled files.
  const endings = await startAll(files.map((file) => ['python3', '-SB', file, '--help']));
  for (const [i, { code, stdout, stderr }] of endings.entries()) {
    const about = `${files[i]} --help: ${stdout}${stderr}`;
    assert.is(code, 0, about);
    assert.ok(stdout.includes(files[i]), about);
  }
});

test.run();
