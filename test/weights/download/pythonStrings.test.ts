/** String literals of Python, read as Python reads them. */
import { spawnSync } from 'node:child_process';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  type PythonValue,
  readAssignments,
  readStrings,
} from '../../../weights/download/pythonStrings';
import { testWhere } from '../../where';

const plain = (value: PythonValue): unknown => {
  if (value.kind === 'name') return { name: value.name };
  if (value.kind === 'list') return value.items.map(plain);
  return value.string.map((part) => ('text' in part ? part.text : `<${part.field}>`)).join('');
};
const read = (source: string) =>
  readAssignments(source).map(({ name, value }) => [name, plain(value)]);

/** Each literal, and its value by Python's own rules. */
const LITERALS: [literal: string, value: string][] = [
  [`'a'`, 'a'],
  [`" it's"`, " it's"],
  [`'don\\'t'`, "don't"],
  [`"say \\"x\\""`, 'say "x"'],
  [`'tab\\tline\\nback\\\\slash'`, 'tab\tline\nback\\slash'],
  [`'\\x41\\101\\u00e9\\U0001F600\\0'`, 'AA\u00e9\u{1F600}\0'],
  [`'\\u00411'`, 'A1'],
  [`'no \\d escape'`, 'no \\d escape'],
  [`r'raw \\n \\' too'`, "raw \\n \\' too"],
  [`u'old'`, 'old'],
  [`'''three ' quotes\nand a line'''`, "three ' quotes\nand a line"],
  [`"""a "b" \\""" c"""`, 'a "b" """ c'],
  [`'# no comment'`, '# no comment'],
  [`'{} {{}}'`, '{} {{}}'],
  [`'one ' "two" 'three'`, 'one twothree'],
  [`'con\\\ntinued'`, 'continued'],
  [`('in ' 'brackets')`, 'in brackets'],
  [`''`, ''],
  [`'ünï 😀'`, 'ünï 😀'],
];

test('strings have the values that Python gives them', () => {
  const source = LITERALS.map(([literal], i) => `v${i} = ${literal}  # comment 'x'`).join('\n');
  assert.equal(
    read(source),
    LITERALS.map(([, value], i) => [`v${i}`, value]),
  );
});

const hasPython = !spawnSync('python3', ['--version']).error;
const withPython = testWhere(hasPython, 'python3 is not here');

withPython('the expected values are those of Python itself', () => {
  const literals = LITERALS.map(([literal]) => literal).join(',\n');
  const script = `import json\nprint(json.dumps([\n${literals}]))`;
  const { stdout } = spawnSync('python3', ['-W', 'ignore', '-c', script], { encoding: 'utf8' });
  assert.equal(
    JSON.parse(stdout),
    LITERALS.map(([, value]) => value),
  );
});

test('lists over several lines, of names, nested; tuples', () => {
  const source = `
def main():
    short = [
        ' A.',  # the first
        " B."
        " Still B.",

        ' C.',
    ]
    if x: two = (' D.', ' E.')
    both = [short, two]
    deep = [[' F.'], [' G.', ' H.'],]
    empty = []
    one = (' I.',)
    windows = [' J.',\r\n ' K.']\r
`;
  assert.equal(read(source), [
    ['short', [' A.', ' B. Still B.', ' C.']],
    ['two', [' D.', ' E.']],
    ['both', [{ name: 'short' }, { name: 'two' }]],
    ['deep', [[' F.'], [' G.', ' H.']]],
    ['empty', []],
    ['one', [' I.']],
    ['windows', [' J.', ' K.']],
  ]);
});

test('what is no plain value is passed over', () => {
  const source = `
call(columns=['a', 'b'], name='c')
sum = 'a' + b
list = ['a', f(x), 'b']
numbers = [1, 2]
part = ['a'][0]
method = 'a'.format(x)
row['key'] = 'a'
object.field = 'a'
same == 'a'
more += ['a']
bytes = b'a'
named = '\\N{BULLET}'
missing = ['a' 'b', , 'c']
open = ['a',
`;
  assert.equal(read(source), []);
});

test('f-strings: text and fields', () => {
  const fields = (literal: string) => readStrings(`x = g(${literal})`)[0];
  assert.equal(fields(`f' Use {constr} {n_sent} words\\n.'`), [
    { text: ' Use ' },
    { field: 'constr' },
    { text: ' ' },
    { field: 'n_sent' },
    { text: ' words\n.' },
  ]);
  assert.equal(fields(`F"{ a.b['c'] }{{d}}"`), [{ field: "a.b['c']" }, { text: '{d}' }]);
  assert.equal(read(`x = f'a {b} ' 'c {}'`), [['x', 'a <b> c {}']]);
  assert.is(fields(`f'{a'`), undefined, 'a brace that is never closed');
  assert.is(fields(`rb'x'`), undefined);
});

test.run();
