import * as path from 'node:path';
import { explainWriting, makeFolder, writeAtomic } from '../util/files';
import { type Loaded, loadDrawing } from './draw/drawing';
import { drawPng, drawSvg } from './draw/picture';
import type { Figure } from './types';

/** A figure that was drawn. */
export interface Picture {
  svg: string;
  /** Beside the report. */
  svgPath: string;
  pngPath: string;
}

export interface Pictures {
  /** By figure id. */
  pictures: Map<string, Picture>;
  /** Why there are none: an optional package is not installed. In a sentence. */
  missing?: string;
}

/** Below the report's folder. */
const FOLDER = 'figures';

/**
 * Draws figures and writes them, `figures/<id>.svg` and `.png` below a folder.
 * @throws InputError where they can't be written
 */
export async function renderFigures(
  figures: Figure[],
  folder: string,
  loading: () => Promise<Loaded> = loadDrawing,
): Promise<Pictures> {
  const pictures = new Map<string, Picture>();
  if (!figures.length) return { pictures };
  const loaded = await loading();
  if ('missing' in loaded) return { pictures, missing: loaded.missing };
  makeFolder(path.join(folder, FOLDER));
  const write = (file: string, content: string | Uint8Array) =>
    explainWriting(path.join(folder, file), () => writeAtomic(path.join(folder, file), content));
  const drawn: { pngPath: string; png: Promise<Uint8Array> }[] = [];
  for (const figure of figures) {
    const svg = await drawSvg(loaded.drawing, figure);
    const [svgPath, pngPath] = ['svg', 'png'].map((type) => `${FOLDER}/${figure.id}.${type}`);
    write(svgPath, svg);
    drawn.push({ pngPath, png: drawPng(loaded.drawing, svg) });
    pictures.set(figure.id, { svg, svgPath, pngPath });
  }
  for (const { pngPath, png } of drawn) write(pngPath, await png);
  return { pictures };
}
