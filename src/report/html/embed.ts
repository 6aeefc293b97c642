import { NAMES } from '../charts/palette';

/**
 * A drawn SVG as part of the page: its colours are words of the page's style sheet, so that it follows
 * light and dark; ids that vega counts from 0 in each picture are made different.
 */
export function embedSvg(svg: string, id: string): string {
  const [open] = /^<svg[^>]*>/.exec(svg)!;
  const width = /\bwidth="(\d+)/.exec(open)?.[1] ?? '600';
  const height = /\bheight="(\d+)/.exec(open)?.[1] ?? '400';
  const labels = /aria-labelledby="[^"]*"/.exec(open)?.[0] ?? '';
  const frame = `<svg role="img" ${labels} viewBox="0 0 ${width} ${height}" width="${width}" height="${height}">`;
  return (frame + svg.slice(open.length))
    .replace(/(fill|stroke|color)="(#[0-9a-f]{6}|white)"/gi, (whole, name, color) => {
      const word = WORDS.get(color === 'white' ? '#ffffff' : color.toLowerCase());
      return word ? `${name}="var(--chart-${word})"` : whole;
    })
    .replace(/\bid="((?:clip|gradient)[^"]*)"/g, `id="${id}-$1"`)
    .replace(/url\(#((?:clip|gradient)[^)]*)\)/g, `url(#${id}-$1)`);
}

const WORDS = new Map(Object.entries(NAMES).map(([name, color]) => [color, name]));
