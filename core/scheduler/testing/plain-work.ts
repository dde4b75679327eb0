import type { SchedulingNode, Work } from '../engine/work.ts';

/** Work without any constraint but its size. */
export function plainWork(name: string, cpu: number, memory: number, priority = 0): Work {
  return {
    namespace: '',
    name,
    labels: {},
    requests: new Map([
      ['cpu', cpu],
      ['memory', memory],
    ]),
    ports: [],
    tolerations: [],
    preferences: [],
    needs: [],
    avoids: [],
    replaces: [],
    likes: [],
    spread: [],
    priority,
    preempts: false,
  };
}

export function plainNode(name: string, cpu: number, memory: number): SchedulingNode {
  return {
    name,
    labels: {},
    taints: [],
    room: new Map([
      ['cpu', cpu],
      ['memory', memory],
      ['pods', 1_000],
    ]),
  };
}
