/** A report as files: the page, and its pictures beside it. */
import * as path from 'node:path';
import { explainWriting, makeFolder, writeAtomic } from '../util/files';
import { type Loaded, loadDrawing } from './draw/drawing';
import { renderFigures } from './figures';
import { renderReport } from './html/page';
import { pageScript } from './html/script';
import type { Report } from './types';

export interface WrittenReport {
  /** The page: `<folder>/report.html`. */
  page: string;
  /** SVG and PNG of each figure. */
  figures: string[];
  /** In a sentence, why there are no pictures; for whoever waits for them. */
  missing?: string;
}

/**
 * Writes `report.html`, and `figures/<id>.svg` and `.png` beside it.
 * @throws InputError where they can't be written
 */
export async function writeReport(
  report: Report,
  folder: string,
  loading: () => Promise<Loaded> = loadDrawing,
): Promise<WrittenReport> {
  makeFolder(folder);
  const figures = report.sections.flatMap((section) => section.figures ?? []);
  const [drawn, script] = await Promise.all([
    renderFigures(figures, folder, loading),
    pageScript(),
  ]);
  const page = path.join(folder, 'report.html');
  explainWriting(page, () => writeAtomic(page, renderReport(report, drawn, script)));
  const files = [...drawn.pictures.values()].flatMap(({ svgPath, pngPath }) => [svgPath, pngPath]);
  return {
    page,
    figures: files.map((file) => path.join(folder, file)),
    ...(drawn.missing ? { missing: drawn.missing } : {}),
  };
}
