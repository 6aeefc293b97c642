/**
 * How many pixels wide a text is in Arimo, and so in Helvetica, Arial and Liberation Sans, whose
 * letters are as wide. Nothing else measures text where there is no browser; vega's own guess, 0.8 of
 * the font size a character, leaves wide gaps.
 */
export function textWidth(text: string, fontSize: number, bold = false): number {
  let units = 0;
  for (const char of text) units += WIDTHS.get(char) ?? otherWidth(char);
  return (units * fontSize * (bold ? 1.07 : 1)) / 1000;
}

/** Thousandths of the font size. */
const WIDTHS = new Map(
  Object.entries({
    222: "ijl'",
    260: '|',
    278: ' !,./:;I[\\]ft',
    333: '()-`r{}',
    355: '"',
    389: '*',
    469: '^',
    500: 'Jcksvxyz',
    556: '#$0123456789?L_abdeghnopqu',
    584: '+<=>~−×≤≥',
    611: 'FTZ',
    667: '&ABEKPSVXY',
    722: 'CDHNRUw',
    778: 'GOQ',
    833: 'Mm',
    889: '%',
    944: 'W',
    1000: '…→—',
    1015: '@',
  }).flatMap(([width, chars]) => [...chars].map((char) => [char, Number(width)] as const)),
);

const otherWidth = (char: string) => (char.codePointAt(0)! < 0x2e80 ? 600 : 1000);
