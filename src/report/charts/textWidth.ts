/**
 * About how many pixels wide a text is in a sans-serif font. Nothing measures text where there is no
 * browser; vega's own guess, 0.8 of the font size a character, leaves wide gaps.
 */
export function textWidth(text: string, fontSize: number, bold = false): number {
  let units = 0;
  for (const char of text) units += unitsOf(char);
  return units * fontSize * (bold ? 1.08 : 1);
}

/** Of the font size, rather too much than too little: readers' fonts differ. */
function unitsOf(char: string): number {
  if (/[ijlI.,:;'|!]/.test(char)) return 0.33;
  if (/[ frt()[\]/\\-]/.test(char)) return 0.42;
  if (/[mwMW@%—…]/.test(char)) return 0.95;
  if (/[A-Z_+=<>~≤≥→]/.test(char)) return 0.74;
  return char.codePointAt(0)! < 0x2e80 ? 0.62 : 1;
}
