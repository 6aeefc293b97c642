import { isNumeric, showCell, type Table } from '../../util/table';
import { escapeXml } from '../draw/picture';

/** A table of ours as HTML, all columns, in a box of its own that scrolls. */
export function tableHtml(table: Table, title: string): string {
  const { columns, rows } = table;
  const numeric = columns.map((_, at) => isNumeric(rows.map(({ cells }) => cells[at])));
  const kind = (at: number) => (numeric[at] && !columns[at].label ? ' class="number"' : '');
  const head = columns.map(({ name }, at) => `<th scope="col"${kind(at)}>${escapeXml(name)}</th>`);
  const line = ({ cells }: Table['rows'][number]) => {
    const texts = cells.map((cell, at) => {
      const tag = at === 0 ? 'th scope="row"' : 'td';
      return `<${tag}${kind(at)}>${escapeXml(showCell(cell))}</${tag.slice(0, 2)}>`;
    });
    return `<tr>${texts.join('')}</tr>`;
  };
  const sections = [...new Set(rows.map(({ section }) => section))].map((name) => {
    const own = rows.filter(({ section }) => section === name).map(line);
    const heading =
      name === undefined
        ? ''
        : `<tr><th scope="rowgroup" colspan="${columns.length}">${escapeXml(name)}</th></tr>`;
    return `<tbody>${heading}${own.join('\n')}</tbody>`;
  });
  const caption = escapeXml(title);
  return (
    `<div class="box" role="group" aria-label="${caption}" tabindex="0"><table>` +
    `<caption>${caption}</caption><thead><tr>${head.join('')}</tr></thead>\n` +
    `${sections.join('\n')}</table></div>`
  );
}
