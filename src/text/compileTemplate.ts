import { Environment, Interpreter, parse, tokenize } from '@huggingface/jinja';
import { changeBody, type Node, namesIn } from './pythonTemplate';
import { type Held, OURS, open } from './pythonValues';

/** The library's function, which it doesn't export. */
const FunctionValue = new Environment().lookupVariable('namespace').constructor as new (
  run: (args: Held[]) => unknown,
) => never;
const hold = (value: unknown) => new Environment().set('value', value) as Held;
const ListValue = hold([]).constructor as new (items: Held[]) => Held;
const HeldValue = Object.getPrototypeOf(ListValue) as new () => Held;

/** A result as the library holds it; items of a list may be held already. */
function holdResult(value: unknown): Held {
  if (value instanceof HeldValue) return value;
  return Array.isArray(value) ? new ListValue(value.map(holdResult)) : hold(value);
}
const ours = Object.entries(OURS).map(([name, run]) => {
  const plain = run as (...args: unknown[]) => unknown;
  return [name, new FunctionValue((args) => holdResult(plain(...args.map(open))))] as const;
});
/** What a loop runs over: a text is its characters, what is undefined has no rounds. */
const iterable = new FunctionValue(([held]) => {
  if (held.type === 'UndefinedValue') return holdResult([]);
  return typeof held.value === 'string' ? holdResult(Array.from(held.value)) : held;
});
const GLOBALS = {
  ...{ true: true, True: true, false: false, False: false, none: null, None: null },
  raise_exception(message: string) {
    throw new Error(message);
  },
};

/** A template that is rendered as Python does. */
export interface CompiledTemplate {
  /** All names that it reads or sets. */
  names: Set<string>;
  render(items: Record<string, unknown>): string;
}

/** @throws Error saying what is wrong with it, or what it uses that can't be rendered alike */
export function compileTemplate(source: string): CompiledTemplate {
  const program = parse(tokenize(source, { lstrip_blocks: true, trim_blocks: true }));
  const names = new Set(namesIn(program.body));
  program.body = changeBody(program.body as unknown as Node[]) as never;
  const render = (items: Record<string, unknown>) => {
    const environment = new Environment();
    for (const [name, value] of Object.entries({ ...GLOBALS, ...items })) {
      environment.set(name, value);
    }
    for (const [name, value] of [...ours, ['@iterable', iterable] as const])
      environment.setVariable(name, value);
    return String(new Interpreter(environment).run(program).value);
  };
  return { names, render };
}
