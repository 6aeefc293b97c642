/**
 * Changes a parsed template so that the npm library renders it as Python's Jinja does in
 * transformers: what it computes otherwise goes through functions of ours (pythonValues.ts); what
 * neither side knows how to do alike is refused. docs/tokenizers.md lists both.
 */
export type Node = { type: string } & Record<string, unknown>;

const isNode = (value: unknown): value is Node =>
  typeof value === 'object' && value !== null && typeof (value as Node).type === 'string';

const identifier = (value: string): Node => ({ type: 'Identifier', value });
const call = (name: string, ...args: unknown[]): Node => ({
  type: 'CallExpression',
  callee: identifier(name),
  args,
});

/** Filters and methods that the library computes as Python does, for what templates give them. */
const FILTERS = new Set(
  'safe tojson list first last items keys values upper lower indent replace default map selectattr rejectattr abs'.split(
    ' ',
  ),
);
const METHODS = new Set('upper lower startswith endswith replace get items keys values'.split(' '));
const TESTS = new Set(
  'defined undefined none string mapping iterable sequence boolean true false odd even'.split(' '),
);
/** Keywords that a filter knows in both. */
const KEYWORDS: Record<string, string[]> = {
  tojson: ['indent', 'ensure_ascii', 'separators'],
  map: ['attribute'],
  default: ['boolean'],
  indent: ['width', 'first', 'blank'],
};

const OUR_FILTERS: Record<string, string> = {
  trim: '@strip',
  string: '@text',
  length: '@length',
  count: '@length',
  reject: '@reject',
  select: '@select',
};
const OUR_METHODS = ['strip', 'lstrip', 'rstrip', 'split', 'title'];
const OUR_GLOBALS = ['range', 'strftime_now'];

const refuse = (what: string): never => {
  throw new Error(`it uses ${what}, which Tiller can't render as Python does`);
};

/** Arguments by position; `named` ones come after them, in this order. */
function argumentsOf(args: Node[], what: string, named: string[] = []): Node[] {
  const out = args.filter((arg) => !arg.type.startsWith('Keyword'));
  for (const arg of args.filter((one) => one.type.startsWith('Keyword'))) {
    const at = named.indexOf(String((arg.key as Node | undefined)?.value));
    if (at < 0) refuse(`a keyword of ${what}`);
    out[at] = arg.value as Node;
  }
  return Array.from(out, (arg) => arg ?? identifier('@nothing'));
}

function changeFilter(operand: Node, filter: Node): Node {
  const args = (filter.type === 'CallExpression' ? filter.args : []) as Node[];
  const callee = filter.type === 'CallExpression' ? (filter.callee as Node) : filter;
  const name = String(callee.value);
  const what = `the filter ${name}`;
  const changed = args.map(change);
  if (name === 'join') {
    return call('@join', operand, ...argumentsOf(changed, what, ['d', 'attribute']));
  }
  if (OUR_FILTERS[name]) return call(OUR_FILTERS[name], operand, ...argumentsOf(changed, what));
  if (!FILTERS.has(name === 'd' ? 'default' : name)) refuse(what);
  argumentsOf(args, what, KEYWORDS[name]);
  if (args.some((arg) => arg.type === 'StringLiteral' && arg.value === 'undefined')) refuse(what);
  const renamed = name === 'd' ? { ...filter, callee: identifier('default') } : filter;
  return {
    type: 'FilterExpression',
    operand,
    filter: filter.type === 'CallExpression' ? { ...renamed, args: changed } : filter,
  };
}

function changeCall(node: Node): Node {
  const callee = node.callee as Node;
  const args = (node.args as Node[]).map(change);
  if (callee.type !== 'MemberExpression' || callee.computed) {
    return { ...node, callee: change(callee), args };
  }
  const object = change(callee.object as Node);
  const name = String((callee.property as Node).value);
  if (OUR_METHODS.includes(name)) {
    return call(
      `@${name}`,
      object,
      ...argumentsOf(args, `.${name}()`, name === 'split' ? ['sep', 'maxsplit'] : []),
    );
  }
  if (!METHODS.has(name)) refuse(`.${name}()`);
  return { ...node, callee: { ...callee, object }, args };
}

/** Names of variables below a node: not of properties, filters, tests and keywords. */
export function namesIn(value: unknown): string[] {
  if (value instanceof Map) return [...value].flatMap(namesIn);
  if (Array.isArray(value)) return value.flatMap(namesIn);
  if (!isNode(value)) return [];
  const { type, object, operand, computed } = value;
  if (type === 'Identifier') return [String(value.value)];
  if (type === 'MemberExpression' && !computed) return namesIn(object);
  if (type === 'TestExpression') return namesIn(operand);
  if (type === 'FilterExpression') {
    return [...namesIn(operand), ...namesIn((value.filter as Node).args)];
  }
  return namesIn(type === 'KeywordArgumentExpression' ? value.value : Object.values(value));
}

