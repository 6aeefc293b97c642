/** Elements by name: texts are texts, never HTML. */
type Child = Node | string;

export function element<K extends keyof HTMLElementTagNameMap>(
  name: K,
  attributes: Record<string, string> = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

/** A choice with its label. */
export function choice(
  label: string,
  options: [value: string, text: string][],
  onChange: (value: string) => void,
) {
  const select = element(
    'select',
    {},
    ...options.map(([value, text]) => element('option', { value }, text)),
  );
  select.addEventListener('change', () => onChange(select.value));
  return { select, field: element('label', {}, `${label} `, select) };
}
