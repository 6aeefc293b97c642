import type { JsonPart } from '../jsonPart';

/** Puts special tokens around the ids of a text. */
export type PostProcessor = (ids: number[]) => number[];

function template(part: JsonPart): PostProcessor {
  const specials = part.part('special_tokens');
  const steps = part.parts('single').map((step): number[] | undefined => {
    if (step.part('Sequence')) return undefined;
    const name = step.part('SpecialToken')?.text('id');
    if (name === undefined) throw part.error('single', 'must list Sequence and SpecialToken.');
    const ids = specials?.part(name)?.list('ids');
    if (!ids?.every((id) => Number.isInteger(id))) {
      throw part.error('special_tokens', `has no ids for "${name}", which single names.`);
    }
    return ids as number[];
  });
  return (ids) => steps.flatMap((step) => step ?? ids);
}

/** `[token, id]` under a key. */
function idOfPair(part: JsonPart, key: string): number {
  const id = part.list(key)[1];
  if (!Number.isInteger(id)) throw part.error(key, 'must be a token and its id.');
  return id as number;
}

/**
 * The post-processor of a tokenizer.json.
 *
 * @throws InputError for a type that isn't known here
 */
export function postProcessorOf(part: JsonPart): PostProcessor {
  const type = part.text('type');
  switch (type) {
    case 'Sequence': {
      const all = part.parts('processors').map(postProcessorOf);
      return (ids) => all.reduce((out, process) => process(out), ids);
    }
    case 'ByteLevel':
      return (ids) => ids;
    case 'TemplateProcessing':
      return template(part);
    case 'BertProcessing':
    case 'RobertaProcessing': {
      const start = idOfPair(part, 'cls');
      const end = idOfPair(part, 'sep');
      return (ids) => [start, ...ids, end];
    }
    default:
      throw part.error('type', `"${type}" is a post-processor that Tiller doesn't know.`);
  }
}
