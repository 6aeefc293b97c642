/** Where tfjs-node may be. */
import * as fs from 'node:fs';
import { createRequire } from 'node:module';
import * as path from 'node:path';
import { projectRoot } from '../../util/version';
import { graphicsCards } from '../card';
import { probe } from '../probe';

/** A place where tfjs-node may be, with its native part or without. */
export interface TensorflowCandidate {
  /** `@tensorflow/tfjs-node-gpu`, or `.tensorflow` for what `setup-tensorflow` made. */
  label: string;
  folder: string;
  /** Made for NVIDIA cards. */
  cuda?: boolean;
  /** Why it can't be used; undefined when all files are in place. */
  missing?: string;
}

/** Where tfjs-node is looked for, in order of preference; loads nothing. */
export function tensorflowCandidates(): TensorflowCandidate[] {
  const own = path.join(projectRoot, '.tensorflow');
  const places = [
    {
      label: '.tensorflow',
      folder: path.join(own, 'node_modules/@tensorflow/tfjs-node'),
      // Where setup:tensorflow puts the CUDA libraries.
      cuda: fs.existsSync(path.join(own, 'site/nvidia')),
    },
    {
      label: '@tensorflow/tfjs-node-gpu',
      folder: packageFolder('@tensorflow/tfjs-node-gpu'),
      cuda: true,
    },
    { label: '@tensorflow/tfjs-node', folder: packageFolder('@tensorflow/tfjs-node'), cuda: false },
  ];
  return places.map((place) => ({ ...place, missing: whatIsMissing(place.folder) }));
}

/** Where a package is, in our node_modules or that of a folder around us; else where it would be. */
function packageFolder(name: string): string {
  const places = createRequire(path.join(projectRoot, 'package.json')).resolve.paths(name) ?? [];
  const folders = places.map((place) => path.join(place, name));
  return folders.find((folder) => fs.existsSync(folder)) ?? folders[0];
}

function whatIsMissing(folder: string): string | undefined {
  if (!fs.existsSync(path.join(folder, 'package.json'))) return 'not installed';
  const lib = path.join(folder, 'lib');
  const builds = fs.existsSync(lib) ? fs.readdirSync(lib) : [];
  if (!builds.some((build) => fs.existsSync(path.join(lib, build, 'tfjs_binding.node')))) {
    return 'installed without its native part (tfjs_binding.node)';
  }
  const libraries = path.join(folder, 'deps/lib');
  const found = fs.existsSync(libraries) ? fs.readdirSync(libraries) : [];
  return found.some((name) => name.startsWith('libtensorflow') || name === 'tensorflow.dll')
    ? undefined
    : 'its libtensorflow is missing';
}

/**
 * The candidates in the order to try them in. On a machine with a graphics card, one made for the
 * CPU gives way to one made for cards, where that one does compute on the card: a process of its own
 * tries it, since two libtensorflows can't be loaded into one.
 */
export function inOrder(candidates: TensorflowCandidate[]): TensorflowCandidate[] {
  const usable = candidates.filter(({ missing }) => !missing);
  const forCards = usable.find(({ cuda }) => cuda);
  if (!forCards || forCards === usable[0] || graphicsCards().length === 0) return candidates;
  const { found } = probe('tensorflow', [forCards]);
  if (!found?.gpu) return candidates;
  return [forCards, ...candidates.filter((candidate) => candidate !== forCards)];
}
