export type BackendName = 'tensorflow' | 'wasm' | 'webgpu';

export interface BackendInfo {
  name: BackendName;
  /** For people: the library, its version and device. In a browser, also why it is not another one. */
  detail: string;
  gpu: boolean;
  /** Of tensorflow: the candidate that was loaded. */
  place?: string;
  /** Of tensorflow: whether it can take functions, so that a decoding step is one call. */
  functions?: boolean;
}
