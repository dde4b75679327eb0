import type { AssignedUnit } from '../../core/node/assigned-unit.ts';

/** What the planner may decide, as data: step name -> arguments. A step without an executor does not compile (see execute-step.ts). */
export interface UnitStepArguments {
  /** Put its file where systemd finds it. */
  writeUnit: { readonly unit: AssignedUnit };
  /** Remove its file and what was made for it. */
  removeUnit: Record<never, never>;
  /** Let systemd read what has been written and removed. */
  reload: Record<never, never>;
  /** A new process for this generation, whether one runs or not. */
  startUnit: { readonly uid: string; readonly generation: number; readonly fenced: boolean; readonly lease?: number };
  /** Ask systemd to stop it, in the time that the unit gives itself. `reason` is for people. */
  stopUnit: { readonly reason: string };
  /** Its time for stopping is over. `tell`: worth an Event, with these words. */
  killUnit: { readonly tell?: string };
  /** It has been stopped: whatever it was started for, the next start is a new one. */
  forgetLaunch: Record<never, never>;
}

export type UnitStepType = keyof UnitStepArguments;
export type UnitStepOf<T extends UnitStepType> = {
  readonly type: T;
  /** Steps of the same unit never run at the same time. '' for what concerns all of them. */
  readonly name: string;
} & UnitStepArguments[T];
export type UnitStep = { [T in UnitStepType]: UnitStepOf<T> }[UnitStepType];

export function unitStep<T extends UnitStepType>(type: T, name: string, arguments_: UnitStepArguments[T]): UnitStepOf<T> {
  return { type, name, ...arguments_ };
}
