/** NVIDIA graphics cards, as their driver reports them. The only file that asks nvidia-smi. */
import { spawnSync } from 'node:child_process';

export interface GraphicsCard {
  name: string;
  /** `GPU-` and the serial number that CUDA_VISIBLE_DEVICES may name too. */
  uuid: string;
  /** In bytes. */
  memory: number;
  /** In bytes; NaN where the driver does not say. */
  free: number;
  driver: string;
}

const query = '--query-gpu=name,uuid,memory.total,memory.free,driver_version';

/** All cards of the machine, in the order of their slots; none without a driver. */
export function graphicsCards(): GraphicsCard[] {
  const flags = [query, '--format=csv,noheader,nounits'];
  const { status, stdout } = spawnSync('nvidia-smi', flags, { encoding: 'utf8' });
  if (status !== 0) return [];
  const mebibytes = (text: string) => Number.parseInt(text, 10) * 2 ** 20;
  return stdout
    .split('\n')
    .map((line) => line.split(',').map((cell) => cell.trim()))
    .filter((cells) => cells.length === 5)
    .map(([name, uuid, memory, free, driver]) => {
      return { name, uuid, memory: mebibytes(memory), free: mebibytes(free), driver };
    });
}

/**
 * Leaves one card to CUDA: the first that CUDA_VISIBLE_DEVICES names, or CUDA's own first. With
 * several in sight, tfjs-node puts tensors on the last and computes on the first.
 */
export function useOneCard(env: NodeJS.ProcessEnv): void {
  env.CUDA_VISIBLE_DEVICES = (env.CUDA_VISIBLE_DEVICES ?? '0').split(',')[0].trim();
}

/**
 * The card that CUDA_VISIBLE_DEVICES leaves in sight, by its number or the beginning of its uuid;
 * undefined where it can't be told: CUDA numbers different cards by their speed, unless
 * CUDA_DEVICE_ORDER is PCI_BUS_ID.
 */
export function cardInUse(cards: GraphicsCard[], env: NodeJS.ProcessEnv): GraphicsCard | undefined {
  const [chosen] = (env.CUDA_VISIBLE_DEVICES ?? '0').split(',').map((word) => word.trim());
  if (chosen.startsWith('GPU-')) return cards.find(({ uuid }) => uuid.startsWith(chosen));
  if (!/^\d+$/.test(chosen)) return undefined;
  const alike = cards.every(({ name }) => name === cards[0].name);
  return alike || env.CUDA_DEVICE_ORDER === 'PCI_BUS_ID' ? cards[Number(chosen)] : undefined;
}
