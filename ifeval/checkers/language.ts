/** The language of a response. */
import { detectLanguage } from '../detectLanguage';
import type { Span } from '../spans';
import type { Kwargs, Verdict } from '../types';

/** The whole response in one language. A text without letters counts as followed, as officially. */
export function responseLanguage(
  response: string,
  { language }: Pick<Kwargs, 'language'>,
): Verdict {
  const detected = detectLanguage(response);
  if (!detected) return { followed: true, evidence: 'no letters to tell a language by' };
  const evidence = `language ${detected}, ${language} wanted`;
  return { followed: detected === language, evidence };
}

/** The whole text decides. */
export const noMarks = (): Span[] => [];
