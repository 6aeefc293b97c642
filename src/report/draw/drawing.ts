/** The packages that draw, loaded once a process and only when there is something to draw. */
import * as fs from 'node:fs';
import { textWidth } from '../charts/textWidth';

type Vega = typeof import('vega');

export interface Drawing {
  vega: Vega;
  vegaLite: typeof import('vega-lite');
  renderPng: typeof import('@resvg/resvg-js').renderAsync;
  /** Font files for pictures of points; SVG leaves the font to the reader's machine. */
  fonts: string[];
}

/** What loads each: another in tests. Our code is CommonJS, vega an ES module: `import()` joins them. */
export const PACKAGES = {
  vega: () => import('vega'),
  'vega-lite': () => import('vega-lite'),
  '@resvg/resvg-js': () => import('@resvg/resvg-js'),
  '@expo-google-fonts/arimo': async () =>
    ['400Regular/Arimo_400Regular', '700Bold/Arimo_700Bold'].map((name) =>
      require.resolve(`@expo-google-fonts/arimo/${name}.ttf`),
    ),
};

/** The packages, or, in a sentence, why there are no pictures. */
export type Loaded = { drawing: Drawing } | { missing: string };

let loaded: Promise<Loaded> | undefined;

/** Where a package is not installed (`npm install --omit=optional`), says how to get it. */
export function loadDrawing(): Promise<Loaded> {
  loaded ??= load(PACKAGES);
  return loaded;
}

export async function load(packages: typeof PACKAGES): Promise<Loaded> {
  const missing: string[] = [];
  const get = async <K extends keyof typeof PACKAGES>(name: K) => {
    try {
      return (await packages[name]()) as Awaited<ReturnType<(typeof PACKAGES)[K]>>;
    } catch (error) {
      if (!isMissing(error)) throw error;
      missing.push(name);
      return undefined;
    }
  };
  const [vega, vegaLite, resvg, fonts] = await Promise.all([
    get('vega'),
    get('vega-lite'),
    get('@resvg/resvg-js'),
    get('@expo-google-fonts/arimo'),
  ]);
  if (!vega || !vegaLite || !resvg || !fonts) {
    const what = `npm install --include=optional ${missing.join(' ')}`;
    return { missing: `Pictures are left out: ${missing.join(', ')} not installed (${what}).` };
  }
  measureText(vega);
  return {
    drawing: { vega, vegaLite, renderPng: resvg.renderAsync, fonts: fonts.filter(fs.existsSync) },
  };
}

/** Also of its native part, which is a package of its own for each platform. */
function isMissing(error: unknown): boolean {
  const { code, message } = error as { code?: string; message?: string };
  return (
    code === 'ERR_MODULE_NOT_FOUND' ||
    code === 'MODULE_NOT_FOUND' ||
    /native binding/i.test(message ?? '')
  );
}

function measureText(vega: Vega): void {
  const { textMetrics } = vega as unknown as {
    textMetrics: { width(item: TextItem, text: unknown): number };
  };
  textMetrics.width = ({ fontSize = 11, fontWeight }, text) =>
    textWidth(String(text ?? ''), fontSize, fontWeight === 'bold');
}

interface TextItem {
  fontSize?: number;
  fontWeight?: string | number;
}
