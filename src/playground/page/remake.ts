/** Vectors that an address says how to make, made where the other side lacks them. */
import type { Engine, PairsOfVector, VectorInfo } from '../protocol';
import type { MadeVector, PageState } from './url';

/**
 * @returns the vectors that were made, what those of the address are called now, and in words what
 *   could not be made
 */
export async function remake(
  engine: Engine,
  vectors: VectorInfo[],
  wanted: MadeVector[],
): Promise<{ made: VectorInfo[]; names: Map<string, string>; problems: string[] }> {
  const made: VectorInfo[] = [];
  const problems: string[] = [];
  const names = new Map<string, string>();
  for (const { id, ...pairs } of wanted) {
    const same = [...vectors, ...made].filter((vector) => isMadeOf(vector, pairs));
    let vector = same.find((one) => one.id === id) ?? same[0];
    if (!vector) {
      try {
        vector = await engine.makeVector(pairs);
        made.push(vector);
      } catch (error) {
        problems.push(`${pairs.name} could not be made again: ${(error as Error).message}`);
        continue;
      }
    }
    names.set(id, vector.id);
  }
  return { made, names, problems };
}

/** A state with its vectors' names of now. */
export function renamed(state: PageState, names: Map<string, string>): PageState {
  const called = (id: string) => names.get(id) ?? id;
  const steer = state.settings.steer.map((spec) => ({ ...spec, file: called(spec.file) }));
  return {
    ...state,
    settings: { ...state.settings, steer },
    made: state.made.map((vector) => ({ ...vector, id: called(vector.id) })),
  };
}

const isMadeOf = ({ pairs }: VectorInfo, { name, method, pairs: wanted }: PairsOfVector) =>
  pairs?.name === name &&
  pairs.method === method &&
  pairs.pairs.length === wanted.length &&
  pairs.pairs.every(
    ({ positive, negative }, i) =>
      positive === wanted[i].positive && negative === wanted[i].negative,
  );
