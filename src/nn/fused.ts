/**
 * Functions of this folder that a backend may compute in one kernel. Each is written in ops of tfjs,
 * which is what it means; tensorflow has a kernel for it (src/backend/tensorflow/kernels.ts) that spares the
 * way through tfjs between its ops. Gradients are only known of the ops, so they switch it off.
 */
import * as tf from '@tensorflow/tfjs-core';

/** What each kernel is told beside its inputs. */
export interface FusedAttributes {
  LayerNorm: { eps: number };
  RMSNorm: { eps: number };
  GeluTanh: { slope: number; bend: number };
  Linear: Record<string, never>;
  Rope: Record<string, never>;
  Attention: { pieces: number; scale: number; softcap: number | null };
}

/** Runs the kernel `name` where the backend in use has it, else `ops`. */
export function fused<T extends tf.Tensor, K extends keyof FusedAttributes>(
  name: K,
  inputs: tf.Tensor[],
  attributes: FusedAttributes[K],
  ops: () => T,
): T {
  const engine = tf.engine();
  if (engine.state.gradientDepth > 0 || !tf.getKernel(name, engine.backendName)) return ops();
  return engine.runKernel<T>(
    name,
    inputs as unknown as tf.NamedTensorMap,
    attributes as unknown as tf.NamedAttrMap,
  );
}
