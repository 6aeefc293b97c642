import { WIDTH } from '../charts/spec';
import { textWidth } from '../charts/textWidth';
import type { Figure } from '../types';
import type { Drawing } from './drawing';
import { THEME } from './theme';

/** Pixels a point of the SVG: sharp on screens of twice the density, and in print. */
const SCALE = 2;
const TITLE_WIDTH = WIDTH + 110;

/**
 * A figure as SVG, with its title in the picture and, for screen readers, title and description.
 * @throws Error where vega or vega-lite has something to warn of: our specs are at fault
 */
export async function drawSvg({ vega, vegaLite }: Drawing, figure: Figure): Promise<string> {
  const logger = strictLogger(figure.id);
  const title = { text: titleLines(figure.title) };
  const spec = { ...figure.spec, title } as unknown as Parameters<typeof vegaLite.compile>[0];
  const config = THEME as unknown as import('vega-lite').Config;
  const compiled = vegaLite.compile(spec, { config, logger }).spec;
  const view = new vega.View(vega.parse(compiled), { renderer: 'none', logger });
  try {
    return describe(await view.toSVG(), figure);
  } finally {
    view.finalize();
  }
}

/**
 * The bytes of a PNG on white, twice as large as the SVG, made on a thread of its own. The text is set
 * in the given font files.
 */
export async function drawPng({ renderPng, fonts }: Drawing, svg: string): Promise<Uint8Array> {
  const font = {
    fontFiles: fonts,
    loadSystemFonts: false,
    defaultFontFamily: 'Arimo',
    sansSerifFamily: 'Arimo',
  };
  const fitTo = { mode: 'zoom', value: SCALE } as const;
  return (await renderPng(svg, { font, fitTo, background: 'white' })).asPng();
}

function titleLines(title: string): string[] {
  const lines: string[] = [];
  for (const word of title.split(' ')) {
    const longer = lines.length ? `${lines.at(-1)} ${word}` : word;
    if (lines.length && textWidth(longer, 15, true) <= TITLE_WIDTH)
      lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines;
}

function describe(svg: string, { id, title, caption }: Figure): string {
  const [open] = /^<svg[^>]*>/.exec(svg)!;
  const ids = `aria-labelledby="${id}-title ${id}-desc"`;
  const words =
    `<title id="${id}-title">${escapeXml(title)}</title>` +
    `<desc id="${id}-desc">${escapeXml(caption)}</desc>`;
  const frame = open.replace('<svg ', `<svg role="img" ${ids} `);
  return `${frame}${words}${tidy(svg.slice(open.length))}`;
}

/** Without roles for each group of marks, which are one image, and without a dozen decimals. */
function tidy(svg: string): string {
  return svg.replace(/<[^>]*>/g, (tag) =>
    tag
      .replace(/ (?:role|aria-[a-z]+)="[^"]*"/g, '')
      .replace(/-?\d+\.\d{3,}/g, (number) => String(Number(Number(number).toFixed(2)))),
  );
}

/** For text and for attributes in double quotes, of XML and HTML alike. */
export const escapeXml = (text: string) =>
  text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    // biome-ignore lint/suspicious/noControlCharactersInRegex: XML has no way to write these.
    .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, '\ufffd');

function strictLogger(id: string) {
  const fail = (...words: unknown[]): never => {
    throw new Error(`The figure ${id}: ${words.join(' ')}`);
  };
  const logger = {
    level: () => logger,
    error: fail,
    warn: fail,
    info: () => logger,
    debug: () => logger,
  };
  return logger as unknown as import('vega').LoggerInterface;
}
