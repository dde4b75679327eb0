import type { Log } from './log.ts';
import type { Replica } from './replica.ts';
import type { Timing } from './timing.ts';
import type { Turns } from './turns.ts';
import type { Sequence } from './types.ts';

/** So many looks at the log without news, and those before us are not waited for any longer. */
const IDLE_LOOKS_MAX = 32;
/** Probes sent before it is decided anew what to do. */
const PROBES_MAX = 8;

export interface TurnOptions {
  readonly log: Log;
  readonly replica: Replica;
  readonly timing: Timing;
  readonly turns: Turns;
  /** The log is looked at. */
  readonly onRead: () => void;
}

/** Waits while it is others' turn, so that they don't lose to us nor we to them. */
export async function awaitTurn(options: TurnOptions): Promise<void> {
  const { replica, timing, turns } = options;
  const holdBackMs = turns.holdBackMs(timing.elapsed(), timing.random());
  if (holdBackMs > 0) await timing.pause(holdBackMs);
  for (let idleLooks = 0; idleLooks < IDLE_LOOKS_MAX; idleLooks++) {
    const advice = turns.advise(timing.elapsed());
    if (advice.do === 'put') return;
    const { sequence } = replica.state;
    try {
      if (advice.do === 'wait') await timing.pause(advice.ms);
      else if (advice.do === 'look') await look(options);
      else await probe(options, sequence, advice.everyMs);
    } catch {
      // The put that follows will find out what is wrong.
      return;
    }
    if (replica.state.sequence !== sequence) idleLooks = 0;
  }
}

async function look({ replica, timing, turns, onRead }: TurnOptions): Promise<void> {
  onRead();
  const startedMs = timing.elapsed();
  await replica.sync({ expectNews: true });
  turns.contact(startedMs);
}

/** The one before us is about to commit: asks often, not waiting for answers, so that no time is lost between us. */
async function probe({ log, replica, timing, turns, onRead }: TurnOptions, after: Sequence, everyMs: number): Promise<void> {
  let found = () => {};
  const news = new Promise<void>((resolve) => {
    found = resolve;
  });
  for (let probes = 0; probes < PROBES_MAX && replica.state.sequence === after; probes++) {
    onRead();
    const startedMs = timing.elapsed();
    log.read(after, { verify: false }).then(
      ({ entries }) => {
        if (entries.length === 0 || replica.failure) return;
        replica.ingest(entries);
        turns.contact(startedMs);
        found();
      },
      () => found(),
    );
    await Promise.race([news, timing.pause(everyMs)]);
  }
}
