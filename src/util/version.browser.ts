/** As version.ts: the build says which version it is of. */
declare const TILLER_VERSION: string;

export const toolVersion = `tiller ${TILLER_VERSION}`;
