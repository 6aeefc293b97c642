import { InputError } from './errors';

/**
 * A script of a page with all that it imports, for browsers (some 30 ms).
 * @throws InputError where there is no esbuild
 */
export async function bundleScript(entry: string): Promise<Buffer> {
  const { build } = await import('esbuild').catch(() => {
    throw new InputError(
      'The scripts of pages are bundled by esbuild, which is not there: install the development dependencies too.',
    );
  });
  const { outputFiles } = await build({
    ...{ entryPoints: [entry], bundle: true, minify: true, write: false, charset: 'utf8' },
    ...{ format: 'esm', platform: 'browser', target: 'es2022', legalComments: 'none' },
    logLevel: 'silent',
  });
  return Buffer.from(outputFiles[0].contents);
}
