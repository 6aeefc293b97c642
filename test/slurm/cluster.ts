/** A Slurm of our own for a test: a controller and two nodes on this machine, in a temporary folder. */
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import * as fs from 'node:fs';
import * as net from 'node:net';
import * as os from 'node:os';
import * as path from 'node:path';

const PROGRAMS = [
  'munged',
  'slurmctld',
  'slurmd',
  'sbatch',
  'squeue',
  'scancel',
  'scontrol',
  'sinfo',
];

/** Why there can be no cluster here; '' where there can. */
export function whyNoSlurm(): string {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'Slurm needs root on Linux';
  const places = ['/usr/sbin', ...(process.env.PATH ?? '').split(':')];
  const missing = PROGRAMS.filter(
    (name) => !places.some((place) => fs.existsSync(path.join(place, name))),
  );
  return missing.length
    ? `no ${missing.join(', ')}: apt-get install --no-install-recommends slurm-wlm munge`
    : '';
}

export const NODES = ['one', 'two'] as const;

export interface Cluster {
  /** For programs that talk to it. */
  env: Record<string, string>;
  /** Ends a node and all that runs on it, as a power cut would. */
  killNode(node: (typeof NODES)[number]): void;
  stop(): void;
}

/** Starts it in `folder`, which it writes to. @throws where it does not come up */
export async function startCluster(folder: string): Promise<Cluster> {
  const at = (name: string) => path.join(folder, name);
  for (const name of ['munge', 'state']) fs.mkdirSync(at(name), { recursive: true, mode: 0o700 });
  fs.writeFileSync(at('munge/key'), randomBytes(256), { mode: 0o400 });
  const [controller, ...ports] = await freePorts(1 + NODES.length);
  const host = os.hostname();
  const nodes = NODES.map(
    (name, i) =>
      `NodeName=${name} NodeHostname=${host} NodeAddr=127.0.0.1 Port=${ports[i]} CPUs=1 State=UNKNOWN`,
  );
  // No systemd, no cgroups, no accounts; a lost node is noticed within seconds.
  fs.writeFileSync(
    at('slurm.conf'),
    `ClusterName=tiller
SlurmctldHost=${host}(127.0.0.1)
SlurmctldPort=${controller}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=${at('munge/socket')}
CredType=cred/munge
StateSaveLocation=${at('state')}
SlurmdSpoolDir=${at('spool-%n')}
SlurmctldPidFile=${at('slurmctld.pid')}
SlurmdPidFile=${at('slurmd-%n.pid')}
SlurmctldLogFile=${at('slurmctld.log')}
SlurmdLogFile=${at('slurmd-%n.log')}
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
ReturnToService=2
SlurmdTimeout=4
KillWait=2
SchedulerParameters=batch_sched_delay=0,sched_interval=1,bf_interval=1,sched_min_interval=0
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
${nodes.join('\n')}
PartitionName=small Nodes=${NODES.join(',')} Default=YES MaxTime=INFINITE State=UP
`,
  );
  const env = { SLURM_CONF: at('slurm.conf') };
  const run = (program: string, ...words: string[]) => {
    const all = { ...process.env, ...env, PATH: `${process.env.PATH}:/usr/sbin` };
    const { status, stdout, stderr } = spawnSync(program, words, { env: all, encoding: 'utf8' });
    if (status !== 0) throw new Error(`${program} ${words.join(' ')}: ${stderr}${stdout}`);
    return stdout;
  };
  const killNode = (node: (typeof NODES)[number]) => {
    killPid(pidIn(at(`slurmd-${node}.pid`)));
    for (const pid of sessionsBelow(at(`spool-${node}/`))) killPid(pid);
  };
  const stop = () => {
    for (const node of NODES) killNode(node);
    for (const name of ['slurmctld.pid', 'munge/pid']) killPid(pidIn(at(name)));
  };
  try {
    const ofMunge = ['socket', 'pid', 'log', 'seed'].map((name) => {
      const option = { socket: 'socket', pid: 'pid-file', log: 'log-file', seed: 'seed-file' }[
        name
      ];
      return `--${option}=${at(`munge/${name}`)}`;
    });
    run('munged', '--force', `--key-file=${at('munge/key')}`, ...ofMunge);
    run('slurmctld', '-f', at('slurm.conf'), '-c');
    for (const node of NODES) run('slurmd', '-f', at('slurm.conf'), '-N', node);
    for (let tries = 0; run('sinfo', '-hN', '-o', '%T').match(/idle/g)?.length !== 2; tries++) {
      if (tries > 100) throw new Error('The nodes do not come up.');
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  } catch (error) {
    stop();
    throw error;
  }
  return { env, killNode, stop };
}

async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => net.createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map((one) => new Promise((resolve) => one.once('listening', resolve))));
  const ports = servers.map((one) => (one.address() as net.AddressInfo).port);
  await Promise.all(servers.map((one) => new Promise((resolve) => one.close(resolve))));
  return ports;
}

function pidIn(file: string): number | undefined {
  return fs.existsSync(file) ? Number(fs.readFileSync(file, 'utf8')) || undefined : undefined;
}

function killPid(pid: number | undefined) {
  if (pid === undefined) return;
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // ended already
  }
}

/** All processes of the sessions in which a script below a folder runs: Slurm's own are among them. */
function sessionsBelow(folder: string): number[] {
  const pids = fs.readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  const read = (pid: string, file: string) => {
    try {
      return fs.readFileSync(`/proc/${pid}/${file}`, 'utf8');
    } catch {
      return '';
    }
  };
  const sessionOf = (pid: string) => read(pid, 'stat').split(') ').at(-1)?.split(' ')[3] ?? '';
  const scripts = pids.filter((pid) => read(pid, 'cmdline').includes(folder));
  const sessions = new Set(scripts.map(sessionOf).filter(Boolean));
  return pids.filter((pid) => sessions.has(sessionOf(pid))).map(Number);
}
