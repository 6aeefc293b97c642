/** A report on one run, or on several of one experiment or of several. */
import { modelName } from '../../../src/hub/modelFolder';
import type { Report, Section } from '../../../src/report/types';
import type { ScoredRow } from '../answers/cells';
import { type Results, readResults } from '../answers/readRun';
import { groupBy } from '../groupBy';
import { answerTable, joinAnswers } from './answerTable';
import { cellsSection, distributionSection, layersSection, weightsSection } from './cellSections';
import type { Describe, Described } from './described';
import { labelsOf } from './labels';
import { reportedRun } from './sameRun';
import { sideBySide } from './sideBySide';

/** A folder, and the experiment that knows what is in it. */
export interface ReportedFolder {
  folder: string;
  describe: Describe;
}

export interface DescribedRun {
  run: Results<never>;
  described: Described;
}

/** @throws InputError for a folder that is no run, or has no rows yet */
export function readDescribed({ folder, describe }: ReportedFolder): DescribedRun {
  const run = readResults<never>(folder);
  return { run, described: describe(run) as Described };
}

/** @param more sections that stand before the others: numbers of the paper */
export function reportOn(runs: DescribedRun[], more: Section[] = []): Report {
  const parts = groupBy(
    runs.map((one, i) => ({ ...one, number: i + 1 })),
    ({ described }) => described.title,
  ).map((part, _, all) => {
    const labels = labelsOf(part.map(({ run }) => run));
    const { title } = part[0].described;
    if (all.length === 1) return part.map((one, i) => ({ ...one, label: labels[i] }));
    return part.map((one, i) => ({
      ...one,
      label: part.length > 1 ? `${title} ${labels[i]}` : title,
    }));
  });
  const labelled = parts.flat();
  const [first] = runs;
  const model = modelOf(first);
  const one = runs.length === 1;
  // Of several models, the labels name each run's.
  const shared = new Set(runs.map(modelOf)).size === 1 ? `${model}: ` : '';
  const kinds = parts.map(([{ described }]) => described.title);
  return {
    title: one ? `${first.described.title}, ${model}` : `${kinds.join(', ')}: ${runs.length} runs`,
    summary: one
      ? shared + first.described.summary
      : shared + labelled.map(({ label }) => label).join(' · '),
    sections: [
      ...more,
      ...(one
        ? sectionsOf(first)
        : parts.flatMap((part, i) => partSections(part, parts.length > 1 ? `part${i + 1}` : ''))),
    ],
    answers: joinAnswers(
      labelled.map(({ run, described, label }) => ({ label, table: answerTable(run, described) })),
    ),
    runs: labelled.map(({ run, described, label }) =>
      reportedRun(run, described, one ? `${described.title}, ${model}` : label),
    ),
  };
}

const modelOf = ({ run }: DescribedRun) => modelName(String(run.config.model_name));

/** All that is shown of one run. */
function sectionsOf({ run, described }: DescribedRun): Section[] {
  const { cells } = described;
  const rows = run.rows as ScoredRow[];
  return [
    cellsSection(described),
    ...layersSection(cells),
    ...weightsSection(cells),
    ...described.sections,
    ...distributionSection(rows, described, {
      ...{ title: 'Length of the answers', unit: 'tokens', id: 'tokens' },
      of: ({ tokens }) => tokens,
    }),
  ];
}

/** Runs of one experiment: side by side where there are several, then each by itself. */
function partSections(
  part: (DescribedRun & { label: string; number: number })[],
  prefix: string,
): Section[] {
  const together =
    part.length > 1
      ? [sideBySide(part.map(({ label, described }) => ({ label, cells: described.cells })))]
      : [];
  const title = prefix ? part[0].described.title : undefined;
  return [
    ...together.map((section) => renamed(section, title, prefix)),
    ...part.flatMap((one) =>
      sectionsOf(one).map((section) => renamed(section, one.label, `run${one.number}`)),
    ),
  ];
}

/** As one of a part of the report, with a beginning to the ids of its figures. */
function renamed(section: Section, part: string | undefined, prefix: string): Section {
  return {
    ...section,
    ...(part && { part }),
    figures: section.figures?.map((figure) => ({
      ...figure,
      id: [prefix, figure.id].filter(Boolean).join('-'),
    })),
  };
}