/** Names that the statements of a loop set, without those of loops and macros within. */
function namesSetIn(body: Node[]): string[] {
  return body.flatMap((node) => {
    if (node.type === 'If') {
      return [...namesSetIn(node.body as Node[]), ...namesSetIn(node.alternate as Node[])];
    }
    const target = node.type === 'Set' ? (node.assignee as Node) : undefined;
    return target?.type === 'Identifier' ? [String(target.value)] : [];
  });
}

const set = (name: string, value: string): Node => ({
  type: 'Set',
  assignee: identifier(name),
  value: identifier(value),
  body: [],
});

/** `xs`, and the `xs` of `xs if …`. */
const changeIterable = (node: Node): Node =>
  node.type === 'SelectExpression'
    ? { ...node, lhs: call('@iterable', node.lhs) }
    : call('@iterable', node);

/** What a round of a loop sets is gone in the next one, where the outer value holds again. */
function changeLoop(node: Node): Node[] {
  const own = new Set(namesIn(node.loopvar));
  const names = [...new Set(namesSetIn(node.body as Node[]))].filter((name) => !own.has(name));
  const body = [
    ...names.map((name) => set(name, `@outer ${name}`)),
    ...changeBody(node.body as Node[]),
  ];
  return [
    ...names.map((name) => set(`@outer ${name}`, name)),
    {
      ...node,
      iterable: changeIterable(change(node.iterable as Node)),
      body,
      defaultBlock: changeBody(node.defaultBlock as Node[]),
    },
  ];
}

const STATEMENTS = ['If', 'Set', 'Macro', 'CallStatement', 'Break', 'Continue'];

/** Statements, with all that is in them changed. @throws Error naming what can't be rendered alike */
export function changeBody(body: Node[]): Node[] {
  return body.flatMap((node) => {
    if (node.type === 'For') return changeLoop(node);
    if (node.type === 'FilterStatement') {
      const kept: Node = { ...set('@filtered', ''), value: undefined };
      return [
        { ...kept, body: changeBody(node.body as Node[]) },
        call('@text', changeFilter(identifier('@filtered'), node.filter as Node)),
      ];
    }
    if (node.type === 'Comment' || node.type === 'StringLiteral') return [node];
    const changed = change(node);
    return [STATEMENTS.includes(node.type) ? changed : call('@text', changed)];
  });
}

/** A node with all that is in it changed. */
function change(node: Node): Node {
  switch (node.type) {
    case 'FloatLiteral':
      return refuse('a fraction');
    case 'Identifier':
      if (node.value === 'kwargs' || node.value === 'varargs') refuse(String(node.value));
      return OUR_GLOBALS.includes(String(node.value)) ? identifier(`@${node.value}`) : node;
    case 'FilterExpression':
      return changeFilter(change(node.operand as Node), node.filter as Node);
    case 'CallExpression':
      return changeCall(node);
    case 'MemberExpression': {
      const object = change(node.object as Node);
      if (node.computed) return { ...node, object, property: change(node.property as Node) };
      return { ...node, object };
    }
    case 'TestExpression': {
      const name = String((node.test as Node).value);
      if (!TESTS.has(name)) refuse(`the test "is ${name}"`);
      return { ...node, operand: change(node.operand as Node) };
    }
    case 'BinaryExpression': {
      const operator = String((node.operator as { value: unknown }).value);
      const sides = [change(node.left as Node), change(node.right as Node)];
      const ours = { '~': '@concat', '+': '@plus', '==': '@equal', '!=': '@unequal' }[operator];
      if (ours) return call(ours, ...sides);
      if (operator === '/' || operator === '**') refuse(`the operator ${operator}`);
      return { ...node, left: sides[0], right: sides[1] };
    }
    case 'KeywordArgumentExpression':
      return { ...node, value: change(node.value as Node) };
    case 'ObjectLiteral': {
      const entries = [...(node.value as Map<Node, Node>)];
      return { ...node, value: new Map(entries.map(([key, one]) => [change(key), change(one)])) };
    }
    case 'Set':
      return {
        ...node,
        value: node.value ? change(node.value as Node) : node.value,
        body: changeBody(node.body as Node[]),
      };
    case 'If':
      return {
        ...node,
        test: change(node.test as Node),
        body: changeBody(node.body as Node[]),
        alternate: changeBody(node.alternate as Node[]),
      };
    case 'Macro':
      return { ...node, body: changeBody(node.body as Node[]) };
    case 'CallStatement':
      return {
        ...node,
        call: change(node.call as Node),
        body: changeBody(node.body as Node[]),
      };
    default: {
      const entries = Object.entries(node).map(([key, value]) => {
        if (key === 'operator') return [key, value];
        if (Array.isArray(value))
          return [key, value.map((one) => (isNode(one) ? change(one) : one))];
        return [key, isNode(value) ? change(value) : value];
      });
      return Object.fromEntries(entries) as Node;
    }
  }
}
