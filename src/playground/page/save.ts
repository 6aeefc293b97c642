import type { Engine } from '../protocol';

/** Has the browser save a vector as a .safetensors file. */
export async function save(engine: Engine, id: string): Promise<void> {
  const bytes = (await engine.vectorFile(id)) as Uint8Array<ArrayBuffer>;
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([bytes], { type: 'application/octet-stream' }));
  link.download = id.endsWith('.safetensors') ? id : `${id}.safetensors`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
