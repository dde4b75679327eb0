/**
 * Gives every task a worker of its own, if there is a way to: a task that only one worker can do gets that one, though another task was
 * offered it before (augmenting paths, as in Kuhn's algorithm). Tasks that no worker is left for are missing in the answer.
 */
export function assign<Task, Worker>(
  tasks: readonly Task[],
  workersFor: (task: Task) => readonly Worker[],
): ReadonlyMap<Task, Worker> {
  const candidates = new Map(tasks.map((task) => [task, workersFor(task)]));
  const taken = new Map<Worker, Task>();
  const place = (task: Task, asked: Set<Worker>): boolean =>
    candidates.get(task)!.some((worker) => {
      if (asked.has(worker)) return false;
      asked.add(worker);
      const other = taken.get(worker);
      if (other !== undefined && !place(other, asked)) return false;
      taken.set(worker, task);
      return true;
    });
  for (const task of tasks) place(task, new Set());
  return new Map(Array.from(taken, ([worker, task]) => [task, worker]));
}
